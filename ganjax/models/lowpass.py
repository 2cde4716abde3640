"""The design of low-pass filters: windowed responses that are cut off at a frequency.

Frequencies are in cycles per image, the sampling rate in pixels per image. Taps add up
to 1. These are StyleGAN3's (Karras et al., 2021, appendix C).
"""

import numpy as np
from jaxtyping import Float
from scipy.special import j1


def sinc(
    taps: int, cutoff: float, half_width: float, rate: float
) -> Float[np.ndarray, " taps"]:
    """Along one axis; between cutoff -+ half_width it goes over from passing to not."""
    x = _places(taps, rate)
    response = np.sinc(2 * cutoff * x) * kaiser(taps, 2 * half_width / rate)
    return response / response.sum()


def jinc(
    taps: int, cutoff: float, half_width: float, rate: float
) -> Float[np.ndarray, "taps taps"]:
    """In the plane: what passes is a disc, so that the response has no direction."""
    x = _places(taps, rate)
    radius = np.maximum(np.hypot(x[:, None], x[None]), 1e-9 / rate)
    window = kaiser(taps, 2 * half_width / rate)
    response = j1(2 * np.pi * cutoff * radius) / radius * np.outer(window, window)
    return response / response.sum()


def kaiser(taps: int, width: float) -> Float[np.ndarray, " taps"]:
    """Kaiser's window for a transition band of `width` cycles per sample.

    Its beta is from the attenuation that so many taps allow (Kaiser, 1974).
    """
    attenuation = 7.95 + 2.285 * (taps - 1) * 2 * np.pi * width
    above = max(attenuation - 21, 0)
    beta = 0.5842 * above**0.4 + 0.07886 * above
    return np.kaiser(taps, 0.1102 * (attenuation - 8.7) if above > 29 else beta)


def _places(taps: int, rate: float) -> np.ndarray:
    return (np.arange(taps) - (taps - 1) / 2) / rate
