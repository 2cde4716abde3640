"""The modality of sounds: stored as int16 [samples, channels], and floats in -1..1.

`sounds(rate, length)` makes it, as a sound means nothing without its rate. Samples are
shown as waveforms above their log-mel spectrograms, are written as .wav, and are played by
the report. They are scored as images of their log-mel spectrograms: by these themselves,
by the mean and the deviation of each band over time and, if the data has classes, by the
features of a classifier that is trained on them. On all there is the kernel audio distance
beside the scores of images, and by the classifier the Inception score.
"""

import io
import math
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, UInt8
from PIL import Image, ImageDraw

from ganjax import evaluation
from ganjax.core import ArrayLike, Batch, Modality, pixels
from ganjax.data import Source, Spec
from ganjax.data.sound_files import SoundFormat, to_int16
from ganjax.data.sounds import SoundLength, sound_source
from ganjax.data.source import ToReal, example_struct
from ganjax.errors import UsageError
from ganjax.evaluation import inception, kernel
from ganjax.evaluation.evaluator import Evaluator, Scoring
from ganjax.evaluation.features import Features
from ganjax.modalities import image_scores
from ganjax.modalities.pictures import (
    BACKGROUND,
    LINE,
    check_samples,
    save_arrays,
    save_png,
)
from ganjax.ops import spectra
from ganjax.store import write


FRAME = 1024  # samples of a frame at 16 kHz, 64 ms
REFERENCE_RATE = 16_000  # Hz, at which frames have that many samples
HOPS = 4  # frames overlap by three quarters
BANDS = 64  # of mel spectrograms
RANGE_DB = 80.0  # of a spectrogram, below full scale
PREVIEW = 16  # sounds in a picture of a run
MAX_COLUMNS = 12  # with up to so many classes each has a column
CELL = 128  # pixels, the width of a sound in a picture
WAVE_HEIGHT = 40  # pixels
WAVE_COLOR = (36, 88, 190)
PAUSE = 0.25  # seconds between the sounds of one file
MAX_PLAYED = 10  # sounds in the file that a report plays
CHUNK = 64  # sounds whose spectrograms are computed at once
# Beside the Fréchet distance and what images have, those that are usual for sounds.
SCORES = (kernel.KAD_METRIC, inception.INCEPTION_METRICS)


def sounds(
    rate: int = 16_000, length: int = 16_384, channels: int = 1, windows: bool = False
) -> Modality:
    """Makes the modality of sounds of one rate and length.

    Args:
        rate: samples a second; files of another rate are resampled.
        length: samples of every example; longer files are cut, shorter ones are followed
            by silence.
        channels: 1 for mono, 2 for stereo.
        windows: whether a longer file gives several examples, one after the other.

    Example:
        >>> game = ganjax.game(gan, modalities.sounds(16_000, 16_384))

    Raises:
        UsageError: there is no such sound.
    """
    least = _frame(max(rate, 1))
    if rate < 1 or channels not in (1, 2) or length < least:
        raise UsageError(
            f"Sounds of {length} samples, {rate} Hz and {channels} channels cannot be "
            f"had: give a rate above 0, 1 or 2 channels, and at least {least} samples."
        )
    to = SoundFormat(rate, channels)
    cut = SoundLength(length, windows)
    return Modality(
        name="sounds",
        unit="sounds",
        load=partial(_load, to=to, length=cut),
        decode=decode,
        summary=partial(_summary, rate=rate),
        describe=_describe,
        remedy=_remedy,
        preview=_preview,
        render=partial(render, rate),
        files={
            ".wav": partial(_save_wav, rate),
            ".zip": partial(_save_zip, rate),
            ".png": partial(_save_picture, rate),
            ".npz": _save_arrays,
        },
        max_samples={".png": 1_024, ".wav": 4_096},
        evaluator=partial(evaluator, rate),
        play=partial(_save_played, rate),
    )


def decode(stored: ArrayLike) -> Float[Array, "*b n c"]:
    """Returns int16 samples as floats in -1..1.

    Raises:
        UsageError: they are not int16.
    """
    dtype = np.dtype(getattr(stored, "dtype", type(stored)))
    if dtype != np.int16:
        raise UsageError(
            f"Sounds must be stored as int16, and these are {dtype}: convert them by "
            "ganjax.data.sound_files.to_int16."
        )
    return jnp.asarray(stored).astype(jnp.float32) / 32_768


