"""Tables as data sets: which rows are held out, and how training draws the others.

CTGAN trains by sampling (Xu et al., 2019, section 4.3): a categorical column is drawn, then
one of its values, in proportion to the logarithm of how often it occurs, and then a row
with that value. So rare values are learned, too. The value is the condition that G is
given, a label that numbers the values of all categorical columns. Here an epoch holds each
pair of row and label as often as it is drawn on average, so that data is a function of the
step, as for any other source. Models without conditions, such as TVAE, are trained on the
rows as they occur. Which of both it is, is a `Sampler`: `by_sampling` or `as_they_occur`.
"""

import os
import zlib
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int

from ganjax.core import Batch
from ganjax.data import digest
from ganjax.data.names import printable, shortened
from ganjax.data.objects import IN_MEMORY, Data
from ganjax.data.schema import (
    Categorical,
    Schema,
    encode,
    is_known,
    remarks,
)
from ganjax.data.source import LoadReport, Source, Spec, example_struct
from ganjax.data.tables import Table, from_frame, read_table
from ganjax.errors import NoSplit, UsageError


HELD_OUT = 5  # one row in so many is held out where a table is not divided
SPLITS = ("train", "test", "all")
MAX_PAIRS = 50_000_000  # of rows and labels in an epoch
# The source of a table's rows -> the source that training draws from, whose `components`
# are the rows.
Sampler = Callable[[Source, Schema], Source]


def _of_sklearn(load: str, target: str, **options: Any) -> Table:
    """A table of scikit-learn, whose last column is what is to be predicted."""
    from sklearn import datasets

    stored = getattr(datasets, load)(**options)
    columns = dict(zip(map(str, stored.feature_names), stored.data.T, strict=True))
    predicted = stored.target
    if "target_names" in stored:
        predicted = np.asarray(stored.target_names)[predicted]
    return from_frame({**columns, target: predicted})


# All are of the UCI repository or of its like, and come with scikit-learn.
BUILT_IN: Mapping[str, Callable[[], Table]] = {
    "iris": partial(_of_sklearn, "load_iris", "species"),
    "wine": partial(_of_sklearn, "load_wine", "cultivar"),
    "breast_cancer": partial(_of_sklearn, "load_breast_cancer", "diagnosis"),
    "diabetes": partial(_of_sklearn, "load_diabetes", "progression", scaled=False),
}


def read_split(where: str | os.PathLike[str], split: str = "train") -> Table:
    """Returns the rows of one split of a table.

    A folder has its splits in files, train.csv and test.csv. Of a single file, a fixed
    permutation holds out every fifth row.

    Args:
        where: a name of `BUILT_IN`, or the path of a CSV, of a Parquet file, or of a folder
            with files of these names.
        split: "train", "test", or "all".

    Raises:
        NoSplit: there is no such split.
        UsageError: there is no such place, or the table cannot be read.
    """
    if split not in SPLITS:
        raise NoSplit(
            f"{printable(str(where))} has no split {shortened(split)!r}: the splits of a "
            f"table are {', '.join(SPLITS)}."
        )
    if str(where) in BUILT_IN:
        return divided(BUILT_IN[str(where)](), split)
    path = Path(where).expanduser()
    if path.is_dir():
        return _read_folder(path, split)
    if not path.exists():
        raise UsageError(
            f"There is no table {shortened(str(where))!r}: give {', '.join(BUILT_IN)}, or "
            "the path of a .csv or .parquet file, or of a folder with train.csv and "
            "test.csv."
        )
    return divided(read_table(path), split)


def divided(table: Table, split: str) -> Table:
    """Returns the rows of a split, of which a fixed permutation holds out every fifth."""
    if split == "all":
        return table
    # Tables are often sorted: without a permutation, the splits would differ.
    order = np.random.default_rng(0).permutation(len(table))
    count = len(table) // HELD_OUT
    if split == "test" and not count:
        raise NoSplit(f"{_counted(len(table))} are too few to hold out any.")
    return table.take(np.sort(order[:count] if split == "test" else order[count:]))


def load(spec: Spec, schema: Schema, sampler: Sampler | None = None) -> Source:
    """Opens the table that a spec names, as a `Modality.load` does.

    Args:
        spec: where the table is, and which split.
        schema: what its columns are.
        sampler: how training draws rows; None is `by_sampling`.

    Raises:
        NoSplit: there is no such split.
        UsageError: there is no such table, or its columns are not those of the schema.
    """
    table = read_split(spec.where, spec.split)
    if spec.where not in BUILT_IN:
        spec = spec._replace(where=str(Path(spec.where).expanduser().absolute()))
    if spec.split != "train":
        return _known_source(spec, table, schema)
    try:
        held_out = len(read_split(spec.where, "test"))
    except NoSplit:
        held_out = 0
    report = LoadReport(held_out, "test" if held_out else "", notes=remarks(schema))
    source = source_of(spec, table, schema)._replace(report=report)
    return (sampler or by_sampling)(source, schema)


