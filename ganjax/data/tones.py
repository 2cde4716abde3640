"""Built-in sounds: notes of a plucked string, of ten pitches, computed by a formula.

They serve first trials and tests, as the digits do for images: they need no download, the
classes can be heard, and a classifier can tell them apart.
"""

import numpy as np
from jaxtyping import Int, Int16

from ganjax.data.sound_files import SoundFormat, to_int16


CLASSES = ("C", "D", "E", "G", "A", "c", "d", "e", "g", "a")
LOWEST_HZ = 261.63  # middle C
SEMITONES = np.array([0, 2, 4, 7, 9, 12, 14, 16, 19, 21])  # of each class above it
COUNTS = {"train": 2_000, "test": 1_000}
HARMONICS = 6
SEEDS = {"train": 0, "test": 1}


def tones(
    split: str, to: SoundFormat, length: int
) -> tuple[Int16[np.ndarray, "n t c"], Int[np.ndarray, " n"]]:
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
    hz = LOWEST_HZ * 2 ** (pitch / 12)
    loudness = rng.uniform(0.3, 0.8, n)
    decay = rng.uniform(2.0, 8.0, n) / max(seconds, 1e-9)
    brightness = rng.uniform(0.3, 0.7, n)
    begin = rng.uniform(0, 0.1, n) * seconds
    phase = rng.uniform(0, 2 * np.pi, (n, HARMONICS))
    sound = np.zeros((n, length))
    after = np.maximum(time - begin[:, None], 0)
    for harmonic in range(1, HARMONICS + 1):
        audible = harmonic * hz < to.rate / 2
        wave = np.sin(
            2 * np.pi * harmonic * hz[:, None] * after + phase[:, [harmonic - 1]]
        )
        strength = audible * brightness ** (harmonic - 1)
        # Higher harmonics of a string fade faster.
        fading = np.exp(-(harmonic**0.5) * decay[:, None] * after)
        sound += strength[:, None] * wave * fading
    sound *= (time >= begin[:, None]) * loudness[:, None]
    sound /= np.maximum(np.abs(sound).max(1, keepdims=True), 1)
    stored = to_int16(sound)[..., None]
    return np.broadcast_to(stored, (n, length, to.channels)), label
