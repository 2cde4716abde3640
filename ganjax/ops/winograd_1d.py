"""Convolutions of signals with long kernels by minimal filtering of pieces.

A kernel of more than four taps is cut into pieces of four. Pieces are four samples apart,
and so are the tiles of four outputs. All pieces therefore meet the same tiles of the
signal, which are transformed once. For each tile a piece takes 7 products in place of 16.

Signals here are padded already, and kernels have stride 1.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from ganjax.ops.cook_toom import (
    Matrix,
    MinimalFilter,
    map_in_chunks,
    minimal_filter,
    transpose,
)


TILE = 4  # outputs of a tile, and the most taps of a piece


class Tiling(NamedTuple):
    """How a kernel is cut into pieces, and the outputs into tiles.

    Attributes:
        r: The number of taps of a piece.
        pieces: The number of pieces.
        tiles: The number of tiles of outputs.
    """

    r: int
    pieces: int
    tiles: int

    @property
    def n(self) -> int:
        """The number of samples that a tile depends on, for one piece."""
        return TILE + self.r - 1

    @property
    def input_tiles(self) -> int:
        """The number of tiles of the signal that all pieces together meet."""
        return self.tiles + self.pieces - 1

    @property
    def filter(self) -> MinimalFilter:
        """The matrices for tiles of this size."""
        return minimal_filter(TILE, self.r)

    def extend(self, x: Array) -> Array:
        """Pads signals with zeros up to the end of the last tile."""
        return _extend(x, (self.input_tiles - 1) * TILE + self.n)

    def signal_bytes(self, x: Array, d: int) -> int:
        """Returns the memory of the tiles of one signal and of their products, in bytes."""
        channels = max(x.shape[-1], self.pieces * d)
        return self.n * self.input_tiles * channels * x.dtype.itemsize


def product_share(k: int) -> float:
    """Returns the share of the products of a convolution of k taps that are computed."""
    tiling = _tile(k, TILE)
    return tiling.pieces * tiling.n / (TILE * k)


def convolve(
    x: Float[Array, "b w c"], kernel: Float[Array, "k c d"]
) -> Float[Array, "b W d"]:
    """Computes the convolution of signals with a kernel, without padding."""
    k, c, d = kernel.shape
    length = x.shape[1] - k + 1
    tiling = _tile(k, length)
    b, g, a = tiling.filter
    # The transformed pieces of the kernel, side by side as more output channels.
    kernel = jnp.pad(kernel, ((0, tiling.pieces * tiling.r - k), (0, 0), (0, 0)))
    kernel = kernel.reshape(tiling.pieces, tiling.r, c, d).transpose(1, 2, 0, 3)
    weights = _along_first(g, kernel).reshape(tiling.n, c, -1)

    def run(x):
        tiles = _along_first(b, _gather(x, tiling.n)).reshape(tiling.n, -1, c)
        products = tiles @ weights
        products = products.reshape(
            tiling.n, len(x), tiling.input_tiles, tiling.pieces, d
        )
        # For a tile of outputs, piece i is applied to the signal's tile i places later.
        shifted = [
            products[:, :, i : i + tiling.tiles, i] for i in range(tiling.pieces)
        ]
        y = _along_first(a, sum(shifted[1:], shifted[0]))
        return y.transpose(1, 2, 0, 3).reshape(-1, tiling.tiles * TILE, d)

    x = tiling.extend(x)
    return map_in_chunks(run, tiling.signal_bytes(x, d), x)[:, :length]


def kernel_gradient(
    x: Float[Array, "b w c"], y: Float[Array, "b W d"]
) -> Float[Array, "k c d"]:
    """Computes the gradient of `convolve` with respect to the kernel.

    Args:
        x: The signals.
        y: The gradient with respect to the outputs.
    """
    c = x.shape[-1]
    d = y.shape[-1]
    k = x.shape[1] - y.shape[1] + 1
    tiling = _tile(k, y.shape[1])
    b, g, a = tiling.filter

    def run(x, y):
        tiles = _along_first(b, _gather(x, tiling.n)).reshape(tiling.n, -1, c)
        gradients = _along_first(transpose(a), _gather(y, TILE))
        # For piece i the gradients are shifted by i tiles, as in `convolve`. They are
        # padded, rather than the tiles of the signal sliced, so that these are transformed
        # once.
        shifted = [
            jnp.pad(gradients, ((0, 0), (0, 0), (i, tiling.pieces - 1 - i), (0, 0)))
            for i in range(tiling.pieces)
        ]
        gradients = jnp.stack(shifted, axis=3)
        gradients = gradients.reshape(tiling.n, -1, tiling.pieces * d)
        return jnp.einsum("ntd,ntc->ndc", gradients, tiles)

    x = tiling.extend(x)
    y = _extend(y, tiling.tiles * TILE)
    products = map_in_chunks(run, tiling.signal_bytes(x, d), x, y, add=True)
    out = _along_first(transpose(g), products)
    out = out.reshape(tiling.r, tiling.pieces, d, c).transpose(1, 0, 3, 2)
    return out.reshape(-1, c, d)[:k]


def _tile(k: int, length: int) -> Tiling:
    r = min(k, TILE)
    return Tiling(r, -(-k // r), -(-length // TILE))


def _extend(x: Array, length: int) -> Array:
    return jnp.pad(x, ((0, 0), (0, length - x.shape[1]), (0, 0)))


def _gather(x: Array, size: int) -> Float[Array, "n b t c"]:
    """Returns the tiles of `size` samples at every fourth one."""
    last = x.shape[1] - size
    return jnp.stack([x[:, i : i + last + 1 : TILE] for i in range(size)])


def _along_first(matrix: Matrix, x: Array) -> Array:
    """Multiplies by the matrix along the first axis."""
    product = jnp.asarray(matrix, x.dtype) @ x.reshape(len(x), -1)
    return product.reshape(-1, *x.shape[1:])
