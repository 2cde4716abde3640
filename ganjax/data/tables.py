"""Tables of text: rows of named columns, of a CSV, a Parquet file or a DataFrame.

Every cell is kept as the text that a CSV has for it, so that what a cell means is decided
in one place, `ganjax.data.schema`. A CSV is read by Python's own `csv`, a Parquet file by
pyarrow, which TensorFlow Datasets brings; pandas is not needed.
"""

import codecs
import csv
import io
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped

from ganjax.data.names import listed, printable, shortened
from ganjax.errors import UsageError, brief_reason


# What people write where a value is missing; compared without regard to case.
MISSING = frozenset(
    ("", "?", "na", "n/a", "#n/a", "<na>", "nan", "nat", "null", "none", "-nan")
)
DELIMITERS = (",", ";", "\t", "|")
SNIFFED_LINES = 100  # the delimiter follows from so many rows
MAX_CELL = 1_000_000  # characters; a longer cell is most likely a quote without its end
INDEX = r"__index_level_\d+__"  # columns of a Parquet file that pandas made of an index
# A file that begins with these bytes is in that encoding. UTF-32 comes before UTF-16, whose
# mark begins alike.
MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


@dataclass(frozen=True)
class Table:
    """Rows of named columns, whose cells are text.

    Attributes:
        names: the names of the columns, all different.
        cells: the cells, strings without spaces around them; "" where a cell is empty.
    """

    names: tuple[str, ...]
    cells: Shaped[np.ndarray, "rows columns"]

    def __len__(self) -> int:
        return len(self.cells)

    def column(self, name: str) -> Shaped[np.ndarray, " rows"]:
        """Returns the cells of one column.

        Raises:
            UsageError: the table has no such column.
        """
        if name not in self.names:
            raise UsageError(
                f"There is no column {shortened(name)!r}: the columns are "
                f"{listed(self.names, 12)}."
            )
        return self.cells[:, self.names.index(name)]

    def take(self, rows: np.ndarray) -> "Table":
        """Returns a table of some rows, given by their numbers or by booleans."""
        return Table(self.names, self.cells[rows])


def is_missing(cells: Shaped[np.ndarray, " rows"]) -> np.ndarray:
    """Returns where a cell holds no value, such as "", "NA" or "?": booleans [rows]."""
    return np.array([cell.lower() in MISSING for cell in cells], bool)


def read_table(path: str | os.PathLike[str]) -> Table:
    """Reads a .parquet file, or any other file as a CSV.

    A CSV may be in UTF-8, in UTF-16 or UTF-32 with a byte order mark, or in Windows-1252.
    Its cells are separated by commas, semicolons, tabs or bars, whichever divides all of
    its lines alike; its first line has the names of the columns.

    Args:
        path: the file.

    Raises:
        UsageError: the file cannot be read, is not text, holds no rows, has no header, two
            columns of one name, or a line with too many or too few cells.
    """
    path = Path(path)
    if path.suffix.lower() in (".parquet", ".pq"):
        return _read_parquet(path)
    where = printable(str(path))
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"{where} cannot be read ({brief_reason(error)}): make it readable, or give "
            "another file."
        ) from error
    return parse_csv(_decoded(raw, where), where)


def parse_csv(text: str, where: str) -> Table:
    """Returns the table that the text of a CSV holds; `where` names it in messages.

    Raises:
        UsageError: as `read_table`.
    """
    if not text.strip():
        raise UsageError(f"{where} is empty: give a CSV with a header and rows.")
    rows = list(_rows(text, _delimiter(text), where))
    line, header = rows[0]
    names = _names(header, where)
    for line, cells in rows[1:]:
        if len(cells) != len(names):
            raise UsageError(
                f"{where} has {_counted(len(cells), 'cell')} in line {line} and "
                f"{_counted(len(names), 'column')} in its header: give each line as many "
                "cells, and put those that hold a delimiter in quotes."
            )
    if len(rows) == 1:
        raise UsageError(f"{where} has a header and no rows: give a CSV with rows.")
    return _table(names, [cells for _, cells in rows[1:]])


def from_frame(frame: Any) -> Table:
    """Returns the table of a DataFrame of pandas, or of a mapping from names to columns.

    Args:
        frame: the DataFrame, or a dict of sequences of one length. Missing values are None,
            NaN or pandas' own; dates become text as ISO 8601 has them.

    Raises:
        UsageError: it has no rows, columns of different lengths, or two of one name.
    """
    columns = [(str(name), list(frame[name])) for name in _checked_frame_names(frame)]
    lengths = sorted({len(values) for _, values in columns})
    if len(lengths) != 1 or not lengths[0]:
        raise UsageError(
            f"The columns of the table have {listed(map(str, lengths)) or 'no'} values: "
            "give columns of one length, with at least one row."
        )
    names = _names([name for name, _ in columns], "The table")
    texts = [[_text(value) for value in values] for _, values in columns]
    return _table(names, list(zip(*texts, strict=True)))


