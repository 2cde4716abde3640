"""ADA's filtering: four bands of frequency are each made stronger or weaker."""

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ganjax.augment.resample import reflected
from ganjax.augment.transform import Image, Part, either
from ganjax.gan import PyTree


POWER = np.array([10, 1, 1, 1], np.float32) / 13  # of each band in natural images, 1/f
SYM2 = np.array([1 - 3**0.5, 3 - 3**0.5, 3 + 3**0.5, 1 + 3**0.5]) / 4 / 2**0.5


@flax.struct.dataclass
class Bands:
    """What is drawn for one image."""

    gains: PyTree  # [4] of each band, lowest first, before the power is kept


def bands(
    imgfilter: float = 1.0,
    imgfilter_bands: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0),
    imgfilter_std: float = 1.0,
) -> Part:
    """Image-space filtering (Karras et al., 2020, appendix B).

    `imgfilter` times its own share of `imgfilter_bands` is each band's chance, as a share
    of p; `imgfilter_std` is in octaves.
    """
    share = imgfilter * np.array(imgfilter_bands, np.float32)

    def draw(key, p, shape):
        act, normal = jax.random.split(key)
        drawn = 2 ** (imgfilter_std * jax.random.normal(normal, (4,)))
        return Bands(jnp.where(jax.random.bernoulli(act, share * p), drawn, 1.0))

    return Part(draw, refilter)


def refilter(image: Image, drawn: Bands) -> Image:
    """The image with its bands amplified; itself where all gains are 1."""
    gains = balanced(drawn.gains)
    taps = jnp.einsum("b,bk->k", gains, BANK, precision=jax.lax.Precision.HIGHEST)
    moved = jnp.einsum(
        "ij,jkc,lk->ilc",
        _along(taps, image.shape[0]),
        image,
        _along(taps, image.shape[1]),
        precision=jax.lax.Precision.HIGHEST,
    )
    return either(jnp.any(gains != 1), moved, image)


def balanced(gains: Float[Array, "4"]) -> Float[Array, "4"]:
    """The gains with the expected power kept after each of the bands in its turn."""
    return gains / jnp.sqrt(jnp.prod(1 + POWER * (gains**2 - 1)))


def _along(taps: Float[Array, " k"], length: int) -> Float[Array, "n n"]:
    """The filter along an axis that goes on by reflection, as a matrix."""
    place = np.arange(length)[:, None]
    source = reflected(place + np.arange(len(taps)) - len(taps) // 2, length)
    return jnp.zeros((length, length)).at[place, source].add(taps[None])


def _bank() -> Float[np.ndarray, "4 k"]:
    """The filters that pick out each band and add up to one that changes nothing.

    Every octave splits the lowest band in two: the rest is spread out by zeros and
    smoothed, and what that takes away is the new, highest band.
    """
    power = lambda taps: np.convolve(taps, taps[::-1]) / 2
    low, high = power(SYM2), power(SYM2 * (-1) ** np.arange(4))
    bank = np.eye(4, 1)
    for octave in (1, 2, 3):
        spread = np.zeros((4, 2 * bank.shape[1] - 1))
        spread[:, ::2] = bank
        bank = np.stack([np.convolve(row, low) for row in spread])
        middle = bank.shape[1] // 2
        bank[octave, middle - 3 : middle + 4] += high
    return bank.astype(np.float32)


BANK = _bank()
