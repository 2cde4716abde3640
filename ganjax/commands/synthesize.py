"""`ganjax synthesize`: new rows of a table, all of them or those with given values."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import numpy as np

from ganjax.core import Labels
from ganjax.data.names import listed, shortened
from ganjax.data.schema import RARE
from ganjax.data.tables import Table, to_csv
from ganjax.errors import UsageError
from ganjax.run.args import NoPrefix, PathText, PositiveInt, Range, RunFolder, Save
from ganjax.run.loading import Loaded, load
from ganjax.run.terminal import say
from ganjax.run.translate import check_writable
from ganjax.store import write


MAX_ATTEMPTS = 100  # draws of rows until enough have the values that are asked for
MIN_DRAWN = 256  # rows in one attempt


@dataclass(frozen=True)
class Args:
    """Writes new rows of the table that a run has learned."""

    run: RunFolder
    """The folder of a run that was trained on a table."""
    rows: PositiveInt = 1_000
    """Number of rows."""
    where: tuple[str, ...] = ()
    """Values that all rows have, as in --where 'income=>50K' sex=Female. Networks that take
    conditions are given the first one of a category; rows without all of the values are
    drawn again."""
    out: PathText = "synthetic.csv"
    """The .csv file."""
    seed: Annotated[int, Range(0, 2**31 - 1 - MAX_ATTEMPTS)] = 0
    """Seed of the latents; equal seeds give equal rows."""
    save: NoPrefix[Save] = Save()


def main(args: Args) -> None:
    """Writes the rows to `args.out`."""
    out = Path(args.out).expanduser()
    if out.suffix.lower() != ".csv":
        raise UsageError(f"--out {out} is not the name of a .csv file: give one.")
    if out.is_dir():
        raise UsageError(f"--out {out} is a folder; name a file in it.")
    check_writable(out.parent)
    loaded = load(args.run, **asdict(args.save))
    modality = loaded.game.modality
    if modality.table is None:
        raise UsageError(
            f"{args.run} makes {modality.name} and no tables: use `ganjax sample`."
        )
    samples, drawn = _draw(args, loaded, modality.table)
    table = modality.table(samples)
    # Rare values share an output of the networks, and are drawn as the rows are decoded.
    for name, value in _wanted(args.where, table):
        table.column(name)[:] = value
    write(out, to_csv(table), parents=True)
    kept = f", of {drawn:,} drawn" if args.where else ""
    say(f"{len(table):,} rows of {len(table.names)} columns{kept}: {out}")


def _draw(
    args: Args, loaded: Loaded, decode: Callable[[np.ndarray], Table]
) -> tuple[np.ndarray, int]:
    """Draws rows until there are enough with all the values.

    Returns:
        The rows as networks see them, and how many were drawn.
    """
    # Models without conditions, such as TVAE, draw rows of all kinds.
    conditions = loaded.game.conditions
    has_conditions = isinstance(conditions, Labels) and conditions.classes != 0
    known = loaded.classes if has_conditions else ()
    label = next((text for text in args.where if text in known), None)
    count = max(args.rows, MIN_DRAWN) if args.where else args.rows
    kept: list[np.ndarray] = []
    for attempt in range(MAX_ATTEMPTS):
        samples = loaded.sample(count, label=label, seed=args.seed + attempt)
        table = decode(samples)
        matches = np.ones(count, bool)
        for name, value in _wanted(args.where, table):
            _check_value(name, value, loaded.classes)
            matches &= table.column(name) == value
        kept.append(samples[matches])
        if sum(map(len, kept)) >= args.rows:
            return np.concatenate(kept)[: args.rows], (attempt + 1) * count
    raise UsageError(
        f"Only {sum(map(len, kept)):,} of {MAX_ATTEMPTS * count:,} rows that were drawn "
        f"have {listed(args.where)}: give fewer values, or fewer --rows."
    )


def _check_value(name: str, value: str, classes: tuple[str, ...]) -> None:
    """Raises a `UsageError` for a value that its categorical column has not."""
    values = [each for each in classes if each.startswith(f"{name}=")]
    # Values that are rare in a column of very many are not among the classes.
    if values and f"{name}={value}" not in values and f"{name}={RARE}" not in values:
        raise UsageError(
            f"--where {shortened(f'{name}={value}')!r} is no value of this table: give one "
            f"such as {listed(values, 8)}."
        )


def _wanted(where: tuple[str, ...], table: Table) -> list[tuple[str, str]]:
    """The column and the value of each text such as "income=>50K"."""
    pairs = []
    for text in where:
        # A name may hold "=": the longest that is a column's is meant.
        names = [name for name in table.names if text.startswith(f"{name}=")]
        if not names:
            raise UsageError(
                f"--where {shortened(text)!r} is not COLUMN=VALUE: the columns are "
                f"{listed(table.names, 12)}."
            )
        name = max(names, key=len)
        pairs.append((name, text[len(name) + 1 :].strip()))
    return pairs
