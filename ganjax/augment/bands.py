"""ADA's image-space filtering: four frequency bands are each amplified or weakened.

The bands are octaves, split off by the orthogonal wavelet sym2. A gain is drawn for each,
and together they are one separable filter per image (Karras et al., 2020, appendix B).
"""

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ganjax.augment.resample import reflect_index
from ganjax.augment.transform import Image, Stage, where_changed
from ganjax.core import PyTree


# The power of each band in natural images, whose spectrum falls as 1/f, lowest band first.
POWER = np.array([10, 1, 1, 1], np.float32) / 13
# The low-pass filter of sym2, which is Daubechies' wavelet with four taps.
SYM2 = np.array([1 - 3**0.5, 3 - 3**0.5, 3 + 3**0.5, 1 + 3**0.5]) / 4 / 2**0.5


@flax.struct.dataclass
class BandParams:
    """The parameters of one image's filter."""

    gains: PyTree  # [4], lowest band first, before `normalize_power`; 1: no change


def bands(
    imgfilter: float = 1.0,
    imgfilter_bands: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0),
    imgfilter_std: float = 1.0,
) -> Stage:
    """Returns ADA's image-space filtering (Karras et al., 2020, appendix B).

    Arguments have the names and defaults of the released code's `AugmentPipe`.

    Args:
        imgfilter: multiplier of p.
        imgfilter_bands: further multipliers of p, one for each band, lowest first.
        imgfilter_std: standard deviation of the log2 of a gain.
    """
    multipliers = imgfilter * np.array(imgfilter_bands, np.float32)

    def draw(key, p, shape):
        keep_key, normal_key = jax.random.split(key)
        # Log-normal, so that amplifying and weakening are equally likely.
        gains = 2 ** (imgfilter_std * jax.random.normal(normal_key, (4,)))
        acts = jax.random.bernoulli(keep_key, multipliers * p)
        return BandParams(jnp.where(acts, gains, 1.0))

    return Stage(draw, apply_bands)


def apply_bands(image: Image, params: BandParams) -> Image:
    """Filters an image; gains of 1 leave every bit unchanged.

    Args:
        image: the image.
        params: the gains.
    """
    gains = normalize_power(params.gains)
    # The weighted sum of the bank's filters is one filter, the same along both axes.
    taps = jnp.einsum("b,bk->k", gains, BANK, precision=jax.lax.Precision.HIGHEST)
    filtered = jnp.einsum(
        "ij,jkc,lk->ilc",
        _filter_matrix(taps, image.shape[0]),
        image,
        _filter_matrix(taps, image.shape[1]),
        precision=jax.lax.Precision.HIGHEST,
    )
    return where_changed(jnp.any(gains != 1), filtered, image)


def normalize_power(gains: Float[Array, "4"]) -> Float[Array, "4"]:
    """Scales the gains so that a natural image's expected power stays the same.

    As in the released code the gains are normalized once for each band, so that every gain
    is divided by the product of the factors of all bands.
    """
    return gains / jnp.sqrt(jnp.prod(1 + POWER * (gains**2 - 1)))


def _filter_matrix(taps: Float[Array, " k"], length: int) -> Float[Array, "n n"]:
    """Returns a filter along an axis of this length, reflected at its ends, as a matrix."""
    pixel = np.arange(length)[:, None]
    source = reflect_index(pixel + np.arange(len(taps)) - len(taps) // 2, length)
    # Where reflection maps several taps to the same pixel they add up.
    return jnp.zeros((length, length)).at[pixel, source].add(taps[None])


def _filter_bank() -> Float[np.ndarray, "4 k"]:
    """Returns the filters that pick out each band; they add up to the identity.

    In each round zeros are inserted between the taps, which moves all bands down by an
    octave, and the filters are convolved with the low-pass. What that removes is the new,
    highest band, to which the high-pass is added.
    """

    def autocorrelation(taps):
        return np.convolve(taps, taps[::-1]) / 2

    low_pass = autocorrelation(SYM2)
    high_pass = autocorrelation(SYM2 * (-1) ** np.arange(4))
    bank = np.eye(4, 1)
    for band in (1, 2, 3):
        dilated = np.zeros((4, 2 * bank.shape[1] - 1))
        dilated[:, ::2] = bank
        bank = np.stack([np.convolve(row, low_pass) for row in dilated])
        middle = bank.shape[1] // 2
        bank[band, middle - 3 : middle + 4] += high_pass
    return bank.astype(np.float32)


BANK = _filter_bank()
