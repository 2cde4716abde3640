"""The modality of sounds whose networks see them as images, by a `Representation`.

Data are the sounds of `ganjax.modalities.sounds`. Within the compiled step each becomes an
image, on which any image network trains; what G makes becomes a sound again wherever a
person or a score meets it: in files, reports and evaluation. So SpecGAN (Donahue et al.,
2019) and GANSynth (Engel et al., 2019) are image GANs with another representation:

- `magnitude`: levels of frequencies over time; Griffin-Lim finds the phases;
- `magnitude_and_frequency`: levels, and by how much phases advance. G makes both, so a
  sound follows by one inverse transform.

Both have bins of equal width, which are inverted exactly, or mel bands, which are fewer and
inverted approximately. An image has the lowest frequency in its last row.
"""

import json
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from PIL import Image

from ganjax.core import Modality
from ganjax.data import Source
from ganjax.data.source import ToReal
from ganjax.errors import UsageError
from ganjax.evaluation.evaluator import Evaluator, Scoring
from ganjax.evaluation.features import Features
from ganjax.modalities.sounds import (
    MAX_PLAYED,
    decode as decode_sounds,
    evaluator as evaluator_of_sounds,
    sounds,
)
from ganjax.ops import inverse_spectra, spectra


RANGE_DB = 80.0  # of levels, below the loudest that a frame can have
FLOOR = 10 ** (-RANGE_DB / 20)  # the amplitude that levels of silence have
CLIP = 3.0  # standard deviations of levels that SpecGAN keeps
MAX_MEASURED = 2_000  # sounds whose levels are measured
CHUNK = 64  # sounds that are computed at once


class Representation(NamedTuple):
    """What networks see of sounds, and how a sound is had from what G makes.

    Attributes:
        shape: height, width and channels of an image; or frames and bands of a signal.
        encode: sounds [..., samples, 1] in -1..1 -> images [..., *shape] in -1..1. It is
            traced as part of the compiled step.
        decode: images -> sounds. Rounding apart it inverts `encode`, or nearly so.
    """

    shape: tuple[int, ...]
    encode: Callable[[Array], Array]
    decode: Callable[[Array], Array]


class Frames(NamedTuple):
    """How sounds are cut to frames, and into which bands their frequencies are gathered.

    Attributes:
        rate: samples a second.
        length: samples of a sound.
        size: samples of a frame.
        hop: samples between frames, a divisor of `size`.
        bands: mel bands; 0 for the bins of the transform, all but that at half the rate,
            where sounds have next to nothing.
    """

    rate: int = 16_000
    length: int = 16_384
    size: int = 256
    hop: int = 128
    bands: int = 0


class Moments(NamedTuple):
    """The mean and the standard deviation of the level of each band, over data.

    Levels are in decibels, from the lowest band up.
    """

    mean: tuple[float, ...]
    deviation: tuple[float, ...]


def magnitude(
    frames: Frames, moments: Moments | None = None, iterations: int = 32
) -> Representation:
    """Levels of bands over time, of which Griffin-Lim makes sounds.

    With `moments` it is SpecGAN's: levels are normalized for each band, and what is beyond
    three standard deviations is clipped (Donahue et al., 2019, section 3.3). Without, -1
    stands for `RANGE_DB` below the loudest possible, and 1 for that.

    Args:
        frames: how sounds are cut. SpecGAN has 128 frames of 128 bins.
        moments: of the levels, by `measure`; None for a fixed range.
        iterations: of Griffin-Lim. SpecGAN has 16.

    Raises:
        UsageError: there are no such frames, or moments of another number of bands.
    """
    scale = _scale(frames, moments)

    def encode(x: Array) -> Array:
        level = _level(frames, jnp.abs(_stft(frames, x)))
        return _as_image(jnp.clip(scale.encode(level), -1, 1))[..., None]

    def decode(image: Array) -> Array:
        level = scale.decode(_as_frames(image[..., 0]))
        return _griffin_lim(frames, level, iterations)

    return Representation((*_shape(frames), 1), encode, decode)


