"""Spectra of sounds: the short-time Fourier transform, and mel filters.

Signals are [..., n]; spectra are [..., frames, bins]. Frequencies are in Hz, and `rate` is
the number of samples of a second. All functions can be compiled and differentiated.
"""

from functools import cache

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float


# The mel scale of Slaney's Auditory Toolbox, which librosa and HiFi-GAN use: linear up to
# 1,000 Hz, logarithmic above.
LINEAR_HZ = 200 / 3  # of one mel below `BREAK_HZ`
BREAK_HZ = 1000.0
BREAK_MEL = BREAK_HZ / LINEAR_HZ
LOG_STEP = np.log(6.4) / 27  # of one mel above `BREAK_HZ`, in logarithms of Hz


def frames(x: Float[Array, "*b n"], size: int, hop: int) -> Float[Array, "*b f s"]:
    """Cuts signals into overlapping frames; what does not fill the last one is left out.

    Args:
        x: the signals, of at least `size` samples.
        size: samples of a frame.
        hop: samples from the start of a frame to that of the next.
    """
    starts = np.arange(0, x.shape[-1] - size + 1, hop)
    return x[..., starts[:, None] + np.arange(size)]


def stft(
    x: Float[Array, "*b n"], size: int, hop: int, *, center: bool = True
) -> Complex[Array, "*b f k"]:
    """Computes the short-time Fourier transform with a periodic Hann window.

    Args:
        x: the signals.
        size: samples of a frame and of the window.
        hop: samples between frames.
        center: pads both ends by reflection, so that frame i is centered on sample i * hop,
            as `torch.stft` does. (librosa pads by zeros.)

    Returns:
        size // 2 + 1 bins, from 0 to half of the rate.
    """
    if center:
        margin = [(0, 0)] * (x.ndim - 1) + [(size // 2, size // 2)]
        x = jnp.pad(x, margin, mode="reflect")
    cut = frames(x, size, hop)
    window = _hann(size).reshape((1,) * (cut.ndim - 1) + (size,))
    return jnp.fft.rfft(cut * window, axis=-1)


def magnitude(
    x: Float[Array, "*b n"], size: int, hop: int, *, center: bool = True
) -> Float[Array, "*b f k"]:
    """Computes the absolute value of `stft`, with a gradient that is finite at 0."""
    spectrum = stft(x, size, hop, center=center)
    # The root has no gradient at 0, which silence and padding reach.
    return jnp.sqrt(jnp.maximum(spectrum.real**2 + spectrum.imag**2, 1e-14))


@cache
def mel_filters(
    rate: int, size: int, bands: int, low: float = 0.0, high: float = 0.0
) -> Float[np.ndarray, "k m"]:
    """Returns triangular filters, of equal area and evenly spaced in mel.

    They are those of `librosa.filters.mel` with its defaults, transposed.

    Args:
        rate: samples of a second.
        size: samples of a frame of the `stft`.
        bands: the number of filters.
        low: Hz at which the first begins.
        high: Hz at which the last ends; 0 for half of the rate.
    """
    edges = _to_hz(np.linspace(_to_mel(low), _to_mel(high or rate / 2), bands + 2))
    bins = np.fft.rfftfreq(size, 1 / rate)[:, None]
    rising = (bins - edges[:-2]) / np.diff(edges)[:-1]
    falling = (edges[2:] - bins) / np.diff(edges)[1:]
    filters = np.maximum(0, np.minimum(rising, falling))
    return (filters * 2 / (edges[2:] - edges[:-2])).astype(np.float32)


@cache
def _hann(size: int) -> np.ndarray:
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)).astype(np.float32)


def _to_mel(hz: float) -> float:
    if hz < BREAK_HZ:
        return hz / LINEAR_HZ
    return BREAK_MEL + np.log(hz / BREAK_HZ) / LOG_STEP


def _to_hz(mel: np.ndarray) -> np.ndarray:
    logarithmic = BREAK_HZ * np.exp(LOG_STEP * (mel - BREAK_MEL))
    return np.where(mel < BREAK_MEL, LINEAR_HZ * mel, logarithmic)