def log_mel(
    samples: Float[Array, "*b n c"], rate: int, bands: int = BANDS
) -> Float[Array, "*b m f"]:
    """Computes log-mel spectrograms, of the mean of all channels, scaled to -1..1.

    -1 stands for `RANGE_DB` below full scale and for all that is quieter, and 1 for full
    scale. Frames overlap by three quarters.

    Args:
        samples: sounds in -1..1.
        rate: samples a second.
        bands: the number of mel bands.

    Returns:
        The spectrograms, the lowest band last, as a picture shows them.
    """
    size = _frame(rate)
    hop = size // HOPS
    mono = jnp.asarray(samples).mean(-1)
    filters = spectra.mel_filters(rate, size, bands)
    power = jnp.matmul(spectra.magnitude(mono, size, hop) ** 2, filters)
    # A sine of full scale has about this power in its band.
    loudest = float((size / 4) ** 2 * filters.max())
    level = 10 * jnp.log10(jnp.maximum(power / loudest, 1e-12))
    scaled = jnp.clip(1 + 2 * level / RANGE_DB, -1, 1)
    return jnp.swapaxes(scaled, -1, -2)[..., ::-1, :]


def log_mel_statistics(
    images: Float[np.ndarray, "n m f 1"],
) -> Float[np.ndarray, "n s"]:
    """Returns the mean and the deviation over time of each band of spectrograms.

    These 2 m features know the timbre and how lively a sound is, but neither when anything
    happens in it nor for how long; they are few enough for a Fréchet distance of some
    hundreds of sounds.
    """
    levels = np.asarray(images)[..., 0]
    return np.concatenate([levels.mean(-1), levels.std(-1)], axis=1)


def evaluator(
    rate: int,
    source: Source,
    held_out: Source | None,
    to_real: ToReal,
    *features: Features,
    scratch: Path | None = None,
) -> Evaluator:
    """Makes the evaluator of sounds, which compares images of their spectrograms.

    Args:
        rate: samples a second. The other arguments are those of `Modality.evaluator`.
        source: the training data.
        held_out: its held-out split, or None.
        to_real: converts stored examples to what G is meant to produce.
        *features: further features of spectrograms, of images [n, bands, frames, 1].
        scratch: a folder for features that do not fit in memory.
    """
    spectrograms = spectrogram_images(rate)
    shape = jax.eval_shape(to_real, jax.ShapeDtypeStruct((1, *source.shape), np.int16))

    def seen(given: Source) -> Source:
        """The same data as stored images of its spectrograms."""

        def read(rows: np.ndarray) -> Batch:
            batch = given.read(rows)
            return batch._replace(x=spectrograms(np.asarray(to_real(batch.x))))

        one = spectrograms(np.zeros((1, *shape.shape[1:]), np.float32))
        return given._replace(example=example_struct(one.shape[1:]), read=read)

    images = image_scores.evaluator(
        seen(source),
        None if held_out is None else seen(held_out),
        pixels,
        Features("log-mel-statistics", log_mel_statistics),
        *features,
        scratch=scratch,
        base=evaluation.pixels()._replace(name="log-mel"),
        further=SCORES,
    )

    def begin() -> Scoring:
        scoring = images.begin()
        return scoring._replace(
            add=lambda chunk: scoring.add(np.asarray(pixels(spectrograms(chunk))))
        )

    reference = images.reference.replace("images", "sounds")
    return images._replace(begin=begin, reference=reference, shape=shape.shape[1:])


def spectrogram_images(
    rate: int,
) -> Callable[[np.ndarray], UInt8[np.ndarray, "_ _ _ _"]]:
    """Returns a function from sounds [n, t, c] to the images [n, bands, frames, 1].

    These are what scores are computed on, `log_mel` in bytes.

    Args:
        rate: samples a second.
    """
    compute = jax.jit(partial(log_mel, rate=rate))

    def to_images(samples: np.ndarray) -> np.ndarray:
        found = []
        for start in range(0, len(samples), CHUNK):
            part = np.asarray(samples[start : start + CHUNK], np.float32)
            # One size of a chunk, so that one program is compiled.
            filled = np.zeros((CHUNK, *part.shape[1:]), np.float32)
            filled[: len(part)] = part
            found.append(np.asarray(compute(filled))[: len(part)])
        scaled = (np.concatenate(found) + 1) * 127.5
        return np.rint(scaled).astype(np.uint8)[..., None]

    return to_images