def magnitude_and_frequency(frames: Frames) -> Representation:
    """Levels, and instantaneous frequencies: GANSynth's representation (section 2.2).

    The second channel is by how much the phase of a bin advances from one frame to the
    next, in units of pi. In a mel band it is the mean over its bins, weighted by their
    power, as the loudest is what is heard; a bin gets it back from its nearest band.
    GANSynth takes an unweighted mean of phases that have been added up.

    Args:
        frames: how sounds are cut; `bands` of 0 gives an exact inverse.

    Raises:
        UsageError: there are no such frames.
    """
    scale = _scale(frames, None)
    filters = _filters(frames)

    def encode(x: Array) -> Array:
        spectrum = _stft(frames, x)
        size = jnp.abs(spectrum)
        level = scale.encode(_level(frames, size))
        frequency = inverse_spectra.instantaneous_frequency(jnp.angle(spectrum))
        if filters is not None:
            power = size**2
            # The small number is below the power of any sound, and for silence.
            frequency = (
                (power * frequency) @ filters.gather / (power @ filters.gather + 1e-12)
            )
        return jnp.stack([_as_image(level), _as_image(frequency)], axis=-1)

    def decode(image: Array) -> Array:
        size = _magnitude(frames, scale.decode(_as_frames(image[..., 0])))
        frequency = _as_frames(image[..., 1])
        if filters is not None:
            frequency = frequency[..., filters.nearest]
        phase = inverse_spectra.phase_of(frequency)
        return _istft(frames, inverse_spectra.polar(size, phase))

    return Representation((*_shape(frames), 2), encode, decode)


def mel_frames(frames: Frames, iterations: int = 32) -> Representation:
    """Log-mel spectrograms as signals [frames, bands], for networks of one dimension.

    They are those of `magnitude` without the axis of channels: bands are channels, from
    the lowest up, as in ASGAN (Baas & Kamper, 2023).

    Args:
        frames: how sounds are cut.
        iterations: of Griffin-Lim.
    """
    image = magnitude(frames, None, iterations)
    height, width, _ = image.shape
    return Representation(
        (width, height),
        lambda x: _as_frames(image.encode(x)[..., 0]),
        lambda signal: image.decode(_as_image(signal)[..., None]),
    )


def measure(source: Source, frames: Frames) -> Moments:
    """Measures the levels of each band over sounds, for `magnitude`.

    Args:
        source: the sounds, of which `MAX_MEASURED` are read at most, evenly spaced.
        frames: how they are cut.
    """
    rows = np.arange(source.length)
    if source.length > MAX_MEASURED:
        rows = np.linspace(0, source.length - 1, MAX_MEASURED).round().astype(np.int64)

    @jax.jit
    def level(stored: Array) -> Array:
        return _level(frames, jnp.abs(_stft(frames, decode_sounds(stored))))

    # Moments of the chunks first, as sums of squares over all of them would lose digits.
    found = []
    for start in range(0, len(rows), CHUNK):
        part = np.asarray(level(source.read(rows[start : start + CHUNK]).x), np.float64)
        found.append((part.mean((0, 1)), part.var((0, 1)), part.shape[0]))
    means, variances, counts = (np.array(each) for each in zip(*found, strict=True))
    share = (counts / counts.sum())[:, None]
    mean = (share * means).sum(0)
    variance = (share * (variances + (means - mean) ** 2)).sum(0)
    # A band that is always silent has no deviation.
    deviation = np.maximum(np.sqrt(variance), 1e-3)
    rounded = [tuple(np.round(each, 4).tolist()) for each in (mean, deviation)]
    return Moments(*rounded)


def to_json(moments: Moments) -> str:
    """Returns moments as text, to be recorded with a run."""
    return json.dumps(moments._asdict())


def from_json(text: str) -> Moments:
    """Returns moments from the text of `to_json`.

    Raises:
        UsageError: the text is none of it.
    """
    try:
        found = json.loads(text)
        mean, deviation = (tuple(map(float, found[key])) for key in Moments._fields)
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(
            "The moments of levels are not JSON with mean and deviation: leave them out, "
            "and they are measured."
        ) from error
    return Moments(mean, deviation)


def spectrograms(
    representation: Representation,
    rate: int = 16_000,
    length: int = 16_384,
    windows: bool = False,
) -> Modality:
    """Makes the modality of sounds that networks see by a representation.

    Args:
        representation: of sounds of this length, in mono.
        rate: samples a second; files of another rate are resampled.
        length: samples of every example.
        windows: whether a longer file gives several examples, one after the other.

    Example:
        >>> frames = Frames(16_000, 16_384, size=512, hop=128)
        >>> game = ganjax.game(gan, spectrograms(magnitude_and_frequency(frames)))

    Raises:
        UsageError: there is no such sound.
    """
    heard = sounds(rate, length, 1, windows)
    to_sounds = to_sounds_in_chunks(representation)

    def save(
        write: Callable, path: Path, samples: np.ndarray, labels: np.ndarray
    ) -> None:
        write(path, to_sounds(samples), labels)

    def play(path: Path, samples: np.ndarray) -> None:
        assert heard.play is not None
        heard.play(path, to_sounds(samples[:MAX_PLAYED]))

    def render(
        samples: np.ndarray, classes: int = 0, real: np.ndarray | None = None
    ) -> Image.Image:
        return heard.render(to_sounds(samples), classes)

    return heard._replace(
        decode=lambda stored: representation.encode(decode_sounds(stored)),
        describe=_describe,
        remedy=_remedy,
        render=render,
        files={suffix: partial(save, write) for suffix, write in heard.files.items()},
        evaluator=partial(evaluator, representation, rate),
        play=play,
    )


