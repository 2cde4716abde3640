"""Decodes sound files to int16 [n, channels] samples at the rate that is asked for.

WAV files are read by SciPy; FLAC, OGG, MP3 and AIFF need the package `soundfile`, an
extra. Sounds are resampled by a polyphase filter, which does not alias. Several channels
become one by their mean, and one becomes several as copies.
"""

import importlib.util
import io
import math
import warnings
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int16

from ganjax.errors import FileError


WAV = frozenset({".wav", ".wave"})
BY_SOUNDFILE = frozenset({".flac", ".ogg", ".oga", ".mp3", ".aif", ".aiff", ".aifc"})
EXTENSIONS = WAV | BY_SOUNDFILE
MAX_RATE = 768_000  # samples a second; a header that says more is damaged
MAX_RATIO = 10_000  # of the reduced fraction of two rates


class SoundFormat(NamedTuple):
    """What sounds are brought to.

    Attributes:
        rate: samples a second.
        channels: 1 for mono, 2 for stereo.
    """

    rate: int
    channels: int


class _Decoded(NamedTuple):
    rate: int
    samples: np.ndarray  # float64 [n, channels] in -1..1


def decode(data: bytes, name: str, to: SoundFormat) -> Int16[np.ndarray, "n c"]:
    """Decodes a sound file.

    Args:
        data: the contents of the file.
        name: what an error message calls it; its extension says which format it has.
        to: the rate and the number of channels to bring it to.

    Raises:
        FileError: the file is no sound, is damaged, is empty, or needs a package that is
            not installed.
    """
    rate, samples = _read(data, name)
    if not len(samples):
        raise _error(name, "holds no samples", "take it out")
    if not np.isfinite(samples).all():
        raise _error(name, "holds NaN or infinity", "save it again")
    if not 0 < rate <= MAX_RATE:
        raise _error(name, f"has a rate of {rate} Hz", "save it again")
    if to.channels < samples.shape[1]:
        samples = samples.mean(1, keepdims=True)
    samples = resample(samples, rate, to.rate)
    samples = np.broadcast_to(samples, (len(samples), to.channels))
    return to_int16(samples)


def to_int16(samples: Float[np.ndarray, "*n"]) -> Int16[np.ndarray, "*n"]:
    """Returns samples in -1..1 as int16, times 32,768, rounded and clipped."""
    return np.rint(np.asarray(samples) * 32_768).clip(-32_768, 32_767).astype(np.int16)


def resample(
    samples: Float[np.ndarray, "n c"], rate: int, to_rate: int
) -> Float[np.ndarray, "m c"]:
    """Changes the rate of sounds, with a filter against aliasing."""
    if rate == to_rate:
        return samples
    # Its import takes longer than all of ganjax's.
    from scipy.signal import resample_poly

    divisor = math.gcd(rate, to_rate)
    up, down = to_rate // divisor, rate // divisor
    if max(up, down) > MAX_RATIO:
        # Two rates without a common divisor need a filter that is as long as they are.
        up, down = max(1, round(to_rate / rate * 1000)), 1000
    return resample_poly(samples, up, down, axis=0)


def _read(data: bytes, name: str) -> _Decoded:
    extension = "." + name.rpartition(".")[2].lower()
    try:
        if extension in WAV:
            return _read_wav(data)
        return _read_by_soundfile(data, name)
    except FileError:
        raise
    # Both libraries raise almost anything on a damaged file.
    except Exception as error:
        reason = str(error).split("\n")[0].rstrip(".")[:100] or type(error).__name__
        raise _error(
            name, f"cannot be read as a sound ({reason})", "repair it or take it out"
        ) from error


def _read_wav(data: bytes) -> _Decoded:
    from scipy.io import wavfile

    with warnings.catch_warnings():
        # Chunks that it does not know, such as the tags of an editor.
        warnings.simplefilter("ignore")
        rate, samples = wavfile.read(io.BytesIO(data))
    samples = samples[:, None] if samples.ndim == 1 else samples
    if samples.dtype == np.uint8:  # the one format that is stored around 128
        return _Decoded(rate, (samples.astype(np.float64) - 128) / 128)
    if np.issubdtype(samples.dtype, np.integer):
        # 24 bits are the upper ones of 32.
        return _Decoded(rate, samples / -float(np.iinfo(samples.dtype).min))
    return _Decoded(rate, samples.astype(np.float64))


def _read_by_soundfile(data: bytes, name: str) -> _Decoded:
    if importlib.util.find_spec("soundfile") is None:
        raise _error(
            name,
            "needs the package soundfile, an extra",
            "run `pip install 'ganjax[sound]'`, or save it as .wav",
        )
    import soundfile

    samples, rate = soundfile.read(io.BytesIO(data), always_2d=True)
    return _Decoded(rate, samples)


def _error(name: str, problem: str, advice: str) -> FileError:
    return FileError(f"{name} {problem}: {advice}.", name, problem)
