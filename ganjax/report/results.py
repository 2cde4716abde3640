"""Results of a study: tables of numbers in a JSON file, and how they are rendered.

A study prints its table row by row and writes the numbers, with the command and the
versions of the libraries, to one file. The documentation renders its tables from these
files, so that a table on a page always has the numbers of a run.

    table = Table("ranks", [Column("GAN"), Column("mean", ".2f")])
    table.print_header()
    table.add("DCGAN", 60.56)                      # prints the row
    write_results("results.json", "Three GANs", [table])
"""

import json
import math
import os
import platform
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ganjax.report import markdown
from ganjax.store import write


LIBRARIES = "jax", "flax", "optax", "numpy"


class Column(NamedTuple):
    """A column of a table.

    Attributes:
        name: its heading, with the unit.
        format: the format of its numbers, as `format` takes it; text is left as it is.
    """

    name: str
    format: str = ""


@dataclass
class Table:
    """A table of numbers.

    A cell is text, a number, None where there is nothing, a list of numbers (one for each
    seed), or an `interval` or a `spread`, which are dicts.

    Attributes:
        name: what the documentation refers to it by.
        columns: its columns.
        rows: its rows, one cell for each column.
    """

    name: str
    columns: Sequence[Column]
    rows: list[list[Any]] = field(default_factory=list)

    def print_header(self) -> None:
        """Prints the names of the columns."""
        markdown.print_header([column.name for column in self.columns])

    def add(self, *cells: Any) -> None:
        """Adds a row and prints it at once, as the next one may take hours."""
        self.rows.append([plain(cell) for cell in cells])
        markdown.print_row(self.rendered(self.rows[-1]))

    def rendered(self, row: Sequence[Any]) -> list[str]:
        """Returns the cells of a row as text."""
        pairs = zip(row, self.columns, strict=True)
        return [render_cell(cell, column.format) for cell, column in pairs]

    def to_markdown(self) -> str:
        """Returns the table in Markdown."""
        names = [column.name for column in self.columns]
        rows = [markdown.row(self.rendered(row)) for row in self.rows]
        return "\n".join([markdown.header(names), *rows])


def spread(values: Any, around: float | None = None) -> dict[str, float]:
    """Returns a cell for a mean and the deviation around it, "0.117 ± 0.002".

    Args:
        values: the mean; or numbers, whose mean and standard deviation (over n - 1) it is.
        around: the deviation, where `values` is the mean.
    """
    if around is None:
        return {"mean": plain(np.mean(values)), "around": plain(np.std(values, ddof=1))}
    return {"mean": plain(values), "around": plain(around)}


def interval(
    mean: float, low: float, high: float, verdict: str = ""
) -> dict[str, float | str]:
    """Returns a cell for a mean with its interval, "+0.6 (+0.2 to +0.9): gain"."""
    cell = {"mean": plain(mean), "low": plain(low), "high": plain(high)}
    return {**cell, "verdict": verdict} if verdict else cell


def plain(cell: Any) -> Any:
    """Returns a cell as JSON has it: NumPy's numbers as Python's, and None for NaN."""
    if isinstance(cell, np.ndarray | np.generic):
        return plain(cell.tolist())
    if isinstance(cell, list | tuple):
        return [plain(one) for one in cell]
    return None if isinstance(cell, float) and math.isnan(cell) else cell


def render_cell(cell: Any, number_format: str = "") -> str:
    """Returns a cell as text."""
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, Mapping):
        mean = format(cell["mean"], number_format)
        if "around" in cell:
            return f"{mean} ± {format(cell['around'], number_format)}"
        low, high = (format(cell[end], number_format) for end in ("low", "high"))
        verdict = f": {cell['verdict']}" if "verdict" in cell else ""
        return f"{mean} ({low} to {high}){verdict}"
    if isinstance(cell, Sequence):
        return ", ".join(render_cell(one, number_format) for one in cell)
    return format(cell, number_format)


class Results(NamedTuple):
    """What a study found.

    Attributes:
        study: what it compares, in a few words.
        commands: the commands that reproduce it.
        measured: when it was measured, on what, and with which versions, as text by name.
        tables: the tables by name.
    """

    study: str
    commands: list[str]
    measured: dict[str, str]
    tables: dict[str, Table]

    def to_markdown(self, without: str = "") -> str:
        """Returns the commands, the tables and when they were measured, in Markdown.

        Args:
            without: the name of a table that is left out.
        """
        commands = "\n".join(self.commands)
        shown = [each for name, each in self.tables.items() if name != without]
        tables = "\n\n".join(each.to_markdown() for each in shown)
        return f"```bash\n{commands}\n```\n\n{tables}\n\n{self.measured_in_words()}"

    def measured_in_words(self) -> str:
        """Returns a sentence that says when and on what the results were measured."""
        told = dict(self.measured)
        when, where = told.pop("date"), told.pop("on")
        rest = "".join(f"; {name}: {value}" for name, value in told.items())
        return f"*Measured on {when}: {where}{rest}.*"


def read_results(path: str | Path) -> Results:
    """Reads the results of a study."""
    stored = json.loads(Path(path).read_text())
    tables = [
        Table(
            each["name"], [Column(**column) for column in each["columns"]], each["rows"]
        )
        for each in stored["tables"]
    ]
    return Results(
        study=stored["study"],
        commands=stored["commands"],
        measured=stored["measured"],
        tables={table.name: table for table in tables},
    )


def write_results(path: str | Path, study: str, tables: Sequence[Table]) -> None:
    """Writes the results of a study, with the command of this process.

    Args:
        path: the file to write. To publish it, copy it to `docs/results/`.
        study: what was compared, in a few words.
        tables: the tables.
    """
    stored = {
        "study": study,
        "commands": [f"python {shlex.join(sys.argv)}"],
        "measured": measured_here(),
        "tables": [
            {
                "name": table.name,
                "columns": [column._asdict() for column in table.columns],
                "rows": table.rows,
            }
            for table in tables
        ],
    }
    text = json.dumps(stored, indent=1, ensure_ascii=False) + "\n"
    write(Path(path).expanduser(), text, parents=True)
    print(f"Results: {path}")


def measured_here() -> dict[str, str]:
    """Returns the date, the processor and the versions of the libraries."""
    found = {"date": date.today().isoformat()}
    found["on"] = f"{platform.machine()}, {os.cpu_count()} cores"
    found["python"] = platform.python_version()
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
