"""Winograd's minimal filtering: convolutions with fewer products (Lavin & Gray, 2016).

A tile of m x m outputs of an r x r kernel takes (m + r - 1)^2 products for each pair of
channels in place of (m r)^2: 36 for 144 where m is 4 and r is 3. With the matrices of
F(m, r), y = A'[(G w G') (B' x B)] A. Images here are padded, and kernels have stride 1;
groups of channels stand side by side.

Many tiles are worked on a few images at a time, so that they stay in a CPU's cache.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache
from math import prod
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float


SIZES = 2, 3  # of kernels: with longer ones, and larger tiles, rounding adds up
SIDES = 2, 3, 4  # of tiles
POINTS = {  # by their number, those that round least of the small fractions
    2: ("0", "1"),
    3: ("0", "1", "-1"),
    4: ("0", "1", "-3/2", "-2/3"),
    5: ("0", "3/2", "-3/2", "2/3", "-2/3"),
}
CACHE = 4 << 20  # bytes of tiles that are worked on at a time
MANY = 8 << 20  # bytes of tiles that are too many to be worked on at once
Matrix = Sequence[Sequence[float]]


class Filter(NamedTuple):
    """The matrices of F(m, r), for tiles of n = m + r - 1."""

    b: Matrix  # B' [n, n]: what a tile of images contributes
    g: Matrix  # G [n, r]: what a kernel does
    a: Matrix  # A' [m, n]: how the products add up to outputs


class Tiles(NamedTuple):
    """How outputs are cut: in squares of m x m, `high` times `wide` of them."""

    m: int
    r: int
    high: int
    wide: int

    @property
    def n(self) -> int:
        """The side of what a tile sees."""
        return self.m + self.r - 1

    @property
    def filter(self) -> Filter:
        """The matrices for tiles of this size."""
        return minimal(self.m, self.r)


def output(
    x: Float[Array, "b h w c"], kernel: Float[Array, "r r c_g d"], groups: int = 1
) -> Float[Array, "b H W d"]:
    """The convolution of images with a kernel of 2x2 or 3x3."""
    r, per, d = kernel.shape[1:]
    high, wide = x.shape[1] - r + 1, x.shape[2] - r + 1
    tiles = _cut(high, wide, r)
    n, m, (b, g, a) = tiles.n, tiles.m, tiles.filter
    weights = _both(g, kernel.reshape(r * r, -1)).reshape(n * n, per, groups, -1)
    weights = weights.swapaxes(1, 2).reshape(n * n * groups, per, -1)

    def few(x):
        seen = _both(b, _gather(x, tiles, n, groups)).reshape(n * n * groups, -1, per)
        y = _both(a, (seen @ weights).reshape(n * n, -1))
        y = y.reshape(m, m, groups, -1, tiles.high, tiles.wide, d // groups)
        y = y.transpose(3, 4, 0, 5, 1, 2, 6)
        return y.reshape(-1, tiles.high * m, tiles.wide * m, d)

    x = _pad(x, tiles, r - 1)
    return _by_few(few, tiles, max(x.shape[-1], d), x)[:, :high, :wide]


def kernel(
    x: Float[Array, "b h w c"], y: Float[Array, "b H W d"], groups: int = 1
) -> Float[Array, "r r c_g d"]:
    """The gradient by that kernel, from the images and the outputs' gradient."""
    r, c, d = x.shape[1] - y.shape[1] + 1, x.shape[-1], y.shape[-1]
    tiles = _cut(y.shape[1], y.shape[2], r)
    n, m, (b, g, a) = tiles.n, tiles.m, tiles.filter
    x, y = _pad(x, tiles, r - 1), _pad(y, tiles, 0)

    def few(x, y):
        seen, pulled = _gather(x, tiles, n, groups), _gather(y, tiles, m, groups)
        seen = _both(b, seen).reshape(n * n * groups, -1, c // groups)
        pulled = _both(_turn(a), pulled).reshape(n * n * groups, -1, d // groups)
        return jnp.einsum("ntd,ntc->ndc", pulled, seen)

    products = _by_few(few, tiles, max(c, d), x, y, add=True)
    out = _both(_turn(g), products.reshape(n * n, -1))
    out = out.reshape(r, r, groups, d // groups, -1).transpose(0, 1, 4, 2, 3)
    return out.reshape(r, r, -1, d)


@cache
def minimal(m: int, r: int) -> Filter:
    """F(m, r) by Toom and Cook: polynomials multiplied by their values at points.

    The points are `POINTS` and infinity (Lavin & Gray, 2016, section 5).
    """
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
    a = _turn(powers(m) + last(m))
    rounded = lambda matrix: [[float(v) for v in row] for row in matrix]
    return Filter(rounded(b), rounded(g + last(r)), rounded(a))


def _polynomial(roots: Sequence[Fraction]) -> list[Fraction]:
    """The coefficients of the product of (x - root), lowest first."""
    found = [Fraction(1)]
    for root in roots:
        shifted, scaled = [Fraction(0), *found], [*(root * v for v in found), 0]
        found = [a - b for a, b in zip(shifted, scaled, strict=True)]
    return found


def _cut(high: int, wide: int, r: int) -> Tiles:
    """The tiles that take the fewest products."""
    up = lambda n, m: -(-n // m)
    cuts = [Tiles(m, r, up(high, m), up(wide, m)) for m in SIDES]
    return min(cuts, key=lambda tiles: tiles.high * tiles.wide * tiles.n**2)


def _pad(x: Array, tiles: Tiles, beyond: int) -> Array:
    """Zeros below and right, up to the end of the last tile."""
    high, wide = tiles.high * tiles.m + beyond, tiles.wide * tiles.m + beyond
    edges = (0, high - x.shape[1]), (0, wide - x.shape[2])
    return jnp.pad(x, ((0, 0), *edges, (0, 0))) if any(map(any, edges)) else x


def _gather(x: Array, tiles: Tiles, side: int, groups: int) -> Float[Array, "k f"]:
    """The squares of `side` at every mth pixel: a row a place, of groups of tiles."""
    m, rows = tiles.m, range(side)
    cut = lambda start, count: slice(start, start + m * (count - 1) + 1, m)
    seen = [x[:, cut(i, tiles.high), cut(j, tiles.wide)] for i in rows for j in rows]
    apart = [y.reshape(-1, groups, x.shape[-1] // groups).swapaxes(0, 1) for y in seen]
    return jnp.stack(apart).reshape(side**2, -1)


def _both(matrix: Matrix, flat: Float[Array, "k f"]) -> Float[Array, "l f"]:
    """The matrix along rows and columns, which are flattened in front.

    As a product it takes no longer than as sums of few terms, which XLA would write as
    many small loops.
    """
    return jnp.asarray(np.kron(matrix, matrix), flat.dtype) @ flat


def _by_few(
    run: Callable[..., Array], tiles: Tiles, width: int, *rows: Array, add: bool = False
) -> Array:
    """`run` on the rows, a few at a time if they are many; its results are added up."""
    count = len(rows[0])
    one = tiles.n**2 * tiles.high * tiles.wide * width * rows[0].dtype.itemsize
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


def _turn(matrix: Sequence[Sequence]) -> list[list]:
    return [list(row) for row in zip(*matrix, strict=True)]