def to_csv(table: Table) -> str:
    """Returns the text of a CSV: a header, then a line for each row."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.names)
    writer.writerows(table.cells)
    return text.getvalue()


def _decoded(raw: bytes, where: str) -> str:
    """The text of a file, whose encoding follows from its bytes."""
    marked = [encoding for mark, encoding in MARKS.items() if raw.startswith(mark)]
    # Any other file with a null character is a program, an archive or the like.
    if not marked and b"\0" in raw:
        raise UsageError(f"{where} is not a text file: give a CSV.")
    for encoding in marked[:1] or ("utf-8", "cp1252"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise UsageError(
        f"{where} is in an unknown encoding: save it as UTF-8, or give another file."
    )


def _rows(text: str, delimiter: str, where: str) -> Iterator[tuple[int, list[str]]]:
    """Yields the number of the line in which each row ends, and its cells."""
    before = csv.field_size_limit(MAX_CELL)
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=delimiter,
        skipinitialspace=True,
        strict=True,
    )
    try:
        for cells in reader:
            # Empty lines, as at the end of a file, are no rows.
            if cells:
                yield reader.line_num, [cell.strip() for cell in cells]
    except csv.Error as error:
        raise UsageError(
            f"{where} is no valid CSV in line {reader.line_num} ({error}): check the "
            "quotes there, two of which stand for one within a cell."
        ) from error
    finally:
        csv.field_size_limit(before)


def _delimiter(text: str) -> str:
    """The delimiter by which the first rows have the same number of cells, at least two."""
    lines = "\n".join(text.splitlines()[:SNIFFED_LINES])

    def agreement(delimiter: str) -> tuple[float, int]:
        """The share of rows with the most frequent number of cells, and this number."""
        reader = csv.reader(io.StringIO(lines), delimiter=delimiter)
        try:
            counts = Counter(len(cells) for cells in reader if cells)
        except csv.Error:
            return 0.0, 0
        if not counts:
            return 0.0, 0
        width, number = counts.most_common(1)[0]
        return (number / counts.total(), width) if width > 1 else (0.0, 0)

    # With one column no delimiter divides anything, and the first is as good as any.
    return max(DELIMITERS, key=agreement)


def _names(header: Sequence[str], where: str) -> tuple[str, ...]:
    """The names of the columns; one without a name gets one from its place."""
    numbers = [cell for cell in header if _is_number(cell)]
    if numbers:
        raise UsageError(
            f"{where} has no header, as its first line holds {numbers[0]}: begin it with "
            "the names of the columns."
        )
    names = tuple(name or f"column {i}" for i, name in enumerate(header, 1))
    double = [name for name, count in Counter(names).items() if count > 1]
    if double:
        raise UsageError(
            f"{where} has {_counted(names.count(double[0]), 'column')} named "
            f"{shortened(double[0])!r}: give each a name of its own."
        )
    return names


def _table(names: tuple[str, ...], rows: Sequence[Sequence[str]]) -> Table:
    cells = np.empty((len(rows), len(names)), object)
    cells[:] = rows
    return Table(names, cells)


def _read_parquet(path: Path) -> Table:
    from pyarrow import parquet  # not above: its import takes a while

    try:
        # By way of a file of Python's, as pyarrow takes a folder for many tables.
        with path.open("rb") as file:
            stored = parquet.read_table(file)
    except Exception as error:  # pyarrow's errors are of many types
        raise UsageError(
            f"{printable(str(path))} cannot be read as a Parquet file "
            f"({printable(brief_reason(error))}): save it again, or save it as a CSV."
        ) from error
    # What pandas stores of a DataFrame's index is no column of it.
    names = [name for name in stored.column_names if not re.fullmatch(INDEX, name)]
    return from_frame({name: stored.column(name).to_pylist() for name in names})


def _checked_frame_names(frame: Any) -> list[Any]:
    """The names of the columns of a DataFrame or of a mapping."""
    if isinstance(frame, Mapping):
        return list(frame)
    if not hasattr(frame, "columns"):
        raise UsageError(
            f"The table is given as {type(frame).__name__}: give a path, a DataFrame, or a "
            "dict of columns."
        )
    names = list(frame.columns)
    # Of two columns of one name, frame[name] would be both.
    _names([str(name) for name in names if not _is_number(str(name))], "The table")
    return names


def _text(value: Any) -> str:
    """A cell of a DataFrame as a CSV would have it."""
    text = str(value).strip()
    if text.lower() in MISSING:
        return ""
    if hasattr(value, "isoformat"):
        return str(value.isoformat()).removesuffix("T00:00:00")
    # A whole number among floats, as pandas makes of integers with missing values.
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text.lower() not in MISSING


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' * (count != 1)}"
