"""How the networks of image translation halve and double their images.

CycleGAN's and pix2pix's convolutions do it themselves, by strides; CUT's keep the sides,
and a blur halves what they made or doubles what they are given (Zhang, 2019).
"""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from ganjax.models import filters, layers
from ganjax.models.convolution import conv, conv_transpose


class Sampling(NamedTuple):
    """Two ways down and up, of which the one that is not used leaves x alone."""

    down: Callable[[Array, Array], Array]  # (x, kernel), of 3x3 or 4x4
    halve: Callable[[Array], Array]  # after that and its activation
    double: Callable[[Array], Array]  # before the next
    up: Callable[[Array, Array], Array]  # (x, kernel)


def reflected(x: Float[Array, "b h w c"], by: int) -> Float[Array, "b H W c"]:
    """`by` more pixels at each side, mirrored at the outermost one."""
    return jnp.pad(x, ((0, 0), (by, by), (by, by), (0, 0)), "reflect")


def inside(
    x: Float[Array, "b h w c"], kernel: Float[Array, "k k c d"]
) -> Float[Array, "b H W d"]:
    """The convolution where the kernel lies within the image: sides lose k - 1."""
    return conv(x, kernel, ((0, 0), (0, 0)))


def slide(
    x: Float[Array, "b h w c"], kernel: Float[Array, "k k c d"]
) -> Float[Array, "b H W d"]:
    """The convolution with padding 1, which takes a pixel off the sides if k is 4."""
    return conv(x, kernel, ((1, 1), (1, 1)))


def paint(
    x: Float[Array, "b h w c"], kernel: Float[Array, "k k c d"]
) -> Float[Array, "b H W d"]:
    """Every pixel paints its kernel of 3x3 or 4x4 at twice its place: sides are doubled.

    The transpose of `layers.down`, of images as large as that can be given.
    """
    side = 1, len(kernel) - 3
    return conv_transpose(x, kernel.swapaxes(2, 3), (side, side), (2, 2))


def blurred_half(x: Float[Array, "b h w c"]) -> Float[Array, "b H W c"]:
    """Every other pixel of the image blurred by (1, 2, 1), mirrored at its border."""
    return filters.resample(reflected(x, 1), (1, 2, 1), (0, 0), down=2)


def blurred_double(x: Float[Array, "b h w c"]) -> Float[Array, "b H W c"]:
    """Twice the sides, smooth by (1, 3, 3, 1), the border's pixels repeated."""
    x = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), "edge")
    return filters.resample(x, filters.TAPS, (0, -1), total=2.0, up=2)


def _alone(x: Array) -> Array:
    return x


STRIDED = Sampling(layers.down, _alone, _alone, paint)
BLURRED = Sampling(slide, blurred_half, blurred_double, slide)
