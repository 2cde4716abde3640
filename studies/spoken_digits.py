"""Spoken digits of a hundred synthetic voices: `python studies/spoken_digits.py`.

The digits 0 to 9 by espeak-ng, a program that computes speech (Debian: `apt install
espeak-ng`), in its variants of an American voice, each at three pitches and two speeds, as
.wav at 16 kHz in folders train/0 to train/9 and test/0 to test/9. All variants of one
family are on the same side: voices of the test split are heard by nobody in training.
"""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rows import fifth
from tqdm import tqdm

import ganjax as gx
from ganjax.data.sound_files import resample
from ganjax.errors import UsageError
from ganjax.modalities.sounds import wav_bytes
from ganjax.store import write


RATE = 16_000
PITCHES = (35, 50, 65)  # of 0 to 99, as espeak-ng counts
SPEEDS = (160, 200)  # words a minute
PROGRAM = "espeak-ng"
HEADER = 44  # bytes of a .wav before its samples
DONE = "voices.txt"  # written last


@dataclass(frozen=True)
class Args:
    out: str = "data/spoken_digits"


def prepare(folder: Path) -> Path:
    """Writes the data set, unless it is there, and returns its folder.

    Raises:
        UsageError: espeak-ng is not installed.
    """
    if (folder / DONE).exists():
        return folder
    if shutil.which(PROGRAM) is None:
        raise UsageError(
            f"The digits are spoken by {PROGRAM}, which is not installed: install it, on "
            f"Debian by `apt install {PROGRAM}`."
        )
    names = voices()
    for name in tqdm(names, desc="voices", delay=1, disable=None):
        split = "train" if fifth(name.rstrip("0123456789")) else "test"
        for digit in range(10):
            for pitch in PITCHES:
                for speed in SPEEDS:
                    file = f"{name}-{pitch}-{speed}.wav".replace(" ", "_")
                    sound = wav_bytes(speak(str(digit), name, pitch, speed), RATE)
                    write(folder / split / str(digit) / file, sound, parents=True)
    write(folder / DONE, "\n".join(names) + "\n")
    return folder


def voices() -> list[str]:
    """Returns the names of all variants of voices, in alphabetical order."""
    listed = subprocess.run(
        [PROGRAM, "--voices=variant"], capture_output=True, check=True, text=True
    )
    # Each line ends with the file of the variant, as "!v/Annie".
    return sorted(
        {line.split("!v/")[1].strip() for line in listed.stdout.splitlines()[1:]}
    )


def speak(text: str, voice: str, pitch: int, speed: int) -> np.ndarray:
    """Returns what a voice says, float [samples, 1] at `RATE`."""
    command = [PROGRAM, "-v", f"en-us+{voice}", "-p", str(pitch), "-s", str(speed)]
    found = subprocess.run(
        [*command, "--stdout", text], capture_output=True, check=True
    ).stdout
    # As it is written to a pipe, the header says a length that the file does not have.
    rate = int.from_bytes(found[24:28], "little")
    samples = np.frombuffer(found[HEADER:], np.int16) / 32_768
    return resample(samples[:, None], rate, RATE)


def main(args: Args) -> None:
    """Writes the data set."""
    print(prepare(Path(args.out).expanduser()))


if __name__ == "__main__":
    gx.command(main)
