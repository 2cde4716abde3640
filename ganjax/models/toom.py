"""The matrices of minimal filtering F(m, r), and many tiles a few at a time.

By Toom and Cook: as polynomials are multiplied by their values at points, m outputs of
r taps take n = m + r - 1 products in place of m r (Lavin & Gray, 2016, section 5).
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache
from math import prod
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array


POINTS = {  # by their number, those that round least of the small fractions
    2: ("0", "1"),
    3: ("0", "1", "-1"),
    4: ("0", "1", "-3/2", "-2/3"),
    5: ("0", "3/2", "-3/2", "2/3", "-2/3"),
    6: ("0", "1", "2", "1/2", "-3/2", "-3/4"),
}
CACHE = 8 << 20  # bytes of tiles that are worked on at a time
MANY = 16 << 20  # bytes of tiles that are too many to be worked on at once
Matrix = Sequence[Sequence[float]]


class Filter(NamedTuple):
    """The matrices of F(m, r): y = A'[(G w) (B' x)], for tiles of n = m + r - 1."""

    b: Matrix  # B' [n, n]: what a tile of images contributes
    g: Matrix  # G [n, r]: what a kernel does
    a: Matrix  # A' [m, n]: how the products add up to outputs


@cache
def minimal(m: int, r: int) -> Filter:
    """F(m, r), by the values at `POINTS` and at infinity."""
    points = [Fraction(point) for point in POINTS[m + r - 2]]
    others = [[p for p in points if p != point] for point in points]
    b = [_polynomial(roots) + [0] for roots in others] + [_polynomial(points)]
    scale = [
        prod((point - p for p in roots), start=Fraction(1))
        for point, roots in zip(points, others, strict=True)
    ]
    powers = lambda size: [[p**i for i in range(size)] for p in points]
    last = lambda size: [[0] * (size - 1) + [1]]
    g = [[v / s for v in row] for row, s in zip(powers(r), scale, strict=True)]
    a = turn(powers(m) + last(m))
    rounded = lambda matrix: [[float(v) for v in row] for row in matrix]
    return Filter(rounded(b), rounded(g + last(r)), rounded(a))


def turn(matrix: Sequence[Sequence]) -> list[list]:
    """The transpose."""
    return [list(row) for row in zip(*matrix, strict=True)]


def by_few(
    run: Callable[..., Array], one: int, *rows: Array, add: bool = False
) -> Array:
    """`run` on rows whose tiles take `one` bytes each, a few at a time if they are many.

    So the tiles stay in a CPU's cache. With `add` the results are added up.
    """
    count = len(rows[0])
    if one * count <= MANY:
        return run(*rows)
    most = max(1, CACHE // one)
    few = max(k for k in range(1, most + 1) if count % k == 0)
    parts = [x.reshape(-1, few, *x.shape[1:]) for x in rows]
    if not add:
        y = jax.lax.map(lambda part: run(*part), parts)
        return y.reshape(-1, *y.shape[2:])
    zeros = jnp.zeros_like(jax.eval_shape(run, *(part[0] for part in parts)))
    more = lambda total, part: (total + run(*part), None)
    return jax.lax.scan(more, zeros, parts)[0]


def _polynomial(roots: Sequence[Fraction]) -> list[Fraction]:
    """The coefficients of the product of (x - root), lowest first."""
    found = [Fraction(1)]
    for root in roots:
        shifted, scaled = [Fraction(0), *found], [*(root * v for v in found), 0]
        found = [a - b for a, b in zip(shifted, scaled, strict=True)]
    return found
