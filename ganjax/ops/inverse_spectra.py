"""From spectra back to sounds: the inverse STFT, phases as frequencies, Griffin-Lim.

Signals are [..., n]; spectra are [..., frames, bins]. A signal of n samples has n / hop
frames, the first and the last of which reach beyond its ends, so that pictures of it have
a round number of columns and every sample can be had again: `istft(framed_stft(x))` is x to
rounding. All functions can be compiled and differentiated.
"""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from ganjax.errors import UsageError
from ganjax.ops import spectra


# Of the update in fast Griffin-Lim (Perraudin et al., 2013, who find 0.99 to be best).
MOMENTUM = 0.99


def check_hop(size: int, hop: int) -> None:
    """Raises a `UsageError` unless frames of this size and hop can be inverted."""
    if hop < 1 or size % hop or size < 2 * hop:
        raise UsageError(
            f"Frames of {size} samples that are {hop} apart cannot be inverted: give a "
            "hop that divides the size into two or more."
        )


def framed_stft(
    x: Float[Array, "*b n"], size: int, hop: int
) -> Complex[Array, "*b f k"]:
    """Computes the STFT of ceil(n / hop) frames, with zeros beyond both ends.

    Args:
        x: the signals.
        size: samples of a frame and of the periodic Hann window.
        hop: samples between frames, a divisor of `size`, at most half of it.

    Returns:
        size // 2 + 1 bins, from 0 to half of the rate.

    Raises:
        UsageError: the hop is no such number.
    """
    check_hop(size, hop)
    before, after = _margins(x.shape[-1], size, hop)
    margin = [(0, 0)] * (x.ndim - 1) + [(before, after)]
    return spectra.stft(jnp.pad(x, margin), size, hop, center=False)


