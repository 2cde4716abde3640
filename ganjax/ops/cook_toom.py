"""Minimal filtering F(m, r): the matrices, and a way to filter many tiles in chunks.

F(m, r) computes m outputs of a filter of r taps with m + r - 1 products in place of m r
(Lavin & Gray, 2016). The algorithm of Cook and Toom multiplies polynomials by evaluating
them at a few points, multiplying the values and interpolating the product; filtering is
the transpose of that.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache
from math import prod
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array


# The points of evaluation, by how many there are; infinity is one more. Of all small
# fractions these have the least rounding error.
POINTS = {
    2: ("0", "1"),
    3: ("0", "1", "-1"),
    4: ("0", "1", "-3/2", "-2/3"),
    5: ("0", "3/2", "-3/2", "2/3", "-2/3"),
    6: ("0", "1", "2", "1/2", "-3/2", "-3/4"),
}
# Tiles of more than MAX_UNCHUNKED_BYTES do not stay in a CPU's cache, so they are worked
# on in chunks of at most CHUNK_BYTES.
MAX_UNCHUNKED_BYTES = 16 << 20
CHUNK_BYTES = 8 << 20
Matrix = Sequence[Sequence[float]]  # its rows


class MinimalFilter(NamedTuple):
    """The matrices of F(m, r): y = A^T [(G w) (B^T x)], for tiles x of n = m + r - 1.

    Letters are those of Lavin & Gray (2016).

    Attributes:
        b: B^T [n, n], which transforms tiles of the images.
        g: G [n, r], which transforms the kernel.
        a: A^T [m, n], which sums the products to outputs.
    """

    b: Matrix
    g: Matrix
    a: Matrix


@cache
def minimal_filter(m: int, r: int) -> MinimalFilter:
    """Returns the matrices of F(m, r) for the points in `POINTS` and infinity.

    Args:
        m: The number of outputs of a tile.
        r: The number of taps of the filter.
    """
    points = [Fraction(point) for point in POINTS[m + r - 2]]
    other_points = [[p for p in points if p != point] for point in points]

    # B^T has the coefficients of the numerators of the Lagrange polynomials, whose roots
    # are the other points, and of the polynomial for infinity.
    b = [[*_polynomial(roots), Fraction(0)] for roots in other_points]
    b.append(_polynomial(points))

    # G evaluates the kernel, as a polynomial, at the points, and is divided by the
    # denominators of the Lagrange polynomials. At infinity only its last tap counts.
    g = []
    for point, roots in zip(points, other_points, strict=True):
        denominator = prod((point - root for root in roots), start=Fraction(1))
        g.append([point**i / denominator for i in range(r)])
    g.append([*[Fraction(0)] * (r - 1), Fraction(1)])

    # A^T is the transpose of an evaluation of m coefficients.
    evaluation = [[point**i for i in range(m)] for point in points]
    evaluation.append([*[Fraction(0)] * (m - 1), Fraction(1)])
    return MinimalFilter(_to_float(b), _to_float(g), _to_float(transpose(evaluation)))


def transpose(matrix: Sequence[Sequence]) -> list[list]:
    """Returns the transpose of a matrix of nested sequences."""
    return [list(row) for row in zip(*matrix, strict=True)]


def map_in_chunks(
    run: Callable[..., Array], row_bytes: int, *rows: Array, add: bool = False
) -> Array:
    """Applies a function to the rows of arrays, in chunks if their tiles are large.

    Args:
        run: A function of arrays [k, ...] for any number k of rows. It returns k rows, or
            with `add` a sum over the rows.
        row_bytes: The memory in bytes that `run` needs for the tiles of one row.
        *rows: Arrays [n, ...] with one length n.
        add: Whether the results of the chunks are summed rather than concatenated.
    """
    count = len(rows[0])
    if row_bytes * count <= MAX_UNCHUNKED_BYTES:
        return run(*rows)
    # All chunks have the same length, so that a loop can run over them.
    max_length = max(1, CHUNK_BYTES // row_bytes)
    length = max(k for k in range(1, max_length + 1) if count % k == 0)
    chunks = [x.reshape(-1, length, *x.shape[1:]) for x in rows]
    if not add:
        y = jax.lax.map(lambda chunk: run(*chunk), chunks)
        return y.reshape(-1, *y.shape[2:])

    def accumulate(total, chunk):
        return total + run(*chunk), None

    zeros = jnp.zeros_like(jax.eval_shape(run, *(x[0] for x in chunks)))
    return jax.lax.scan(accumulate, zeros, chunks)[0]


def _polynomial(roots: Sequence[Fraction]) -> list[Fraction]:
    """Returns the coefficients of the product of all (x - root), lowest first."""
    coefficients = [Fraction(1)]
    for root in roots:
        shifted = [Fraction(0), *coefficients]
        scaled = [*(root * value for value in coefficients), Fraction(0)]
        coefficients = [a - b for a, b in zip(shifted, scaled, strict=True)]
    return coefficients


def _to_float(matrix: Sequence[Sequence[Fraction]]) -> Matrix:
    return [[float(value) for value in row] for row in matrix]
