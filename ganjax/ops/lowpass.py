"""Design of the low-pass filters of StyleGAN3 (Karras et al., 2021, appendix C).

The impulse response of an ideal low-pass filter is cut off by a Kaiser window. Frequencies
are in cycles per image, the sampling rate in pixels per image, and the taps of each filter
add up to 1.
"""

import numpy as np
from jaxtyping import Float
from scipy.special import j1


def sinc_taps(
    taps: int, cutoff: float, half_width: float, rate: float
) -> Float[np.ndarray, " taps"]:
    """Returns the taps of a separable filter, to be applied along each axis.

    Args:
        taps: The number of taps.
        cutoff: The middle of the transition band, which lies between the frequencies that
            pass and those that are stopped.
        half_width: Half of the width of the transition band.
        rate: The sampling rate.
    """
    x = _positions(taps, rate)
    response = np.sinc(2 * cutoff * x) * kaiser_window(taps, 2 * half_width / rate)
    return response / response.sum()


def jinc_taps(
    taps: int, cutoff: float, half_width: float, rate: float
) -> Float[np.ndarray, "taps taps"]:
    """Returns the taps of a radially symmetric filter in the plane.

    The frequencies that pass fill a disc, so that the filter prefers no direction. The
    arguments are those of `sinc_taps`.
    """
    x = _positions(taps, rate)
    # An odd number of taps has one at the center, where j1(r) / r is 0 / 0: a tiny radius
    # gives its limit.
    radius = np.maximum(np.hypot(x[:, None], x[None]), 1e-9 / rate)
    window = kaiser_window(taps, 2 * half_width / rate)
    response = j1(2 * np.pi * cutoff * radius) / radius * np.outer(window, window)
    return response / response.sum()


def kaiser_window(taps: int, width: float) -> Float[np.ndarray, " taps"]:
    """Returns the Kaiser window for a transition band of a given width.

    Its parameter beta follows from the attenuation that the number of taps allows, by the
    empirical formulas of Kaiser (1974), which are also `scipy.signal`'s `kaiser_atten` and
    `kaiser_beta`.

    Args:
        taps: The number of taps.
        width: The width of the transition band, in cycles per pixel.
    """
    attenuation = 7.95 + 2.285 * (taps - 1) * 2 * np.pi * width  # in decibels
    if attenuation > 50:
        beta = 0.1102 * (attenuation - 8.7)
    else:
        excess = max(attenuation - 21, 0)
        beta = 0.5842 * excess**0.4 + 0.07886 * excess
    return np.kaiser(taps, beta)


def _positions(taps: int, rate: float) -> np.ndarray:
    """Returns the positions of the taps relative to the filter's center, in images."""
    return (np.arange(taps) - (taps - 1) / 2) / rate
