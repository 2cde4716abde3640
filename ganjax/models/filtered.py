"""The leaky ReLU without aliases: at a higher sampling rate, between two filters.

StyleGAN3's (Karras et al., 2021, configurations F and G; R for `radial`).
"""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from ganjax.models import filters, lowpass
from ganjax.models.convolution import conv
from ganjax.models.equalized import lrelu


OVERSAMPLED = 2  # times the higher rate of the two sides
TAPS = 6  # for each pixel of the lower rate
LARGEST = 256.0


class Band(NamedTuple):
    """Which frequencies images have, in cycles per image, and their sampling rate."""

    rate: int  # pixels per image, of which there may be more beyond its border
    cutoff: float
    half_width: float  # of the transition band around the cutoff


Smooth = Callable[[Array, Band, int], Array]


def separable(
    x: Float[Array, "b h w c"], band: Band, rate: int
) -> Float[Array, "b H W c"]:
    """From `rate` down to the band's by a filter along each axis."""
    down = rate // band.rate
    taps = lowpass.sinc(TAPS * down, band.cutoff, band.half_width, rate)
    return filters.resample(x, tuple(taps.tolist()), (0, 0), down=down)


def radial(
    x: Float[Array, "b h w c"], band: Band, rate: int
) -> Float[Array, "b H W c"]:
    """The same by a filter that is the same in all directions."""
    down = rate // band.rate
    taps = lowpass.jinc(TAPS * down, band.cutoff, band.half_width, rate)
    kernel = jnp.asarray(taps[..., None, None], x.dtype)
    alone = jnp.moveaxis(x, 3, 1).reshape(-1, *x.shape[1:3], 1)  # channels as images
    y = conv(alone, kernel, ((0, 0), (0, 0)), (down, down))
    y = y.reshape(len(x), -1, *y.shape[1:3])
    return jnp.moveaxis(y, 1, 3)


def filtered_lrelu(
    x: Float[Array, "b h h c"],
    start: Band,
    end: Band,
    size: int,
    smooth: Smooth = separable,
) -> Float[Array, "b {size} {size} c"]:
    """From images of one band to images of another, of `size` pixels a side.

    The middles stay where they are: what is missing at the borders is zero, what is too
    much is cut off. Values are kept within -+256.
    """
    rate = OVERSAMPLED * max(start.rate, end.rate)
    up, down = rate // start.rate, rate // end.rate
    wanted = (size - 1) * down + TAPS * (up + down) - 1  # before both filters
    missing = wanted - up * x.shape[1]
    before = (missing + up) // 2
    taps = lowpass.sinc(TAPS * up, start.cutoff, start.half_width, rate)
    padding = before, missing - before
    x = filters.resample(x, tuple(taps.tolist()), padding, total=float(up), up=up)
    return smooth(jnp.clip(lrelu(x), -LARGEST, LARGEST), end, rate)
