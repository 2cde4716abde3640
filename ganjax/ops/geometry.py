"""The shapes of a convolution, and its reduction to one of stride 1 (space to depth).

A convolution of stride s x t equals one of stride 1 on images in which each block of s x t
pixels has become one pixel of s t c channels. The kernel is cut into blocks in the same
way. `fold_image` and `fold_kernel` do this; `unfold_image` and `unfold_kernel` are their
transposes, for the gradients.
"""

from collections.abc import Iterable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


# (before and after the rows, before and after the columns), in pixels.
Padding = tuple[tuple[int, int], tuple[int, int]]
# The three arrays of a convolution, in this order, and how their axes are laid out.
IMAGE, KERNEL, OUTPUT = range(3)
LAYOUT = ("NHWC", "HWIO", "NHWC")


class Geometry(NamedTuple):
    """All that defines a convolution, except for its arrays; pairs are (rows, columns).

    Attributes:
        image: The height and width of the images in pixels.
        kernel: The height and width of the kernel in pixels.
        padding: The zeros around the images.
        stride: The step between outputs.
        groups: The number of groups of channels.
    """

    image: tuple[int, int]
    kernel: tuple[int, int]
    padding: Padding
    stride: tuple[int, int] = (1, 1)
    groups: int = 1

    @property
    def output(self) -> tuple[int, int]:
        """The height and width of the output."""
        axes = zip(self.image, self.kernel, self.padding, self.stride, strict=True)
        height, width = ((n + sum(pad) - k) // s + 1 for n, k, pad, s in axes)
        return height, width

    @property
    def kernel_blocks(self) -> tuple[int, int]:
        """The size of the kernel in strides, rounded up."""
        rows = -(-self.kernel[0] // self.stride[0])
        columns = -(-self.kernel[1] // self.stride[1])
        return rows, columns

    @property
    def image_blocks(self) -> tuple[int, int]:
        """The size in strides of the part of the padded images that the kernel meets."""
        height, width = self.output
        rows, columns = self.kernel_blocks
        return height + rows - 1, width + columns - 1


class Start(NamedTuple):
    """Where the pixels of a phase begin in a folded axis.

    Attributes:
        block: The number of the block.
        place: The position in the block.
    """

    block: int
    place: int


def fold_image(
    x: Float[Array, "b h w c"], geometry: Geometry
) -> Float[Array, "b H W C"]:
    """Pads images and makes each block of stride[0] x stride[1] pixels one pixel.

    The convolution of the result with that of `fold_kernel` has stride 1 and no padding.

    Args:
        x: Images.
        geometry: The geometry of the convolution.

    Returns:
        Images of `geometry.image_blocks` pixels and stride[0] * stride[1] * c channels.
    """
    s, t = geometry.stride
    rows, columns = geometry.image_blocks
    x = _pad(x, geometry)
    if s == t == 1:
        return x
    # [b, rows, s, columns, t, c] to [b, rows, columns, s, t, c]: a block's pixels become
    # channels.
    x = x.reshape(-1, rows, s, columns, t, x.shape[-1]).swapaxes(2, 3)
    return x.reshape(-1, rows, columns, s * t * x.shape[-1])


def unfold_image(
    x: Float[Array, "b H W C"], geometry: Geometry
) -> Float[Array, "b h w c"]:
    """Computes the transpose of `fold_image`."""
    s, t = geometry.stride
    rows, columns = geometry.image_blocks
    if not s == t == 1:
        x = x.reshape(-1, rows, columns, s, t, x.shape[-1] // (s * t)).swapaxes(2, 3)
        x = x.reshape(-1, rows * s, columns * t, x.shape[-1])
    return _pad(x, geometry, transposed=True)


def fold_kernel(
    kernel: Float[Array, "i j c d"], geometry: Geometry
) -> Float[Array, "m n C d"]:
    """Returns the kernel for `fold_image`'s result, zero where blocks reach beyond it.

    Args:
        kernel: A kernel of i x j pixels.
        geometry: The geometry of the convolution.

    Returns:
        A kernel of `geometry.kernel_blocks` pixels, for folded channels.
    """
    m, n = geometry.kernel_blocks
    s, t = geometry.stride
    i, j = geometry.kernel
    c, d = kernel.shape[-2:]
    if s == t == 1:
        return kernel
    # [m, s, n, t, c, d] to [m, n, s t c, d]: blocks first, then what is in a block.
    kernel = jnp.pad(kernel, ((0, m * s - i), (0, n * t - j), (0, 0), (0, 0)))
    kernel = kernel.reshape(m, s, n, t, c, d).swapaxes(1, 2)
    return kernel.reshape(m, n, s * t * c, d)


def unfold_kernel(
    kernel: Float[Array, "m n C d"], geometry: Geometry
) -> Float[Array, "i j c d"]:
    """Computes the transpose of `fold_kernel`."""
    m, n = geometry.kernel_blocks
    s, t = geometry.stride
    i, j = geometry.kernel
    d = kernel.shape[-1]
    if s == t == 1:
        return kernel
    # [m, n, s, t, c, d] back to [m, s, n, t, c, d], less the zeros beyond the kernel.
    kernel = kernel.reshape(m, n, s, t, kernel.shape[2] // (s * t), d).swapaxes(1, 2)
    return kernel.reshape(m * s, n * t, -1, d)[:i, :j]


def phases(geometry: Geometry) -> list[list[Start]]:
    """Returns where the pixels of each phase lie in the folded images.

    Phase p of an axis of stride s consists of the pixels p, p + s, p + 2 s, ... of the
    unpadded images. Padding moves them, so that they may begin in a later block, and at
    another place within it.

    Returns:
        For rows, then for columns: the start of each phase. Empty if the images are not a
        whole number of strides, or if the kernel never meets some of their pixels.
    """
    starts_of_axes = []
    for n, blocks, s, (before, _) in _axes(geometry):
        starts = [Start(*divmod(before + i, s)) for i in range(s)]
        if n % s or before < 0 or starts[-1].block + n // s > blocks:
            return []
        starts_of_axes.append(starts)
    return starts_of_axes


def pad_sides(x: Array, rows: tuple[int, int], columns: tuple[int, int]) -> Array:
    """Adds zeros before and after the rows and the columns of images [b, h, w, c].

    Where a count is negative, as many are taken away.
    """
    config = [(0, 0, 0), (*rows, 0), (*columns, 0), (0, 0, 0)]
    return jax.lax.pad(x, jnp.zeros((), x.dtype), config)


def _pad(x: Array, geometry: Geometry, transposed: bool = False) -> Array:
    """Adds the padding and cuts off what the kernel never meets, or the transpose."""
    sign = -1 if transposed else 1
    edges = [
        (sign * before, sign * (blocks * s - n - before))
        for n, blocks, s, (before, _) in _axes(geometry)
    ]
    return pad_sides(x, *edges)


def _axes(geometry: Geometry) -> Iterable[tuple[int, int, int, tuple[int, int]]]:
    """Returns for rows and columns the side, the blocks, the stride and the padding."""
    g = geometry
    return zip(g.image, g.image_blocks, g.stride, g.padding, strict=True)