def render(
    rate: int, samples: np.ndarray, classes: int = 0, real: np.ndarray | None = None
) -> Image.Image:
    """Draws sounds, each as its waveform above its log-mel spectrogram.

    Args:
        rate: samples a second.
        samples: sounds [n, samples, channels] in -1..1, whose labels cycle through the
            classes.
        classes: number of classes; with up to `MAX_COLUMNS` each has a column.
        real: not used.
    """
    samples = np.asarray(samples, np.float32)
    check_samples(samples)
    if samples.ndim != 3:
        raise UsageError(
            f"Sounds of shape {samples.shape} cannot be drawn: give [n, samples, channels]."
        )
    pictures = spectrogram_images(rate)(samples)[..., 0]
    columns = classes if 2 <= classes <= MAX_COLUMNS else math.ceil(len(samples) ** 0.5)
    columns = min(columns, len(samples))
    rows = math.ceil(len(samples) / columns)
    gap, height = 6, WAVE_HEIGHT + BANDS
    page = Image.new(
        "RGB", (columns * (CELL + gap) - gap, rows * (height + gap) - gap), BACKGROUND
    )
    draw = ImageDraw.Draw(page)
    for i, (sound, picture) in enumerate(zip(samples, pictures, strict=True)):
        x, y = i % columns * (CELL + gap), i // columns * (height + gap)
        _draw_wave(draw, sound.mean(-1), x, y)
        # Loud is dark, as in phonetics.
        spectrogram = Image.fromarray(255 - picture).resize((CELL, BANDS))
        page.paste(spectrogram.convert("RGB"), (x, y + WAVE_HEIGHT))
    return page


def _draw_wave(draw: ImageDraw.ImageDraw, wave: np.ndarray, x: int, y: int) -> None:
    middle = y + WAVE_HEIGHT / 2
    draw.line((x, middle, x + CELL, middle), fill=LINE)
    edges = np.linspace(0, len(wave), CELL + 1).astype(int)
    for column in range(CELL):
        part = wave[edges[column] : max(edges[column + 1], edges[column] + 1)]
        low, high = part.min().clip(-1, 1), part.max().clip(-1, 1)
        top, bottom = (middle - (WAVE_HEIGHT / 2 - 2) * end for end in (high, low))
        draw.line((x + column, top, x + column, bottom), fill=WAVE_COLOR)


def _frame(rate: int) -> int:
    """Returns the samples of a frame, a power of two that lasts 45 to 90 ms."""
    return 2 ** max(4, round(math.log2(FRAME * rate / REFERENCE_RATE)))


def _load(spec: Spec, to: SoundFormat, length: SoundLength) -> Source:
    return sound_source(spec, to, length)


def _summary(source: Source, rate: int) -> str:
    samples, channels = source.shape
    kind = "" if channels == 1 else " in stereo"
    return f"{source.length:,} sounds of {samples / rate:.3g} s at {rate:,} Hz{kind}"


def _describe(shape: tuple[int, ...]) -> str:
    if len(shape) != 2:
        return f"examples of shape {shape}"
    return (
        f"sounds of {shape[0]:,} samples and {shape[1]} channel{'s' * (shape[1] != 1)}"
    )


def _remedy(generated: tuple[int, ...], real: tuple[int, ...]) -> str:
    return "change --length, or what the networks are made for, so that both are alike"


def _preview(classes: int) -> int:
    return PREVIEW // classes * classes if 2 <= classes <= MAX_COLUMNS else PREVIEW


def wav_bytes(samples: Float[np.ndarray, "n c"], rate: int) -> bytes:
    """Returns a WAV file of 16 bits.

    Args:
        samples: a sound in -1..1.
        rate: samples a second.
    """
    from scipy.io import wavfile

    file = io.BytesIO()
    wavfile.write(file, rate, to_int16(np.asarray(samples)))
    return file.getvalue()


def _in_sequence(samples: np.ndarray, rate: int) -> np.ndarray:
    """Returns all sounds one after another, with pauses between."""
    pause = np.zeros((len(samples), round(PAUSE * rate), samples.shape[2]), np.float32)
    return np.concatenate([samples, pause], 1).reshape(-1, samples.shape[2])


def _save_wav(rate: int, path: Path, samples: np.ndarray, labels: np.ndarray) -> None:
    samples = np.asarray(samples, np.float32)
    check_samples(samples)
    write(path, wav_bytes(_in_sequence(samples, rate), rate), parents=True)


def _save_zip(rate: int, path: Path, samples: np.ndarray, labels: np.ndarray) -> None:
    check_samples(np.asarray(samples))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        for i, (sound, label) in enumerate(zip(samples, labels, strict=True)):
            file.writestr(f"{label}/{i:06d}.wav", wav_bytes(sound, rate))
    write(path, packed.getvalue(), parents=True)


def _save_picture(
    rate: int, path: Path, samples: np.ndarray, labels: np.ndarray
) -> None:
    save_png(render(rate, samples), path)


def _save_arrays(path: Path, samples: np.ndarray, labels: np.ndarray) -> None:
    save_arrays(path, to_int16(samples), labels, name="sound")


def _save_played(rate: int, path: Path, samples: np.ndarray) -> None:
    _save_wav(rate, path, samples[:MAX_PLAYED], np.zeros(len(samples), np.int32))
