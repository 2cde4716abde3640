"""Convolutions of small square kernels by Winograd's minimal filtering.

A tile of m x m outputs of an r x r kernel takes (m + r - 1)^2 products for each pair of
channels in place of (m r)^2 (Lavin & Gray, 2016): 36 in place of 144 for m = 4 and r = 3.
With the matrices of F(m, r) from `cook_toom`, y = A^T [(G w G^T) * (B^T x B)] A. In this
elementwise product, the products of all tiles at one place (k, l) of the transformed tiles
are one matrix product over channels.

Kernels have stride 1. `groups` is the number of groups of channels, which are convolved by
themselves. `prepare` pads images, and folds strides away. It is called for a chunk of them
at a time, so that no second copy of a large batch is kept until the backward pass.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ganjax.ops.cook_toom import (
    Matrix,
    MinimalFilter,
    map_in_chunks,
    minimal_filter,
    transpose,
)
from ganjax.ops.geometry import pad_sides


# Larger kernels and tiles would take even fewer products, but their rounding errors grow.
KERNEL_SIZES = (2, 3)
TILE_SIZES = (2, 3, 4)


class Tiling(NamedTuple):
    """How the outputs are cut into tiles.

    Attributes:
        m: The side of a tile of outputs.
        r: The side of the kernel.
        rows: The number of rows of tiles.
        columns: The number of columns of tiles.
    """

    m: int
    r: int
    rows: int
    columns: int

    @property
    def n(self) -> int:
        """The side of the part of the image that a tile depends on."""
        return self.m + self.r - 1

    @property
    def filter(self) -> MinimalFilter:
        """The matrices for tiles of this size."""
        return minimal_filter(self.m, self.r)

    def image_bytes(self, x: jax.ShapeDtypeStruct, channels: int) -> int:
        """Returns the memory of the transformed tiles of one image, in bytes."""
        return self.n**2 * self.rows * self.columns * channels * x.dtype.itemsize


def convolve(
    x: Float[Array, "b h w c"],
    kernel: Float[Array, "r r c_g d"],
    groups: int,
    prepare: Callable[[Array], Array],
) -> Float[Array, "b H W d"]:
    """Computes the convolution of images with a kernel of 2x2 or 3x3.

    Args:
        x: The images.
        kernel: The kernel, with the input channels of one group.
        groups: The number of groups of channels.
        prepare: Pads images and folds strides away. It must treat each image by itself.

    Returns:
        The outputs of the prepared images, without further padding.
    """
    r, per_group, d = kernel.shape[1:]
    prepared = jax.eval_shape(prepare, x)
    height = prepared.shape[1] - r + 1
    width = prepared.shape[2] - r + 1
    tiling = _tile(height, width, r)
    n = tiling.n
    m = tiling.m
    b, g, a = tiling.filter
    # The transformed kernel: a matrix [c, d] for each place of a tile and each group.
    weights = _along_both(g, kernel.reshape(r * r, -1))
    weights = weights.reshape(n * n, per_group, groups, -1).swapaxes(1, 2)
    weights = weights.reshape(n * n * groups, per_group, -1)

    def run(x):
        # Transform the tiles, [place * group, tile, channel], multiply them with the
        # transformed kernel, and transform the products back.
        x = _pad(prepare(x), tiling, r - 1)
        tiles = _along_both(b, _gather(x, tiling, n, groups))
        tiles = tiles.reshape(n * n * groups, -1, per_group)
        y = _along_both(a, (tiles @ weights).reshape(n * n, -1))
        # Join the tiles: [b, row of tiles, m, column of tiles, m, g, d].
        y = y.reshape(m, m, groups, -1, tiling.rows, tiling.columns, d // groups)
        y = y.transpose(3, 4, 0, 5, 1, 2, 6)
        y = y.reshape(-1, tiling.rows * m, tiling.columns * m, d)
        return y[:, :height, :width]

    image_bytes = tiling.image_bytes(prepared, max(prepared.shape[-1], d))
    return map_in_chunks(run, image_bytes, x)


def kernel_gradient(
    x: Float[Array, "b h w c"],
    y: Float[Array, "b H W d"],
    groups: int,
    prepare: Callable[[Array], Array],
) -> Float[Array, "r r c_g d"]:
    """Computes the gradient of `convolve` with respect to the kernel.

    Args:
        x: The images.
        y: The gradient with respect to the outputs.
        groups: The number of groups of channels.
        prepare: What `convolve` does to the images first.
    """
    prepared = jax.eval_shape(prepare, x)
    r = prepared.shape[1] - y.shape[1] + 1
    c = prepared.shape[-1]
    d = y.shape[-1]
    tiling = _tile(y.shape[1], y.shape[2], r)
    n = tiling.n
    m = tiling.m
    b, g, a = tiling.filter

    def run(x, y):
        tiles = _gather(_pad(prepare(x), tiling, r - 1), tiling, n, groups)
        gradients = _gather(_pad(y, tiling, 0), tiling, m, groups)
        # Both are transformed, then multiplied and summed over all tiles, by one matrix
        # product for each place.
        tiles = _along_both(b, tiles)
        tiles = tiles.reshape(n * n * groups, -1, c // groups)
        gradients = _along_both(transpose(a), gradients)
        gradients = gradients.reshape(n * n * groups, -1, d // groups)
        return jnp.einsum("ntd,ntc->ndc", gradients, tiles)

    # The kernel's gradient is a sum over images, so chunks of images are added up.
    image_bytes = tiling.image_bytes(prepared, max(c, d))
    products = map_in_chunks(run, image_bytes, x, y, add=True)
    out = _along_both(transpose(g), products.reshape(n * n, -1))
    out = out.reshape(r, r, groups, d // groups, -1).transpose(0, 1, 4, 2, 3)
    return out.reshape(r, r, -1, d)


def _tile(height: int, width: int, r: int) -> Tiling:
    """Returns the tiling that takes the fewest products, padding included."""
    tilings = [Tiling(m, r, -(-height // m), -(-width // m)) for m in TILE_SIZES]
    return min(tilings, key=lambda tiling: tiling.rows * tiling.columns * tiling.n**2)


def _pad(x: Array, tiling: Tiling, beyond: int) -> Array:
    """Adds zeros below and to the right, until `beyond` pixels after the last tile."""
    height = tiling.rows * tiling.m + beyond
    width = tiling.columns * tiling.m + beyond
    return pad_sides(x, (0, height - x.shape[1]), (0, width - x.shape[2]))


def _gather(x: Array, tiling: Tiling, side: int, groups: int) -> Float[Array, "k f"]:
    """Returns tiles of side x side pixels, which begin at every mth pixel.

    Returns:
        A matrix with a row for each pixel of a tile. A row runs over groups, images, rows
        and columns of tiles, and channels of a group.
    """
    m = tiling.m
    rows = tiling.rows
    columns = tiling.columns
    b, _, _, c = x.shape
    shape = (side, side, groups, b, rows, columns, c // groups)
    tiles = jax.lax.full(shape, 0, x.dtype)
    # The pixels of m x m that belong to one tile alone are a reshape of the images; those
    # that it shares with the tiles after it are the first pixels of these. That makes four
    # copies at most, while a slice for each pixel would take twice as long to compile.
    for i in range(0, side, m):
        for j in range(0, side, m):
            part = x[:, i : i + rows * m, j : j + columns * m]
            beyond = [(0, rows * m - part.shape[1]), (0, columns * m - part.shape[2])]
            part = pad_sides(part, *beyond)
            part = part.reshape(b, rows, m, columns, m, groups, -1)
            part = part[:, :, : side - i, :, : side - j].transpose(2, 4, 5, 0, 1, 3, 6)
            tiles = jax.lax.dynamic_update_slice(tiles, part, (i, j, 0, 0, 0, 0, 0))
    return tiles.reshape(side**2, -1)


def _along_both(matrix: Matrix, flat: Float[Array, "k f"]) -> Float[Array, "l f"]:
    """Multiplies tiles by the matrix along their rows and along their columns.

    Both are merged in the first axis. This is one matrix product with the Kronecker
    product, which takes no longer than sums of few terms, of which XLA would make many
    small loops.
    """
    return jnp.asarray(np.kron(matrix, matrix), flat.dtype) @ flat
