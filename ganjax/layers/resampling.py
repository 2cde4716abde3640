"""Layers and functions that halve or double the sides of images.

Networks differ in where the change of resolution happens. DCGAN's, CycleGAN's and
pix2pix's convolutions do it themselves, by their strides. CUT's convolutions keep the
sides, and a blur before or after them resamples the images without aliases (Zhang, 2019).
`Resampling` is that choice as a value. StyleGAN2's filters are in `ganjax.ops.filters`.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from ganjax.ops import filters
from ganjax.ops.convolution import ConvFn, conv, conv_pad1, conv_transpose


# With a kernel of 3x3 or 4x4, these halve the sides of an image.
HALVING_PADDING = ((1, 1), (1, 1))
HALVING_STRIDE = (2, 2)


def down(
    x: Float[Array, "b h w c"], kernel: Float[Array, "k k c d"]
) -> Float[Array, "b H W d"]:
    """Computes a strided convolution that halves the sides of images.

    Args:
        x: Images of even height and width.
        kernel: A kernel of 3x3 or 4x4, applied with stride 2 and padding 1.

    Returns:
        Images [b, h / 2, w / 2, d].
    """
    return conv(x, kernel, HALVING_PADDING, HALVING_STRIDE)


def up(
    x: Float[Array, "b h w c"], kernel: Float[Array, "4 4 c d"]
) -> Float[Array, "b H W d"]:
    """Computes a 4x4 transposed convolution of stride 2 that doubles the sides of images.

    It equals `jax.lax.conv_transpose(x, kernel, (2, 2), "SAME")`, whose kernel is mirrored
    in both directions compared with that of `down_transpose`.
    """
    mirrored = kernel[::-1, ::-1].swapaxes(2, 3)
    return conv_transpose(x, mirrored, HALVING_PADDING, HALVING_STRIDE)


def down_transpose(
    x: Float[Array, "b h w c"], kernel: Float[Array, "k k c d"]
) -> Float[Array, "b H W d"]:
    """Computes the transpose of `down`, which doubles the sides of images.

    Each pixel adds its kernel, of 3x3 or 4x4, to the output around twice its position, as
    in PyTorch's `ConvTranspose2d`.
    """
    # A kernel of 3x3 has no padding at the end, so that sides exactly double.
    side = (1, len(kernel) - 3)
    return conv_transpose(x, kernel.swapaxes(2, 3), (side, side), HALVING_STRIDE)


def reflect_pad(x: Float[Array, "b h w c"], pixels: int) -> Float[Array, "b H W c"]:
    """Returns images with `pixels` more at each side, mirrored at the outermost pixel."""
    padding = ((0, 0), (pixels, pixels), (pixels, pixels), (0, 0))
    return jnp.pad(x, padding, "reflect")


def blur_downsample(x: Float[Array, "b h w c"]) -> Float[Array, "b H W c"]:
    """Blurs images with (1, 2, 1), reflected at the border, and keeps every other pixel."""
    return filters.resample(reflect_pad(x, 1), (1, 2, 1), (0, 0), down=2)


def blur_upsample(x: Float[Array, "b h w c"]) -> Float[Array, "b H W c"]:
    """Doubles the sides of images by the filter (1, 3, 3, 1), with the border repeated."""
    # With zeros beyond it, the border would become darker.
    x = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), "edge")
    return filters.resample(x, filters.TAPS, (0, -1), tap_sum=2.0, up=2)


class Resample(nn.Module):
    """A 4x4 convolution without a bias that halves or doubles the sides of images.

    Attributes:
        features: The number of output channels.
        conv_fn: `up` or `down`.
        kernel_init: The initializer of the kernel [4, 4, c, features].
    """

    features: int
    conv_fn: ConvFn
    kernel_init: nn.initializers.Initializer = nn.initializers.lecun_normal()

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b H W d"]:
        shape = (4, 4, x.shape[-1], self.features)
        return self.conv_fn(x, self.param("kernel", self.kernel_init, shape))


Up = partial(Resample, conv_fn=up)
Down = partial(Resample, conv_fn=down)


class Resampling(NamedTuple):
    """How a translator or its discriminator changes the resolution of its images.

    A network halves the sides by `down_conv`, an activation and `downsample`, and doubles
    them by `upsample`, then `up_conv`. In each direction one of the two functions does the
    resampling, and the other one keeps the sides up to a pixel.

    Attributes:
        down_conv: A convolution with a kernel of 3x3 or 4x4.
        downsample: images [b, h, w, c] -> images, halved or not.
        upsample: images [b, h, w, c] -> images, doubled or not.
        up_conv: A convolution with a kernel of 3x3.
    """

    down_conv: ConvFn
    downsample: Callable[[Array], Array]
    upsample: Callable[[Array], Array]
    up_conv: ConvFn


def _identity(x: Array) -> Array:
    return x


STRIDED = Resampling(down, _identity, _identity, down_transpose)  # CycleGAN and pix2pix
BLURRED = Resampling(conv_pad1, blur_downsample, blur_upsample, conv_pad1)  # CUT