def istft(
    spectrum: Complex[Array, "*b f k"], size: int, hop: int, length: int
) -> Float[Array, "*b n"]:
    """Computes the signals whose STFT is nearest to `spectrum`; inverts `framed_stft`.

    The nearest in least squares: windowed frames are added up and divided by the sum of
    the squared windows (Griffin & Lim, 1984, eq. 6).

    Args:
        spectrum: spectra, as `framed_stft` makes them of `length` samples.
        size: samples of a frame.
        hop: samples between frames.
        length: samples of the signals.

    Raises:
        UsageError: the hop is not a divisor of the size, or signals of that length have
            another number of frames.
    """
    check_hop(size, hop)
    count = -(-length // hop)
    if spectrum.shape[-2] != count:
        raise UsageError(
            f"Sounds of {length} samples have {count} frames with a hop of {hop}, not "
            f"{spectrum.shape[-2]}: give their spectra and their length."
        )
    window = _hann(size).astype(np.float32)
    frames = jnp.fft.irfft(spectrum, size, axis=-1)
    frames = frames * window.reshape((1,) * (frames.ndim - 1) + (size,))
    total = _add_up(frames, size, hop) / _squared_windows(count, size, hop).reshape(
        (1,) * (frames.ndim - 2) + (-1,)
    )
    before, _ = _margins(length, size, hop)
    return total[..., before : before + length]


def instantaneous_frequency(
    phase: Float[Array, "*b f k"],
) -> Float[Array, "*b f k"]:
    """Returns by how much the phase advances from frame to frame, in units of pi.

    The differences are wrapped to -1..1; the first frame keeps its own phase. A steady tone
    has one value in all frames and bins that it is in, where its phase runs through the
    circle: that is what a network can draw (Engel et al., 2019, section 2.2, "GANSynth").

    Args:
        phase: angles in radians.
    """
    first = phase[..., :1, :]
    advance = jnp.concatenate([first, jnp.diff(phase, axis=-2)], axis=-2) / jnp.pi
    # Into -1..1, without the loop of `jnp.unwrap`.
    return advance - 2 * jnp.round(advance / 2)


def phase_of(frequency: Float[Array, "*b f k"]) -> Float[Array, "*b f k"]:
    """Adds up instantaneous frequencies: inverts `instantaneous_frequency`.

    Returns:
        Angles in radians, equal to those before it up to whole turns.
    """
    return jnp.cumsum(frequency, axis=-2) * jnp.pi


def polar(
    magnitude: Float[Array, "*b"], phase: Float[Array, "*b"]
) -> Complex[Array, "*b"]:
    """Returns the complex numbers of these magnitudes and angles in radians."""
    return jax.lax.complex(magnitude * jnp.cos(phase), magnitude * jnp.sin(phase))


def griffin_lim(
    magnitude: Float[Array, "*b f k"],
    size: int,
    hop: int,
    length: int,
    iterations: int = 32,
    momentum: float = MOMENTUM,
) -> Float[Array, "*b n"]:
    """Finds signals whose STFT has a magnitude, by alternating projections.

    Each iteration takes the signal nearest to the spectrum and gives its phases to the
    magnitude (Griffin & Lim, 1984, eq. 8), with momentum between the projections
    (Perraudin et al., 2013, "A fast Griffin-Lim algorithm"). It begins with phases of zero,
    as SpecGAN does, so that equal magnitudes give equal sounds.

    Args:
        magnitude: magnitudes, as of `framed_stft`.
        size: samples of a frame.
        hop: samples between frames.
        length: samples of the signals.
        iterations: how many times phases are improved; 0 for the signal of phase zero.
        momentum: 0 for the algorithm of 1984.
    """

    def improve(_, carry):
        guess, before = carry
        consistent = framed_stft(istft(guess, size, hop, length), size, hop)
        ahead = consistent + momentum * (consistent - before)
        # The small number is for silence, whose phase is none.
        phase = ahead / jnp.maximum(jnp.abs(ahead), 1e-12)
        return magnitude * phase, consistent

    start = jax.lax.complex(magnitude, jnp.zeros_like(magnitude))
    # The first iteration has nothing before it, so its momentum must be zero.
    before = framed_stft(istft(start, size, hop, length), size, hop)
    guess, _ = jax.lax.fori_loop(0, iterations, improve, (start, before))
    return istft(guess, size, hop, length)


def spectral_convergence(
    wanted: Float[Array, "*b f k"], found: Float[Array, "*b f k"]
) -> Float[Array, "*b"]:
    """Returns the distance of magnitudes to wanted ones, relative to the latter.

    It is |wanted - found| / |wanted| in the Frobenius norm, the figure by which phases that
    were found for a magnitude are judged: 0 is best. In decibels it is 20 log10 of this.
    """
    axes = (-2, -1)
    distance = jnp.sqrt(jnp.sum((wanted - found) ** 2, axes))
    return distance / jnp.maximum(jnp.sqrt(jnp.sum(wanted**2, axes)), 1e-12)


def _margins(length: int, size: int, hop: int) -> tuple[int, int]:
    """Returns the zeros before and after a signal."""
    beyond = size - hop
    before = beyond // 2
    return before, beyond - before + -length % hop


def _add_up(frames: Array, size: int, hop: int) -> Array:
    """Adds frames [..., f, size] where they lie, to [..., (f - 1) * hop + size]."""
    *batch, count, _ = frames.shape
    parts = size // hop
    cut = frames.reshape(*batch, count, parts, hop)
    total = jnp.zeros((*batch, count + parts - 1, hop), frames.dtype)
    for i in range(parts):
        total = total.at[..., i : i + count, :].add(cut[..., i, :])
    return total.reshape(*batch, -1)


@cache
def _squared_windows(count: int, size: int, hop: int) -> np.ndarray:
    """Returns the sum of the squared windows of so many frames, at each sample."""
    total = np.zeros((count - 1) * hop + size)
    for start in range(0, count * hop, hop):
        total[start : start + size] += _hann(size) ** 2
    # At the outer ends, which are cut away, hardly any window is left.
    return np.maximum(total, 1e-3).astype(np.float32)


@cache
def _hann(size: int) -> np.ndarray:
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