def evaluator(
    representation: Representation,
    rate: int,
    source: Source,
    held_out: Source | None,
    to_real: ToReal,
    *features: Features,
    scratch: Path | None = None,
) -> Evaluator:
    """Makes the evaluator of sounds, for samples that are images of them.

    Samples are compared as sounds, and with sounds that never were images: what the
    representation loses counts against them.

    Args:
        representation: makes sounds of samples.
        rate: samples a second. The other arguments are those of `sounds.evaluator`.
        source: the training data.
        held_out: its held-out split, or None.
        to_real: not used, as the sounds themselves are compared.
        *features: further features of spectrograms.
        scratch: a folder for features that do not fit in memory.
    """
    of_sounds = evaluator_of_sounds(
        rate, source, held_out, decode_sounds, *features, scratch=scratch
    )
    to_sounds = to_sounds_in_chunks(representation)

    def begin() -> Scoring:
        scoring = of_sounds.begin()
        return scoring._replace(add=lambda chunk: scoring.add(to_sounds(chunk)))

    return of_sounds._replace(begin=begin, shape=representation.shape)


def to_sounds_in_chunks(
    representation: Representation,
) -> Callable[[np.ndarray], np.ndarray]:
    """Returns a function from samples [n, *shape] of any number to sounds [n, t, 1].

    Args:
        representation: what the samples are.
    """
    decode = jax.jit(representation.decode)

    def to_sounds(samples: np.ndarray) -> np.ndarray:
        samples = np.asarray(samples, np.float32)
        if samples.ndim != 1 + len(representation.shape):
            raise UsageError(
                f"Samples of shape {samples.shape} are no spectrograms: give "
                f"{['n', *representation.shape]}."
            )
        found = []
        for start in range(0, len(samples), CHUNK):
            part = samples[start : start + CHUNK]
            # One size of a chunk, so that one program is compiled.
            filled = np.zeros((CHUNK, *part.shape[1:]), np.float32)
            filled[: len(part)] = part
            found.append(np.asarray(decode(filled))[: len(part)])
        return np.concatenate(found)

    return to_sounds


class _Filters(NamedTuple):
    """Mel bands.

    Attributes:
        gather: power of bins -> power of bands, each a mean, [k, m].
        spread: power of bands -> power of bins, each a mean, [m, k].
        nearest: the band of each bin, int [k].
    """

    gather: Float[np.ndarray, "k m"]
    spread: Float[np.ndarray, "m k"]
    nearest: np.ndarray


class _Scale(NamedTuple):
    """Between levels in decibels [..., f, m] and -1..1."""

    encode: Callable[[Array], Array]
    decode: Callable[[Array], Array]


