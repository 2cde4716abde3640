"""Recorded drum hits of five kinds: `python studies/drum_hits.py`.

Kicks, snares, hi-hats, toms and cymbals of the kits of the drum machine Hydrogen (Debian:
`apt install hydrogen-drumkits`; their licenses are in its folder of documentation), as .wav
at 16 kHz in folders of train and test. What a file is follows from its name, and those
whose names do not say so are left out. All strengths of one instrument are on one side.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rows import fifth
from tqdm import tqdm

import ganjax as gx
from ganjax.data import sound_files
from ganjax.data.sound_files import SoundFormat
from ganjax.errors import FileError, UsageError
from ganjax.modalities.sounds import wav_bytes
from ganjax.store import write


RATE = 16_000
FORMAT = SoundFormat(RATE, 1)
KITS = Path("/usr/share/hydrogen/data/drumkits")
DONE = "files.txt"  # written last
# The first that a name contains says what it is: an "open hat" is no "tom".
CLASSES = {
    "hihat": r"hat|hh|^ho_|^hc_",
    "kick": r"kick|bd|bass ?drum",
    "snare": r"snare|sn\d?_|^sr_|^sd|rim|^rs_",
    "cymbal": r"crash|ride|splash|china|cymbal|^cra_|^cc_|^rd\d?_",
    "tom": r"tom|^tm\d?_",
}
# What follows the instrument in a name: how strong the hit is, or its number.
STRENGTH = re.compile(r"[-_ ]*(hardest|hard|med|softest|soft|\d+)$", re.IGNORECASE)


@dataclass(frozen=True)
class Args:
    out: str = "data/drum_hits"


def prepare(folder: Path) -> Path:
    """Writes the data set, unless it is there, and returns its folder.

    Raises:
        UsageError: the kits are not installed.
    """
    if (folder / DONE).exists():
        return folder
    if not KITS.is_dir():
        raise UsageError(
            f"The drum hits are those of Hydrogen, of which there is nothing in {KITS}: "
            "install its kits, on Debian by `apt install hydrogen-drumkits`."
        )
    files = sorted(x for x in KITS.rglob("*") if x.suffix in sound_files.EXTENSIONS)
    kept = []
    for path in tqdm(files, desc="drum hits", delay=1, disable=None):
        kind = class_of(path.stem)
        if not kind:
            continue
        kit = path.parent.name
        split = "train" if fifth(f"{kit}/{STRENGTH.sub('', path.stem)}") else "test"
        try:
            sound = sound_files.decode(path.read_bytes(), path.name, FORMAT) / 32_768
        except FileError:  # one is of another format than its name says
            continue
        name = f"{kit}-{path.stem}.wav".replace(" ", "_")
        write(
            folder / split / kind / name, wav_bytes(trimmed(sound), RATE), parents=True
        )
        kept.append(f"{split}/{kind}/{name}")
    write(folder / DONE, "\n".join(kept) + "\n")
    return folder


def class_of(name: str) -> str:
    """Returns what a hit is by the name of its file, or ""."""
    for kind, pattern in CLASSES.items():
        if re.search(pattern, name.lower()):
            return kind
    return ""


def trimmed(sound: np.ndarray, quiet: float = 0.01) -> np.ndarray:
    """Returns a sound from where it is first as loud as a share of its peak."""
    loud = np.abs(sound).max(1)
    return sound[np.argmax(loud >= quiet * loud.max()) :]


def main(args: Args) -> None:
    """Writes the data set."""
    print(prepare(Path(args.out).expanduser()))


if __name__ == "__main__":
    gx.command(main)
