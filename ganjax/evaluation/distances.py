"""Euclidean distances between two sets too large for their whole matrix, or for memory.

|x - y|^2 = |x|^2 - 2 x.y + |y|^2 in float64, on centred features. Inner products are
summed over a block of columns at a time, so that features which are kept as float32, or
in a file (`scratch`), are never all in memory as float64; and a block of rows at a time,
so that neither are all distances. What the expansion loses is at most about
`tolerance(...)`.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from ganjax.errors import Mistake


BLOCK = 2**24  # distances, or features in float64, held at once: 128 MiB
ALL = slice(None)


class Rows(NamedTuple):
    """Feature vectors, read in parts: [length, width], wherever they are kept."""

    length: int
    width: int
    read: Callable[[slice | np.ndarray, slice], np.ndarray]  # (rows, columns) -> part


class Centred(NamedTuple):
    """Feature vectors seen from a centre."""

    rows: Rows
    centre: Float[np.ndarray, " f"]
    norms: Float[np.ndarray, " n"]  # squared distances from the centre


class Nearest(NamedTuple):
    """For each row of one set, the closest row of another."""

    distance: Float[np.ndarray, " n"]  # in the units of the features
    index: Int[np.ndarray, " n"]


def vectors(rows: np.ndarray, what: str, at_least: int = 2) -> Float[np.ndarray, "n f"]:
    """The rows in float64; `Mistake` if there are too few or any is not finite."""
    rows = np.asarray(rows)
    table(rows, what, at_least)
    return rows.astype(np.float64)


def table(rows: np.ndarray | Rows, what: str, at_least: int = 2) -> Rows:
    """An array as `Rows`, uncopied; `Mistake` if rows are too few or not finite.

    `Rows` were found finite when they were gathered, and are only counted.
    """
    if not isinstance(rows, Rows):
        array = np.asarray(rows)
        if array.ndim != 2:
            raise Mistake(
                f"The {what} features must be [n, f], not {list(array.shape)}."
            )
        if not finite(array):
            raise Mistake(f"The {what} features contain NaN or infinity.")
        n, f = array.shape
        rows = Rows(n, f, lambda some, columns: array[some, columns])
    if rows.length < at_least:
        raise Mistake(f"{rows.length} {what} samples are too few: give {at_least}.")
    return rows


def finite(array: np.ndarray) -> bool:
    """Whether there is neither NaN nor infinity; looks at a part at a time."""
    step = max(1, BLOCK // max(1, array[:1].size))
    starts = range(0, len(array), step)
    return all(np.isfinite(array[i : i + step]).all() for i in starts)


def take(rows: Rows, index: Int[np.ndarray, " m"]) -> Rows:
    """Some of the rows, in the order of `index`."""
    read = lambda some, columns: rows.read(index[some], columns)
    return Rows(len(index), rows.width, read)


def same_width(a: np.ndarray | Rows, b: np.ndarray | Rows) -> None:
    """`Mistake` unless both sets were seen through the same features."""
    widths = [x.width if isinstance(x, Rows) else x.shape[1] for x in (a, b)]
    if widths[0] != widths[1]:
        raise Mistake(
            f"Features of {widths[0]} and of {widths[1]} numbers cannot be compared."
        )


def centred(rows: Rows, centre: Float[np.ndarray, " f"] | None = None) -> Centred:
    """The rows seen from `centre`, by default their own mean."""
    if centre is None:
        centre = mean(rows)
    norms = np.zeros(rows.length)
    for columns in parts(rows.width, rows.length):
        norms += np.square(_read(rows, ALL, columns, centre)).sum(1)
    return Centred(rows, centre, norms)


def mean(rows: Rows) -> Float[np.ndarray, " f"]:
    """The mean of the rows in float64."""
    columns = parts(rows.width, rows.length)
    return np.concatenate([_read(rows, ALL, each).mean(0) for each in columns])


def products(
    a: Centred, b: Centred, block: int = 0
) -> Iterator[tuple[slice, Float[np.ndarray, "rows m"]]]:
    """Inner products of a block of rows of `a` with all of `b`, about one centre.

    A block holds at most `block` products, `BLOCK` by default, and at least one row.
    """
    n, m = a.rows.length, b.rows.length
    step = max(1, (block or BLOCK) // m)
    for rows in (slice(i, min(i + step, n)) for i in range(0, n, step)):
        total = None
        for columns in parts(a.rows.width, rows.stop - rows.start + m):
            y = _read(b.rows, ALL, columns, b.centre)
            # A set's products with itself are recognized by NumPy where both factors
            # are one array, and take half the time.
            x = y[rows] if a.rows is b.rows else _read(a.rows, rows, columns, a.centre)
            product = x @ y.T
            total = product if total is None else np.add(total, product, out=total)
        assert total is not None
        yield rows, total


def squared(
    a: Centred, b: Centred
) -> Iterator[tuple[slice, Float[np.ndarray, "rows m"]]]:
    """Squared distances from a block of rows of `a` to all of `b`, block by block."""
    for rows, product in products(a, b):
        yield rows, expand(product, a.norms[rows], b.norms)


def expand(
    product: Float[np.ndarray, "n m"],
    a: Float[np.ndarray, " n"],
    b: Float[np.ndarray, " m"],
) -> Float[np.ndarray, "n m"]:
    """Squared distances from inner products, in whose place they are put, and norms."""
    product *= -2
    product += a[:, None]
    product += b[None]
    return np.maximum(product, 0, out=product)


def tolerance(*sets: Centred) -> float:
    """A squared distance below which the expansion cannot tell two points apart."""
    return 1e-12 * max(each.norms.max() for each in sets)


def nearest(a: np.ndarray | Rows, b: np.ndarray | Rows) -> Nearest:
    """The nearest row of `b` for each of `a`; a copy is at a distance of exactly 0."""
    a, b = table(a, "generated", 1), table(b, "training", 1)
    same_width(a, b)
    about = centred(b)
    return nearest_of(centred(a, about.centre), about)


def nearest_of(a: Centred, b: Centred) -> Nearest:
    """The same of sets that are seen from one centre."""
    index = np.concatenate([square.argmin(1) for _, square in squared(a, b)])
    # The expansion leaves of a copy's distance some rounding: take differences instead.
    square = np.zeros(len(index))
    for columns in parts(a.rows.width, 2 * len(index)):
        gap = _read(a.rows, ALL, columns)
        gap -= _read(b.rows, index, columns)
        square += np.square(gap, out=gap).sum(1)
    return Nearest(np.sqrt(square), index)


def parts(width: int, height: int) -> Iterator[slice]:
    """Ranges of `width` that are as long as `height` of them fit into a block."""
    step = max(1, BLOCK // max(1, height))
    return (slice(i, min(i + step, width)) for i in range(0, width, step))


def _read(
    rows: Rows,
    some: slice | np.ndarray,
    columns: slice,
    centre: Float[np.ndarray, " f"] | None = None,
) -> Float[np.ndarray, "n c"]:
    part = rows.read(some, columns).astype(np.float64)
    if centre is not None:
        part -= centre[columns]
    return part