def in_memory(
    train: Any, schema: Schema, held_out: Any = None, sampler: Sampler | None = None
) -> Data:
    """Returns the `Data` of a DataFrame or of a `Table`, to be given to `ganjax.train`.

    Args:
        train: what is trained on: a `Table`, a DataFrame, or a dict of columns.
        schema: what its columns are.
        held_out: rows of the same kind that samples are compared with; None holds out every
            fifth row of `train`.
        sampler: how training draws rows; None is `by_sampling`.
    """
    table = train if isinstance(train, Table) else from_frame(train)
    if held_out is None:
        tables = {split: divided(table, split) for split in ("train", "test")}
    else:
        test = held_out if isinstance(held_out, Table) else from_frame(held_out)
        tables = {"train": table, "test": test}

    def load(spec: Spec) -> Source:
        if spec.split not in tables:
            raise NoSplit(f"{spec.where} has no split {spec.split!r}.")
        if spec.split != "train":
            return _known_source(spec, tables[spec.split], schema)
        report = LoadReport(len(tables["test"]), "test", notes=remarks(schema))
        source = source_of(spec, tables["train"], schema)._replace(report=report)
        return (sampler or by_sampling)(source, schema)

    return Data(Spec(IN_MEMORY), load)


def source_of(spec: Spec, table: Table, schema: Schema) -> Source:
    """Returns a source of the rows of a table, in the table's order.

    An example is a dict with the fields of `schema.Encoded`; the label of a row is the
    value of its first categorical column.
    """
    rows = encode(schema, table)
    label = _labels(schema, rows.code)[:, 0]

    def inventory() -> dict[str, str]:
        text = " ".join(map(digest.array, rows))
        size = sum(array.nbytes for array in rows)
        return {"table": digest.entry(size, zlib.crc32(text.encode()))}

    return Source(
        spec=spec,
        length=len(table),
        example={
            name: example_struct(x.shape[1:], x.dtype)
            for name, x in rows._asdict().items()
        },
        classes=schema.conditions,
        read=lambda at: Batch(
            {name: x[at] for name, x in rows._asdict().items()}, label[at]
        ),
        inventory=inventory,
    )


def by_sampling(source: Source, schema: Schema) -> Source:
    """Returns the source by which CTGAN trains: rows by the values of their categories.

    Its `components` are the rows as they occur.

    Args:
        source: the rows, as `source_of` gives them.
        schema: what the columns are; without categorical ones, rows stay as they are.
    """
    if not schema.categorical:
        return as_they_occur(source, schema)
    labels = _labels(schema, source.read(np.arange(source.length)).x["code"])
    row, label = _pairs(labels, schema)

    def read(at: np.ndarray) -> Batch:
        return Batch(source.read(row[at]).x, label[at])

    return source._replace(length=len(row), read=read, components=(source,))


def as_they_occur(source: Source, schema: Schema) -> Source:
    """Returns the source from which training draws every row equally often."""
    return source._replace(components=(source,))


def _pairs(
    labels: Int[np.ndarray, "rows columns"], schema: Schema
) -> tuple[Int[np.ndarray, " pairs"], Int[np.ndarray, " pairs"]]:
    """The row and the label of each pair of an epoch, equally many for each column."""
    rng = np.random.default_rng(0)
    count = max(1, min(len(labels), MAX_PAIRS // labels.shape[1]))
    rows, conditions = [], []
    start = 0
    for column, of_rows in zip(schema.categorical, labels.T, strict=True):
        found = np.bincount(of_rows - start, minlength=column.width)
        weights = np.log1p(found)
        times = _rounded(count * weights / weights.sum())
        # Each value that occurs is in an epoch at least once.
        times = np.where(found > 0, np.maximum(times, 1), 0)
        for value, number in enumerate(times):
            matching = rng.permutation(np.flatnonzero(of_rows == start + value))
            rows.append(np.resize(matching, number))
            conditions.append(np.full(number, start + value))
        start += column.width
    return (
        np.concatenate(rows).astype(np.int32),
        np.concatenate(conditions).astype(np.int32),
    )


def _rounded(shares: np.ndarray) -> Int[np.ndarray, " n"]:
    """Whole numbers near these, with the same sum."""
    ends = np.round(shares.cumsum()).astype(int)
    return np.diff(ends, prepend=0)


def _labels(
    schema: Schema, code: Int[np.ndarray, "rows columns"]
) -> Int[np.ndarray, "rows labels"]:
    """The label of each row for each categorical column; one of zeros if there is none."""
    columns, start = [], 0
    for column, of_rows in zip(schema.modeled, code.T, strict=True):
        if isinstance(column, Categorical):
            columns.append(start + of_rows)
            start += column.width
    if not columns:
        return np.zeros((len(code), 1), np.int32)
    return np.stack(columns, axis=1).astype(np.int32)


def _known_source(spec: Spec, table: Table, schema: Schema) -> Source:
    """The source of rows that were held out, without those that have a new value."""
    known = is_known(schema, table)
    if not known.any():
        raise UsageError(
            f"All rows of split {spec.split!r} have values that no training row has: "
            "infer the schema from more rows."
        )
    return source_of(spec, table.take(known), schema)


def _read_folder(path: Path, split: str) -> Table:
    """A split of a folder that has a file for each."""
    found = {
        kind: file
        for kind in ("train", "test")
        for ending in (".csv", ".tsv", ".parquet")
        if (file := path / f"{kind}{ending}").exists()
    }
    if "train" not in found:
        raise UsageError(
            f"{printable(str(path))} holds no train.csv: give the path of a table, or of a "
            "folder with train.csv and test.csv."
        )
    if split != "all":
        if split not in found:
            raise NoSplit(f"{printable(str(path))} holds no {split}.csv.")
        return read_table(found[split])
    tables = [read_table(file) for file in found.values()]
    if len({table.names for table in tables}) > 1:
        raise UsageError(
            f"The tables in {printable(str(path))} have different columns: give both the "
            "same ones in the same order."
        )
    return Table(tables[0].names, np.concatenate([table.cells for table in tables]))


def _counted(rows: int) -> str:
    return f"{rows:,} row{'s' * (rows != 1)}"
