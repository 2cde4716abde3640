"""An image under an affine map, read from twice its resolution (Karras et al., 2020).

As published, an image goes on beyond its border by reflection, is doubled with the
orthogonal wavelet sym6 as low-pass, read there bilinearly, and halved with the same
filter. The released code pads by as many pixels as the batch at hand reaches out, n - 1
at most. Here shapes do not depend on the data: a reflected image repeats itself after
2n - 2 pixels, so one period of it is doubled and read modulo the period, however far
out. Both are equal but for what reads beyond the released padding, which is 0 there.

sym6 is not quite symmetric. Shifts by whole pixels are exact, but a flip leaves white
noise with an error of 0.16 of its deviation, half a turn with 0.21, there as here.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ganjax.augment.transform import Image


SYM6 = (
    0.015404109327027373,
    0.0034907120842174702,
    -0.11799011114819057,
    -0.048311742585633,
    0.4910559419267466,
    0.787641141030194,
    0.3379294217276218,
    -0.07263752278646252,
    -0.021060292512300564,
    0.04472490177066578,
    0.0017677118642428036,
    -0.007800708325034148,
)
TAPS = tuple(tap / sum(SYM6) for tap in SYM6)
REACH = len(TAPS) // 2 - 1  # half-pixels that halving reads before an image's first


def resample(image: Image, origin: Float[Array, "3 3"]) -> Image:
    """The image whose pixel (x, y), from the centre, comes from `origin` (x, y, 1)."""
    height, width, _ = image.shape
    doubled = _double(_double(image, 0), 1)
    row, column = _places(height), _places(width)
    y, x = (row - (height - 1) / 2)[:, None], (column - (width - 1) / 2)[None]
    find = lambda a: a[0] * x + a[1] * y + a[2]
    rows, columns = 2 * find(origin[1]) + height - 1, 2 * find(origin[0]) + width - 1
    return _halve(_halve(_read(doubled, rows, columns), 0), 1)


def reflected(places: Int[np.ndarray, "*s"], length: int) -> Int[np.ndarray, "*s"]:
    """Which pixel of `length` lies at places before, on and after it, by reflection."""
    period = max(2 * length - 2, 1)
    places = places % period
    return np.minimum(places, period - places)


def _places(length: int) -> Float[Array, " n"]:
    """Every half pixel that is read, in pixels from an image's first."""
    return (jnp.arange(2 * length + 2 * REACH) - REACH) / 2


def _double(x: Array, axis: int) -> Array:
    """One period of the reflected image at half pixels."""
    length = x.shape[axis]
    period, size = max(2 * length - 2, 1), len(TAPS) // 2
    around = np.arange(-(size // 2), period + size - size // 2)
    x = jnp.take(x, reflected(around, length), axis, mode="clip")
    twice = [2 * tap for tap in TAPS[::-1]]
    on, between = twice[::2], twice[1::2]
    pair = _slide(x, on, axis, 0, period), _slide(x, between, axis, 1, period)
    shape = *x.shape[:axis], 2 * period, *x.shape[axis + 1 :]
    return jnp.stack(pair, axis + 1).reshape(shape)


def _halve(x: Array, axis: int) -> Array:
    return _slide(x, TAPS, axis, 0, x.shape[axis] // 2 - REACH, stride=2)


def _slide(
    x: Array, taps: Sequence[float], axis: int, first: int, count: int, stride: int = 1
) -> Array:
    """The sum of the taps times x[first + k :: stride], `count` of each."""
    end = lambda k: k + (count - 1) * stride + 1
    cut = lambda k: jax.lax.slice_in_dim(x, k, end(k), stride, axis)
    terms = [tap * cut(first + k) for k, tap in enumerate(taps)]
    return sum(terms[1:], terms[0])


def _read(
    x: Float[Array, "h w c"], rows: Float[Array, "n m"], columns: Float[Array, "n m"]
) -> Float[Array, "n m c"]:
    """A periodic image between its pixels, bilinearly."""
    (row, down), (column, right) = (_whole(places) for places in (rows, columns))
    turned = lambda place, period: place.astype(jnp.int32) % period

    def at(i, j):
        place = turned(row + i, x.shape[0]), turned(column + j, x.shape[1])
        return x.at[place].get(mode="promise_in_bounds")

    above, below = (at(i, 0) * (1 - right) + at(i, 1) * right for i in (0, 1))
    return above * (1 - down) + below * down


def _whole(places: Float[Array, "n m"]) -> tuple[Array, Array]:
    """The whole part, and the rest with an axis for the channels."""
    whole = jnp.floor(places)
    return whole, (places - whole)[..., None]
