"""Spectra of sounds: the short-time Fourier transform, mel filters and spectrograms.

Signals are [..., n]; spectra are [..., frames, bins]. Frequencies are in Hz, and `rate` is
the number of samples of a second. All functions can be compiled and differentiated.
"""

from functools import cache
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float


# The mel scale of Slaney's Auditory Toolbox, which librosa and HiFi-GAN use: linear up to
# 1,000 Hz, logarithmic above.
LINEAR_HZ = 200 / 3  # of one mel below `BREAK_HZ`
BREAK_HZ = 1000.0
BREAK_MEL = BREAK_HZ / LINEAR_HZ
LOG_STEP = np.log(6.4) / 27  # of one mel above `BREAK_HZ`, in logarithms of Hz

MIN_AMPLITUDE = 1e-5  # of a mel band; the logarithm of what is below is that of this
POWER_OFFSET = 1e-9  # which HiFi-GAN adds to the squares of amplitudes


class Mel(NamedTuple):
    """The numbers of a mel spectrogram; the defaults are those of HiFi-GAN at 22,050 Hz.

    Attributes:
        rate: samples of a second.
        bands: the number of mel filters.
        size: samples of a frame.
        hop: samples between frames.
        low: Hz at which the first filter begins.
        high: Hz at which the last one ends; 0 for half of the rate.
    """

    rate: int = 22_050
    bands: int = 80
    size: int = 1024
    hop: int = 256
    low: float = 0.0
    high: float = 8_000.0


def frames(x: Float[Array, "*b n"], size: int, hop: int) -> Float[Array, "*b f s"]:
    """Cuts signals into overlapping frames; what does not fill the last one is left out.

    Args:
        x: the signals, of at least `size` samples.
        size: samples of a frame.
        hop: samples from the start of a frame to that of the next.
    """
    count = (x.shape[-1] - size) // hop + 1
    blocks = -(-size // hop)
    # Each frame is some blocks of `hop` samples in a row, so the signal is cut into blocks
    # once. (The gradient of a gather of all frames would be a scatter, which is slow.)
    length = (count + blocks - 1) * hop
    missing = max(0, length - x.shape[-1])
    x = jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, missing)])[..., :length]
    cut = x.reshape(*x.shape[:-1], -1, hop)
    rows = [cut[..., i : i + count, :] for i in range(blocks)]
    return jnp.concatenate(rows, axis=-1)[..., :size]


def stft(
    x: Float[Array, "*b n"],
    size: int,
    hop: int,
    *,
    center: bool = True,
    window: Float[np.ndarray, " w"] | None = None,
) -> Complex[Array, "*b f k"]:
    """Computes the short-time Fourier transform.

    Args:
        x: the signals.
        size: samples of a frame.
        hop: samples between frames.
        center: pads both ends by reflection, so that frame i is centered on sample i * hop,
            as `torch.stft` does. (librosa pads by zeros.)
        window: up to `size` numbers, in the middle of a frame, all else of which counts as
            zero; by default a periodic Hann window of `size`.

    Returns:
        size // 2 + 1 bins, from 0 to half of the rate.
    """
    if center:
        x = _reflected(x, size // 2)
    cut = frames(x, size, hop)
    weights = _hann(size) if window is None else _centered(window, size)
    return jnp.fft.rfft(cut * weights.reshape((1,) * (cut.ndim - 1) + (size,)), axis=-1)


def magnitude(
    x: Float[Array, "*b n"],
    size: int,
    hop: int,
    *,
    center: bool = True,
    window: Float[np.ndarray, " w"] | None = None,
    offset: float = 0.0,
) -> Float[Array, "*b f k"]:
    """Computes the absolute value of `stft`, with a gradient that is finite at 0.

    Args:
        x: the signals; the other arguments are those of `stft`.
        size: samples of a frame.
        hop: samples between frames.
        center: whether both ends are padded.
        window: the window.
        offset: is added to the squares of the absolute values.
    """
    spectrum = stft(x, size, hop, center=center, window=window)
    power = spectrum.real**2 + spectrum.imag**2
    # The root has no gradient at 0, which silence and padding reach.
    return jnp.sqrt(jnp.maximum(power + offset, 1e-14))


def pad_for_hops(x: Float[Array, "*b n"], size: int, hop: int) -> Float[Array, "*b m"]:
    """Reflects as much at both ends that a signal of n * hop samples has n frames.

    The frames are those of `stft` without `center`, as vocoders have them: frame i is
    centered on the middle of the samples from i * hop to (i + 1) * hop.

    Args:
        x: the signals.
        size: samples of a frame.
        hop: samples between frames, at most `size` and of the same parity.
    """
    return _reflected(x, (size - hop) // 2)


def log_mel(x: Float[Array, "*b n"], mel: Mel) -> Float[Array, "*b f m"]:
    """Computes log-mel spectrograms as HiFi-GAN does (Kong et al., 2020).

    A signal of n * `mel.hop` samples has n frames. Amplitudes, not their squares, are
    summed by the mel filters, and the logarithm is the natural one, of at least 1e-5.

    Args:
        x: signals in -1..1.
        mel: the numbers of the spectrogram.

    Example:
        >>> log_mel(jnp.zeros((1, 8_192)), Mel()).shape
        (1, 32, 80)
    """
    padded = pad_for_hops(x, mel.size, mel.hop)
    amplitude = magnitude(padded, mel.size, mel.hop, center=False, offset=POWER_OFFSET)
    filters = mel_filters(mel.rate, mel.size, mel.bands, mel.low, mel.high)
    return jnp.log(jnp.maximum(jnp.matmul(amplitude, filters), MIN_AMPLITUDE))


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


def _centered(window: np.ndarray, size: int) -> np.ndarray:
    before = (size - len(window)) // 2
    return np.pad(window, (before, size - len(window) - before)).astype(np.float32)


def _reflected(x: Array, margin: int) -> Array:
    margins = [(0, 0)] * (x.ndim - 1) + [(margin, margin)]
    return jnp.pad(x, margins, mode="reflect")


def _to_mel(hz: float) -> float:
    if hz < BREAK_HZ:
        return hz / LINEAR_HZ
    return BREAK_MEL + np.log(hz / BREAK_HZ) / LOG_STEP


def _to_hz(mel: np.ndarray) -> np.ndarray:
    logarithmic = BREAK_HZ * np.exp(LOG_STEP * (mel - BREAK_MEL))
    return np.where(mel < BREAK_MEL, LINEAR_HZ * mel, logarithmic)
