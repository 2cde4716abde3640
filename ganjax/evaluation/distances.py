"""Euclidean distances between two sets too large for their whole matrix.

|x - y|^2 = |x|^2 - 2 x.y + |y|^2 in float64, on centred features and a block of rows
at a time. What the expansion loses is at most about `tolerance(...)`.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from ganjax.errors import Mistake


BLOCK = 2**24  # distances held at once: 128 MiB


class Nearest(NamedTuple):
    """For each row of one set, the closest row of another."""

    distance: Float[np.ndarray, " n"]  # in the units of the features
    index: Int[np.ndarray, " n"]


def vectors(rows: np.ndarray, what: str, at_least: int = 2) -> Float[np.ndarray, "n f"]:
    """The rows in float64; `Mistake` if there are too few or any is not finite."""
    rows = np.asarray(rows)
    if rows.ndim != 2:
        raise Mistake(f"The {what} features must be [n, f], not {list(rows.shape)}.")
    if len(rows) < at_least:
        raise Mistake(f"{len(rows)} {what} samples are too few: give {at_least}.")
    if not np.isfinite(rows).all():
        raise Mistake(f"The {what} features contain NaN or infinity.")
    return rows.astype(np.float64)


def same_width(a: np.ndarray, b: np.ndarray) -> None:
    """`Mistake` unless both sets were seen through the same features."""
    if a.shape[1] != b.shape[1]:
        raise Mistake(
            f"Features of {a.shape[1]} and of {b.shape[1]} numbers cannot be compared."
        )


def squared(
    a: Float[np.ndarray, "n f"], b: Float[np.ndarray, "m f"]
) -> Iterator[tuple[slice, Float[np.ndarray, "rows m"]]]:
    """Squared distances from a block of rows of `a` to all of `b`, block by block."""
    b_norms = np.square(b).sum(1)
    rows = max(1, BLOCK // len(b))
    for start in range(0, len(a), rows):
        block = a[start : start + rows]
        square = block @ b.T
        square *= -2
        square += np.square(block).sum(1)[:, None]
        square += b_norms[None]
        yield slice(start, start + len(block)), np.maximum(square, 0, out=square)


def tolerance(*sets: Float[np.ndarray, "_ f"]) -> float:
    """A squared distance below which the expansion cannot tell two points apart."""
    return 1e-12 * max(np.square(rows).sum(1).max() for rows in sets)


def nearest(a: Float[np.ndarray, "n f"], b: Float[np.ndarray, "m _"]) -> Nearest:
    """The nearest row of `b` for each of `a`; a copy is at a distance of exactly 0."""
    a, b = vectors(a, "generated", 1), vectors(b, "training", 1)
    same_width(a, b)
    centre = b.mean(0)
    index = np.concatenate(
        [square.argmin(1) for _, square in squared(a - centre, b - centre)]
    )
    return Nearest(np.linalg.norm(a - b[index], axis=1), index)
