"""Euclidean distances between two sets of vectors that are too large for the memory.

Squared distances are expanded as |x - y|^2 = |x|^2 - 2 x.y + |y|^2, on centered vectors in
float64. Vectors may be stored as float32, in memory or in a file
(`ganjax.evaluation.buffer`). Inner products are computed in blocks of columns, so that a
set is never all in memory as float64, and in blocks of rows or in square tiles, so that the
matrix of distances is not either. The expansion loses precision: two squared distances that
differ by less than `tolerance` cannot be distinguished.

The other modules of `ganjax.evaluation` work on `Rows` (where vectors are stored) and
`Centered` (vectors relative to a center, with their norms), which they pass on so that
nothing is computed twice.
"""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Array, Float, Int

from ganjax.errors import UsageError


BLOCK_SIZE = 2**24  # float64 numbers held at once: 128 MiB
ALL = slice(None)


class Rows(NamedTuple):
    """A matrix of vectors [length, width] that is read in parts, wherever it is stored."""

    length: int
    width: int
    read: Callable[[slice | np.ndarray, slice], np.ndarray]  # (rows, columns) -> part


class Centered(NamedTuple):
    """Vectors relative to a center, which is subtracted when they are read."""

    rows: Rows
    center: Float[np.ndarray, " f"]
    squared_norms: Float[np.ndarray, " n"]  # squared distances from the center


class Tile(NamedTuple):
    """Inner products or squared distances of some vectors of one set with some of another.

    Attributes:
        rows: which vectors of the first set.
        columns: which vectors of the second set.
        values: [rows, columns], which the caller may overwrite.
    """

    rows: slice
    columns: slice
    values: Float[np.ndarray, "r c"]


class NearestNeighbors(NamedTuple):
    """For each vector of one set, the nearest of another."""

    distance: Float[np.ndarray, " n"]  # in the units of the features
    index: Int[np.ndarray, " n"]


def as_float64(
    rows: np.ndarray, kind: str, at_least: int = 2
) -> Float[np.ndarray, "n f"]:
    """Converts vectors to float64, after the checks of `as_rows`.

    Raises:
        UsageError: as `as_rows` does.
    """
    rows = np.asarray(rows)
    # Called for its checks only.
    as_rows(rows, kind, at_least)
    return rows.astype(np.float64)


def as_rows(rows: np.ndarray | Rows, kind: str, at_least: int = 2) -> Rows:
    """Wraps an array as `Rows`, without a copy, and checks it.

    Args:
        rows: an array [n, f], or `Rows`, whose values were checked when they were stored.
        kind: what the vectors are of, for the message, such as "training".
        at_least: the smallest number of vectors.

    Raises:
        UsageError: another number of axes, NaN or infinity, or too few vectors.
    """
    if not isinstance(rows, Rows):
        array = np.asarray(rows)
        if array.ndim != 2:
            raise UsageError(
                f"The {kind} features must be [n, f], not {list(array.shape)}."
            )
        if not all_finite(array):
            raise UsageError(f"The {kind} features contain NaN or infinity.")
        n, f = array.shape
        rows = Rows(n, f, lambda index, columns: array[index, columns])
    if rows.length < at_least:
        raise UsageError(f"{rows.length} {kind} samples are too few: give {at_least}.")
    return rows


