"""Winograd's minimal filtering: convolutions with fewer products (Lavin & Gray, 2016).

A tile of m x m outputs of an r x r kernel takes (m + r - 1)^2 products for each pair of
channels in place of (m r)^2: 36 for 144 where m is 4 and r is 3. With the matrices of
F(m, r), y = A'[(G w G') (B' x B)] A. Images here are padded, and kernels have stride 1;
groups of channels stand side by side.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ganjax.models.toom import Filter, Matrix, by_few, minimal, turn


SIZES = 2, 3  # of kernels: with longer ones, and larger tiles, rounding adds up
SIDES = 2, 3, 4  # of tiles


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

    def bytes(self, x: Array, width: int) -> int:
        """What the tiles of one of these images take, of `width` channels."""
        return self.n**2 * self.high * self.wide * width * x.dtype.itemsize


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
    y = by_few(few, tiles.bytes(x, max(x.shape[-1], d)), x)
    return y[:, :high, :wide]


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
        pulled = _both(turn(a), pulled).reshape(n * n * groups, -1, d // groups)
        return jnp.einsum("ntd,ntc->ndc", pulled, seen)

    products = by_few(few, tiles.bytes(x, max(c, d)), x, y, add=True)
    out = _both(turn(g), products.reshape(n * n, -1))
    out = out.reshape(r, r, groups, d // groups, -1).transpose(0, 1, 4, 2, 3)
    return out.reshape(r, r, -1, d)


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
