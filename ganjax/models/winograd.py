"""Winograd's minimal filtering: convolutions with fewer products (Lavin & Gray, 2016).

A tile of 2x2 outputs of an r x r kernel takes (r + 1)^2 products for each pair of
channels in place of 4 r^2: 16 for 36 where r is 3, and 9 for 16 where r is 2. With the
matrices of F(2, r), y = A'[(G w G') (B' x B)] A; all entries are 0, 1, -1 or 1/2, so that
what rounding adds is small. Images here are padded, and kernels have stride 1.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float


Matrix = Sequence[Sequence[float]]


class Filter(NamedTuple):
    """The matrices of F(2, r)."""

    b: Matrix  # B': what a tile of images contributes
    g: Matrix  # G: what a kernel does
    a: Matrix  # A': how the products add up to outputs


FILTERS = {
    2: Filter(
        b=((1, -1, 0), (0, 1, 0), (0, 1, -1)),
        g=((1, 0), (1, 1), (0, 1)),
        a=((1, 1, 0), (0, 1, -1)),
    ),
    3: Filter(
        b=((1, 0, -1, 0), (0, 1, 1, 0), (0, -1, 1, 0), (0, 1, 0, -1)),
        g=((1, 0, 0), (0.5, 0.5, 0.5), (0.5, -0.5, 0.5), (0, 0, 1)),
        a=((1, 1, 1, 0), (0, 1, -1, -1)),
    ),
}


def output(
    x: Float[Array, "b h w c"], kernel: Float[Array, "r r c d"]
) -> Float[Array, "b H W d"]:
    """The convolution of images with a kernel of 2x2 or 3x3."""
    size = len(kernel)
    b, g, a = FILTERS[size]
    high, wide = x.shape[1] - size + 1, x.shape[2] - size + 1
    tiles = _images(x, size)
    shape, d = tiles[0][0].shape[:3], kernel.shape[-1]
    seen = _mix(b, tiles, b)
    weights = _mix(g, [[kernel[i, j] for j in range(size)] for i in range(size)], g)
    pairs = [zip(*rows, strict=True) for rows in zip(seen, weights, strict=True)]
    products = [[x.reshape(-1, x.shape[-1]) @ w for x, w in row] for row in pairs]
    y = jnp.stack([jnp.stack(row) for row in _mix(a, products, a)])
    y = y.reshape(2, 2, *shape, d).transpose(2, 3, 0, 4, 1, 5)
    return y.reshape(shape[0], 2 * shape[1], 2 * shape[2], d)[:, :high, :wide]


def kernel(
    x: Float[Array, "b h w c"], y: Float[Array, "b H W d"]
) -> Float[Array, "r r c d"]:
    """The gradient by that kernel, from the images and the outputs' gradient."""
    size = x.shape[1] - y.shape[1] + 1
    b, g, a = FILTERS[size]
    seen = _mix(b, _images(x, size), b)
    pulled = _mix(_turn(a), _outputs(y), _turn(a))
    flat = lambda x: x.reshape(-1, x.shape[-1])
    pairs = [zip(*rows, strict=True) for rows in zip(seen, pulled, strict=True)]
    products = [[(flat(y).T @ flat(x)).T for x, y in row] for row in pairs]
    rows = _mix(_turn(g), products, _turn(g))
    return jnp.stack([jnp.stack(row) for row in rows])


def _images(x: Array, size: int) -> list[list[Array]]:
    """The places of overlapping tiles of size + 1, two pixels apart: [b, h, w, c] each."""
    high, wide = (-(-(n - size + 1) // 2) for n in x.shape[1:3])
    edges = [
        2 * n + size - 1 - m for n, m in zip((high, wide), x.shape[1:3], strict=True)
    ]
    x = jnp.pad(x, ((0, 0), *((0, edge) for edge in edges), (0, 0)))
    down, across = (range(size + 1),) * 2
    cut = lambda start, count: slice(start, start + 2 * count - 1, 2)
    return [[x[:, cut(i, high), cut(j, wide)] for j in across] for i in down]


def _outputs(y: Array) -> list[list[Array]]:
    """The four places of the outputs' tiles."""
    y = jnp.pad(y, ((0, 0), (0, y.shape[1] % 2), (0, y.shape[2] % 2), (0, 0)))
    return [[y[:, i::2, j::2] for j in range(2)] for i in range(2)]


def _mix(left: Matrix, tiles: list[list[Array]], right: Matrix) -> list[list[Array]]:
    """left @ tiles @ right.T, where each entry of the tiles is an array."""
    columns = [_weigh(left, column) for column in zip(*tiles, strict=True)]
    return [_weigh(right, row) for row in zip(*columns, strict=True)]


def _weigh(matrix: Matrix, arrays: Sequence[Array]) -> list[Array]:
    def add(row):
        terms = [w * x if w != 1 else x for w, x in zip(row, arrays, strict=True) if w]
        return sum(terms[1:], terms[0])

    return [add(row) for row in matrix]


def _turn(matrix: Matrix) -> Matrix:
    return tuple(zip(*matrix, strict=True))
