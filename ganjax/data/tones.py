"""Built-in sounds: notes of a plucked string, of ten pitches, computed by a formula.

They serve first trials and tests, as the digits do for images: they need no download, the
classes can be heard, and a classifier can tell them apart.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Int, Int16

from ganjax.data.sound_files import SoundFormat, to_int16


CLASSES = ("C", "D", "E", "G", "A", "c", "d", "e", "g", "a")
LOWEST_HZ = 261.63  # middle C
SEMITONES = np.array([0, 2, 4, 7, 9, 12, 14, 16, 19, 21])  # of each class above it
COUNTS = {"train": 2_000, "test": 1_000}
HARMONICS = 6
SEEDS = {"train": 0, "test": 1}


class Tones(NamedTuple):
    """Notes that are computed when they are read.

    Attributes:
        label: the class of each.
        read: row numbers -> the notes, int16 [b, samples, channels].
    """

    label: Int[np.ndarray, " n"]
    read: Callable[[np.ndarray], Int16[np.ndarray, "b t c"]]


def tones(split: str, to: SoundFormat, length: int) -> Tones:
    """Returns notes with their classes, the same ones at every call.

    Pitch varies by up to a fifth of a semitone, and so do loudness, decay, brightness,
    phase and the beginning of the note.

    Args:
        split: "train" or "test".
        to: their rate and channels, which are equal.
        length: samples of a sound. A harmonic that the rate is too low for is left out.
    """
    rng = np.random.default_rng(SEEDS[split])
    n = COUNTS[split]
    label = np.arange(n) % len(CLASSES)
    seconds = length / to.rate
    time = np.arange(length) / to.rate
    pitch = SEMITONES[label] + rng.uniform(-0.2, 0.2, n)
    every_hz = LOWEST_HZ * 2 ** (pitch / 12)
    every_loudness = rng.uniform(0.3, 0.8, n)
    every_decay = rng.uniform(2.0, 8.0, n) / seconds
    every_brightness = rng.uniform(0.3, 0.7, n)
    every_begin = rng.uniform(0, 0.1, n) * seconds
    every_phase = rng.uniform(0, 2 * np.pi, (n, HARMONICS))

    def read(rows: np.ndarray) -> np.ndarray:
        hz, loudness, decay, brightness, begin = (
            each[rows, None]
            for each in (
                every_hz,
                every_loudness,
                every_decay,
                every_brightness,
                every_begin,
            )
        )
        after = np.maximum(time - begin, 0)
        sound = np.zeros((len(rows), length))
        for harmonic in range(1, HARMONICS + 1):
            phase = every_phase[rows, harmonic - 1, None]
            wave = np.sin(2 * np.pi * harmonic * hz * after + phase)
            audible = harmonic * hz < to.rate / 2
            strength = audible * brightness ** (harmonic - 1)
            # Higher harmonics of a string fade faster.
            sound += strength * wave * np.exp(-(harmonic**0.5) * decay * after)
        sound *= (time >= begin) * loudness
        sound /= np.maximum(np.abs(sound).max(1, keepdims=True), 1)
        stored = to_int16(sound)[..., None]
        return np.broadcast_to(stored, (len(rows), length, to.channels))

    return Tones(label.astype(np.int32), read)
