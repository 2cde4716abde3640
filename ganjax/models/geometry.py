"""What a convolution is, but for its arrays; and how any becomes one of stride 1."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


Padding = tuple[tuple[int, int], tuple[int, int]]  # rows and columns, before and after
LAYOUT = ("NHWC", "HWIO", "NHWC")  # of the three arrays x, w and y
IMAGE, KERNEL, OUTPUT = range(3)  # their roles


class Geometry(NamedTuple):
    """All of a convolution but its arrays: rows first, then columns."""

    image: tuple[int, int]
    size: tuple[int, int]  # of the kernel
    padding: Padding
    stride: tuple[int, int] = (1, 1)
    groups: int = 1

    @property
    def output(self) -> tuple[int, int]:
        """Height and width of what comes out."""
        spans = zip(self.image, self.size, self.padding, self.stride, strict=True)
        height, width = ((n + sum(pad) - k) // s + 1 for n, k, pad, s in spans)
        return height, width

    @property
    def steps(self) -> tuple[int, int]:
        """How many strides the kernel spans, the last one perhaps in part."""
        (m, n), (s, t) = self.size, self.stride
        return -(-m // s), -(-n // t)

    @property
    def squares(self) -> tuple[int, int]:
        """How many strides of the padded images are seen."""
        (h, w), (m, n) = self.output, self.steps
        return h + m - 1, w + n - 1


def fold_image(
    x: Float[Array, "b h w c"], geometry: Geometry
) -> Float[Array, "b H W C"]:
    """Padded images with each stride's square as one pixel of more channels.

    The convolution of these with `fold_kernel`'s has stride 1 and no padding.
    """
    (s, t), (high, wide) = geometry.stride, geometry.squares
    x = _pad_to(x, geometry, 1)
    if s == t == 1:
        return x
    x = x.reshape(-1, high, s, wide, t, x.shape[-1]).swapaxes(2, 3)
    return x.reshape(-1, high, wide, s * t * x.shape[-1])


def unfold_image(
    x: Float[Array, "b H W C"], geometry: Geometry
) -> Float[Array, "b h w c"]:
    """The transpose of `fold_image`."""
    (s, t), (high, wide) = geometry.stride, geometry.squares
    if not s == t == 1:
        x = x.reshape(-1, high, wide, s, t, x.shape[-1] // (s * t)).swapaxes(2, 3)
        x = x.reshape(-1, high * s, wide * t, x.shape[-1])
    return _pad_to(x, geometry, -1)


def fold_kernel(
    kernel: Float[Array, "i j c d"], geometry: Geometry
) -> Float[Array, "m n C d"]:
    """The kernel to go with `fold_image`, with zeros where a stride reaches beyond it."""
    (m, n), (s, t) = geometry.steps, geometry.stride
    (i, j), (*_, c, d) = geometry.size, kernel.shape
    if s == t == 1:
        return kernel
    kernel = jnp.pad(kernel, ((0, m * s - i), (0, n * t - j), (0, 0), (0, 0)))
    kernel = kernel.reshape(m, s, n, t, c, d).swapaxes(1, 2)
    return kernel.reshape(m, n, s * t * c, d)


def phases(geometry: Geometry) -> list[list[tuple[int, int]]]:
    """For a stride's pixels, rows then columns: the first square, and the place in it.

    Empty where the images are no whole number of strides, or some of it is never seen.
    """
    found = []
    for n, count, s, (before, _) in _spans(geometry):
        starts = [divmod(before + i, s) for i in range(s)]
        if n % s or before < 0 or starts[-1][0] + n // s > count:
            return []
        found.append(starts)
    return found


def unfold_kernel(
    kernel: Float[Array, "m n C d"], geometry: Geometry
) -> Float[Array, "i j c d"]:
    """The transpose of `fold_kernel`."""
    (m, n), (s, t) = geometry.steps, geometry.stride
    if s == t == 1:
        return kernel
    (i, j), d = geometry.size, kernel.shape[-1]
    kernel = kernel.reshape(m, n, s, t, kernel.shape[2] // (s * t), d).swapaxes(1, 2)
    return kernel.reshape(m * s, n * t, -1, d)[:i, :j]


def _pad_to(x: Array, geometry: Geometry, sign: int) -> Array:
    """Adds the padding, and cuts what no kernel sees; with sign -1 the transpose."""
    edges = [
        (sign * before, sign * (count * s - n - before), 0)
        for n, count, s, (before, _) in _spans(geometry)
    ]
    return jax.lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), *edges, (0, 0, 0)])


def _spans(geometry: Geometry):
    """Of rows and columns: the images' side, the squares seen, the stride, the padding."""
    g = geometry
    return zip(g.image, g.squares, g.stride, g.padding, strict=True)