@cache
def _filters(frames: Frames) -> _Filters | None:
    if not frames.bands:
        return None
    # Without the bin at half the rate, as in all that is seen here.
    filters = spectra.mel_filters(frames.rate, frames.size, frames.bands)[:-1]
    gather = filters / np.maximum(filters.sum(0, keepdims=True), 1e-9)
    # A narrow band may lie between two bins: it takes the nearer one, or it would be empty.
    centers = _band_centers(frames)
    for band in np.flatnonzero(filters.sum(0) == 0):
        gather[round(centers[band]), band] = 1
    spread = gather.T / np.maximum(gather.T.sum(0, keepdims=True), 1e-9)
    bins = np.arange(frames.size // 2)
    nearest = np.abs(bins[:, None] - centers[None]).argmin(1)
    return _Filters(gather, spread.astype(np.float32), nearest)


def _band_centers(frames: Frames) -> np.ndarray:
    """Returns the middle of each band, in bins."""
    # A transform with many bins shows where each triangle has its peak.
    fine = 64 * frames.size
    peaks = spectra.mel_filters(frames.rate, fine, frames.bands).argmax(0)
    return np.minimum(peaks * frames.size / fine, frames.size // 2 - 1)


def _shape(frames: Frames) -> tuple[int, int]:
    bands = frames.bands or frames.size // 2
    return bands, -(-frames.length // frames.hop)


def _stft(frames: Frames, x: Array) -> Array:
    """Returns the spectra of sounds [..., n, 1], without the bin at half the rate."""
    return inverse_spectra.framed_stft(x[..., 0], frames.size, frames.hop)[..., :-1]


def _istft(frames: Frames, spectrum: Array) -> Array:
    """Returns the sounds [..., n, 1] of spectra without the bin at half the rate."""
    margin = [(0, 0)] * (spectrum.ndim - 1) + [(0, 1)]
    x = inverse_spectra.istft(
        jnp.pad(spectrum, margin), frames.size, frames.hop, frames.length
    )
    return x[..., None]


def _loudest(frames: Frames) -> float:
    """Returns the largest magnitude: the sum of the window, where all samples are 1."""
    return frames.size / 2


def _level(frames: Frames, size: Array) -> Array:
    """Returns levels of bands in decibels, -`RANGE_DB` in silence and 0 at most."""
    size = size / _loudest(frames)
    filters = _filters(frames)
    if filters is not None:
        size = jnp.sqrt(size**2 @ filters.gather)
    # The floor is added and not a limit, so that quiet sounds can be had again.
    return 20 * jnp.log10(size + FLOOR)


def _magnitude(frames: Frames, level: Array) -> Array:
    """Returns magnitudes of bins from levels: inverts `_level`."""
    size = jnp.maximum(10 ** (level / 20) - FLOOR, 0)
    filters = _filters(frames)
    if filters is not None:
        # The root has no gradient at 0, which silence reaches.
        size = jnp.sqrt(jnp.maximum(size**2 @ filters.spread, 1e-20))
    return size * _loudest(frames)


def _griffin_lim(frames: Frames, level: Array, iterations: int) -> Array:
    size = _magnitude(frames, level)
    margin = [(0, 0)] * (size.ndim - 1) + [(0, 1)]
    x = inverse_spectra.griffin_lim(
        jnp.pad(size, margin), frames.size, frames.hop, frames.length, iterations
    )
    return x[..., None]


def _scale(frames: Frames, moments: Moments | None) -> _Scale:
    # Checked here, so that a slip is found before anything is compiled.
    inverse_spectra.check_hop(frames.size, frames.hop)
    if frames.bands > frames.size // 2:
        raise UsageError(
            f"{frames.bands} mel bands cannot be had of {frames.size // 2} bins: give "
            "fewer bands, or longer frames."
        )
    if moments is None:
        half = RANGE_DB / 2
        return _Scale(lambda level: 1 + level / half, lambda y: (y - 1) * half)
    bands, _ = _shape(frames)
    if not len(moments.mean) == len(moments.deviation) == bands:
        raise UsageError(
            f"Moments of {len(moments.mean)} bands were given for {bands}: measure them "
            "anew."
        )

    def lift(numbers: tuple[float, ...], like: Array) -> np.ndarray:
        row = np.asarray(numbers, np.float32)
        return row.reshape((1,) * (like.ndim - 1) + (-1,))

    def encode(level: Array) -> Array:
        mean, deviation = (lift(each, level) for each in moments)
        return (level - mean) / (CLIP * deviation)

    def decode(y: Array) -> Array:
        mean, deviation = (lift(each, y) for each in moments)
        return y * CLIP * deviation + mean

    return _Scale(encode, decode)


def _as_image(values: Array) -> Array:
    """Turns [..., frames, bands] to [..., bands, frames], the lowest band last."""
    return jnp.swapaxes(values, -1, -2)[..., ::-1, :]


def _as_frames(image: Array) -> Array:
    """Inverts `_as_image`."""
    return jnp.swapaxes(image[..., ::-1, :], -1, -2)


def _describe(shape: Sequence[int]) -> str:
    if len(shape) == 3:
        h, w, c = shape
        kind = f"{h} bands, {w} frames and {c} channel{'s' * (c != 1)}"
    elif len(shape) == 2:
        kind = f"{shape[0]} frames and {shape[1]} bands"
    else:
        return f"examples of shape {tuple(shape)}"
    return f"spectrograms of {kind}"


def _remedy(generated: tuple[int, ...], real: tuple[int, ...]) -> str:
    return (
        "change --length, --hop, --size or --bands, or what the networks are made for, so "
        "that both are alike"
    )
