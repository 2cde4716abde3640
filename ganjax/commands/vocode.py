"""`ganjax vocode`: sounds of files and of mel spectrograms, made by a vocoder's run."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from tyro.conf import Positional

from ganjax.run.args import NoPrefix, PathText, PositiveInt, RunFolder, Save
from ganjax.run.terminal import say
from ganjax.run.vocode import vocode, vocoder_of


@dataclass(frozen=True)
class Args:
    """Plays sounds or mel spectrograms from files by the run of a vocoder."""

    run: RunFolder
    """The folder of a run; or a file of HiFi-GAN's released weights, beside config.json."""
    sounds: Annotated[Positional[str], tyro.conf.arg(metavar="SOUNDS")]
    """A sound file, an .npy or .npz of log-mel spectrograms, or a folder of these."""
    out: PathText = "vocoded"
    """The folder of the .wav files, which keep their names."""
    tile: PositiveInt = 512
    """Frames; longer spectrograms are processed in overlapping tiles."""
    save: NoPrefix[Save] = Save()


def main(args: Args) -> None:
    """Writes what the vocoder makes of each file to `args.out`."""
    where, out = (Path(path).expanduser() for path in (args.sounds, args.out))
    vocoder = vocoder_of(args.run, args.save)
    made = vocode(vocoder, where, out, args.tile)
    sounds = f"{len(made)} sound{'s' * (len(made) != 1)}"
    say(f"{sounds} at {vocoder.mel.rate:,} Hz: {out}")
