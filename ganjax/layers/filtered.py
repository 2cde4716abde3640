"""StyleGAN3's leaky ReLU without aliases (Karras et al., 2021, configurations F and G).

A nonlinearity creates frequencies that the sampling rate cannot represent. So images are
upsampled, the leaky ReLU is applied at the higher rate, and a low-pass filter removes the
new frequencies before the images are downsampled. Configuration T has separable filters
throughout; R downsamples with radial ones, for equivariance to rotations.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from ganjax.layers.equalized import lrelu
from ganjax.ops import filters, lowpass
from ganjax.ops.convolution import conv


OVERSAMPLING = (
    2  # the leaky ReLU's rate over the higher one of the input and the output
)
TAPS_PER_PIXEL = (
    6  # the length of a filter, in pixels of the lower one of its two rates
)
CLAMP = 256.0  # activations are clipped to -CLAMP..CLAMP


class Band(NamedTuple):
    """The sampling rate of feature maps, and the frequencies that they contain.

    Attributes:
        rate: Pixels per image. Feature maps may also extend beyond the image's border.
        cutoff: The highest frequency, in cycles per image.
        half_width: Half of the width of the transition band around the cutoff.
    """

    rate: int
    cutoff: float
    half_width: float


# (images [b, h, w, c], band, rate) -> the images [b, H, W, c], filtered to the band and
# downsampled from `rate` to its rate.
Downsample = Callable[[Array, Band, int], Array]


def downsample_separable(
    x: Float[Array, "b h w c"], band: Band, rate: int
) -> Float[Array, "b H W c"]:
    """Filters images along each axis and downsamples them from `rate` to the band's.

    Args:
        x: Images at the sampling rate `rate`.
        band: The band of the result.
        rate: A multiple of the band's rate.
    """
    down = rate // band.rate
    taps = lowpass.sinc_taps(TAPS_PER_PIXEL * down, band.cutoff, band.half_width, rate)
    return filters.resample(x, tuple(taps.tolist()), (0, 0), down=down)


def downsample_radial(
    x: Float[Array, "b h w c"], band: Band, rate: int
) -> Float[Array, "b H W c"]:
    """Downsamples like `downsample_separable`, with a filter alike in all directions."""
    down = rate // band.rate
    taps = lowpass.jinc_taps(TAPS_PER_PIXEL * down, band.cutoff, band.half_width, rate)
    kernel = jnp.asarray(taps[..., None, None], x.dtype)
    # The kernel is not separable, so each channel is convolved as an image of its own.
    channels = jnp.moveaxis(x, 3, 1).reshape(-1, *x.shape[1:3], 1)
    y = conv(channels, kernel, ((0, 0), (0, 0)), (down, down))
    y = y.reshape(len(x), -1, *y.shape[1:3])
    return jnp.moveaxis(y, 1, 3)


def filtered_lrelu(
    x: Float[Array, "b h h c"],
    band_in: Band,
    band_out: Band,
    size: int,
    downsample: Downsample = downsample_separable,
) -> Float[Array, "b {size} {size} c"]:
    """Applies the leaky ReLU at a higher sampling rate, between two low-pass filters.

    Args:
        x: Square images.
        band_in: Their band.
        band_out: The band of the result.
        size: The side of the result in pixels. The centers of images stay in place; at the
            borders zeros are added or pixels cut off.
        downsample: The second filter, followed by the downsampling.

    Returns:
        The result, whose values were clipped to -256..256 at the higher rate.
    """
    rate = OVERSAMPLING * max(band_in.rate, band_out.rate)
    up = rate // band_in.rate
    down = rate // band_out.rate
    # How many pixels at the higher rate the result takes, as the filters do not pad.
    needed = (size - 1) * down + TAPS_PER_PIXEL * (up + down) - 1
    missing = needed - up * x.shape[1]
    # The inserted zeros come after each pixel and move the image's center by (up - 1) / 2,
    # for which the padding makes up.
    before = (missing + up) // 2
    padding = (before, missing - before)
    # Inserted zeros divide the mean by `up` along each axis; the taps make up for it.
    taps = lowpass.sinc_taps(
        TAPS_PER_PIXEL * up, band_in.cutoff, band_in.half_width, rate
    )
    x = filters.resample(x, tuple(taps.tolist()), padding, tap_sum=float(up), up=up)
    return downsample(jnp.clip(lrelu(x), -CLAMP, CLAMP), band_out, rate)