def all_finite(array: np.ndarray) -> bool:
    """Returns whether an array has neither NaN nor infinity, checking a block at a time."""
    # For a large array, the mask of finite entries would be large itself.
    step = max(1, BLOCK_SIZE // max(1, array[:1].size))
    starts = range(0, len(array), step)
    return all(np.isfinite(array[i : i + step]).all() for i in starts)


def take_rows(rows: Rows, index: Int[np.ndarray, " m"]) -> Rows:
    """Returns the rows with the given row numbers, in their order, without reading them."""

    def read(selection: slice | np.ndarray, columns: slice) -> np.ndarray:
        return rows.read(index[selection], columns)

    return Rows(len(index), rows.width, read)


def check_same_width(
    a: np.ndarray | Array | Rows, b: np.ndarray | Array | Rows
) -> None:
    """Raises a `UsageError` unless both sets have equally many features."""
    widths = [x.width if isinstance(x, Rows) else x.shape[1] for x in (a, b)]
    if widths[0] != widths[1]:
        raise UsageError(
            f"Features of width {widths[0]} and {widths[1]} cannot be compared."
        )


def centered(rows: Rows, center: Float[np.ndarray, " f"] | None = None) -> Centered:
    """Centers vectors on `center`, by default on their own mean."""
    if center is None:
        center = mean_row(rows)
    # One pass over the columns; the centered rows are not stored.
    norms = np.zeros(rows.length)
    for columns in blocks(rows.width, rows.length):
        norms += np.square(_read(rows, ALL, columns, center)).sum(1)
    return Centered(rows, center, norms)


def mean_row(rows: Rows) -> Float[np.ndarray, " f"]:
    """Returns the mean vector in float64."""
    columns = blocks(rows.width, rows.length)
    return np.concatenate([_read(rows, ALL, each).mean(0) for each in columns])


def inner_products(
    a: Centered, b: Centered, block_size: int = 0
) -> Iterator[tuple[slice, Float[np.ndarray, "rows m"]]]:
    """Yields the inner products of `a` with all of `b`, a block of rows at a time.

    Args:
        a: one set.
        b: the other set, with the same center.
        block_size: the largest number of products in a block, which always has at least
            one row; 0 is `BLOCK_SIZE`.

    Yields:
        The slice of rows of `a`, and their inner products, which the caller may overwrite.
    """
    n = a.rows.length
    m = b.rows.length
    step = max(1, (block_size or BLOCK_SIZE) // m)
    for rows in slices(n, step):
        total = None
        for columns in blocks(a.rows.width, rows.stop - rows.start + m):
            y = _read(b.rows, ALL, columns, b.center)
            # For products of a set with itself, give NumPy the same array twice: it then
            # takes half the time.
            x = y[rows] if a.rows is b.rows else _read(a.rows, rows, columns, a.center)
            # In float64, as most digits of |x|^2 - 2 x.y + |y|^2 cancel if x is near y.
            product = x @ y.T
            # Add up over the blocks of columns, in place.
            total = product if total is None else np.add(total, product, out=total)
        assert total is not None
        yield rows, total


def product_tiles(a: Centered, b: Centered) -> Iterator[Tile]:
    """Yields the inner products of `a` with `b` in square tiles.

    A tile reads as many vectors as it has rows and columns, where a block of whole rows
    reads all of `b`. Of a set with itself, whose products are symmetric, tiles below the
    diagonal are left out.

    Args:
        a: one set.
        b: the other set, with the same center; or `a` itself.
    """
    # A fourth of a block, as the caller may need as much again more than once.
    side = max(1, math.isqrt(BLOCK_SIZE // 4))
    for rows in slices(a.rows.length, side):
        for columns in slices(b.rows.length, side):
            if a is b and columns.start < rows.start:
                continue
            total = None
            heights = rows.stop - rows.start + columns.stop - columns.start
            for features in blocks(a.rows.width, heights):
                x = _read(a.rows, rows, features, a.center)
                # NumPy takes half the time for the products of an array with itself.
                same = a is b and rows == columns
                y = x if same else _read(b.rows, columns, features, b.center)
                product = x @ y.T
                total = product if total is None else np.add(total, product, out=total)
            assert total is not None
            yield Tile(rows, columns, total)


def distance_tiles(a: Centered, b: Centered) -> Iterator[Tile]:
    """Yields the squared distances of `a` to `b` in the tiles of `product_tiles`."""
    for rows, columns, product in product_tiles(a, b):
        square = squared_distances_in_place(
            product, a.squared_norms[rows], b.squared_norms[columns]
        )
        yield Tile(rows, columns, square)


def nearest_within(
    vectors: Centered, k: int
) -> tuple[Float[np.ndarray, "n k"], Int[np.ndarray, "n k"]]:
    """Finds the k nearest other vectors of each vector of a set.

    Returns:
        Their squared distances, in ascending order, and their row numbers.
    """
    n = vectors.rows.length
    square = np.full((n, k), np.inf)
    index = np.full((n, k), -1)

    def offer(rows: slice, columns: slice, found: np.ndarray) -> None:
        """Keeps the k nearest of those known for some rows and those of a tile."""
        count = min(k, found.shape[1])
        nearest = np.argpartition(found, count - 1, axis=1)[:, :count]
        found = np.take_along_axis(found, nearest, axis=1)
        both = np.concatenate([square[rows], found], axis=1)
        numbers = np.concatenate([index[rows], nearest + columns.start], axis=1)
        order = np.argsort(both, axis=1, kind="stable")[:, :k]
        square[rows] = np.take_along_axis(both, order, axis=1)
        index[rows] = np.take_along_axis(numbers, order, axis=1)

    for rows, columns, found in distance_tiles(vectors, vectors):
        if rows == columns:
            # No vector is its own neighbor.
            np.fill_diagonal(found, np.inf)
        else:
            # A tile above the diagonal serves as the one below it, too.
            offer(columns, rows, np.ascontiguousarray(found.T))
        offer(rows, columns, found)
    return square, index


def squared_distances(
    a: Centered, b: Centered
) -> Iterator[tuple[slice, Float[np.ndarray, "rows m"]]]:
    """Yields the squared distances from `a` to all of `b`, a block of rows at a time."""
    for rows, product in inner_products(a, b):
        yield (
            rows,
            squared_distances_in_place(product, a.squared_norms[rows], b.squared_norms),
        )


def squared_distances_in_place(
    product: Float[np.ndarray, "n m"],
    a: Float[np.ndarray, " n"],
    b: Float[np.ndarray, " m"],
) -> Float[np.ndarray, "n m"]:
    """Turns inner products into squared distances, in the same memory.

    Args:
        product: inner products of two sets; overwritten.
        a: squared norms of the first set.
        b: squared norms of the second set.
    """
    # In place: the matrix is the largest array there is.
    product *= -2
    product += a[:, None]
    product += b[None]
    # Rounding can leave a distance near 0 below it.
    return np.maximum(product, 0, out=product)


def tolerance(*sets: Centered) -> float:
    """Returns a bound on the rounding error of squared distances between these sets."""
    return 1e-12 * max(centered_set.squared_norms.max() for centered_set in sets)


def nearest_neighbors(a: np.ndarray | Rows, b: np.ndarray | Rows) -> NearestNeighbors:
    """Finds the nearest vector of `b` for each of `a`; a copy has distance exactly 0.

    Args:
        a: vectors [n, f], called "generated" in messages.
        b: vectors [m, f], called "training" in messages.

    Raises:
        UsageError: an empty set, NaN or infinity, or unequal widths.
    """
    a = as_rows(a, "generated", 1)
    b = as_rows(b, "training", 1)
    check_same_width(a, b)
    # Both sets get the same center, so that it cancels in their differences.
    b_centered = centered(b)
    return nearest_neighbors_centered(centered(a, b_centered.center), b_centered)


def nearest_neighbors_centered(a: Centered, b: Centered) -> NearestNeighbors:
    """Computes `nearest_neighbors` of sets that have the same center."""
    index = np.zeros(a.rows.length, np.int64)
    smallest = np.full(a.rows.length, np.inf)
    for rows, columns, square in distance_tiles(a, b):
        nearest = square.argmin(1)
        found = square[np.arange(len(square)), nearest]
        # Of equally near vectors the first stays, as in `argmin`.
        index[rows] = np.where(
            found < smallest[rows], nearest + columns.start, index[rows]
        )
        smallest[rows] = np.minimum(found, smallest[rows])
    # By the expansion, the distance of a copy is not exactly 0: recompute the distances of
    # the neighbors from differences.
    square = np.zeros(len(index))
    for columns in blocks(a.rows.width, 2 * len(index)):
        gap = _read(a.rows, ALL, columns)
        gap -= _read(b.rows, index, columns)
        square += np.square(gap, out=gap).sum(1)
    return NearestNeighbors(np.sqrt(square), index)


def blocks(count: int, numbers_each: int) -> Iterator[slice]:
    """Divides `count` items into slices of at most `BLOCK_SIZE` numbers, or of one item.

    Args:
        count: how many items there are, rows or columns.
        numbers_each: how many numbers an item has.
    """
    return slices(count, max(1, BLOCK_SIZE // max(1, numbers_each)))


def slices(count: int, step: int) -> Iterator[slice]:
    """Divides `count` items into slices of `step`, the last of which may be shorter."""
    return (slice(i, min(i + step, count)) for i in range(0, count, step))


def _read(
    rows: Rows,
    selection: slice | np.ndarray,
    columns: slice,
    center: Float[np.ndarray, " f"] | None = None,
) -> Float[np.ndarray, "n c"]:
    part = rows.read(selection, columns).astype(np.float64)
    if center is not None:
        part -= center[columns]
    return part
