"""A vocoder beside Griffin-Lim: `python studies/vocoder.py --data train/ --held-out test/`.

HiFi-GAN's V3, narrow, at 16 kHz, learns from a folder of speech for minutes of processor
time. Files of another folder, best of speakers that are not in the first, are turned into
log-mel spectrograms and made sound again: by the vocoder and by Griffin-Lim, as librosa has
it. What is made is compared with the recordings by the distance of log-mel spectrograms and
by the spectral convergence at several resolutions (Yamamoto et al., 2020). Neither is 0 for
sounds that nobody can tell apart, so a recording that is a millisecond late is measured,
too. Needs `pip install librosa`.
"""

import contextlib
import importlib
import importlib.util
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from budget import budget
from jaxtyping import Float
from rows import import_experiment

import ganjax as gx
from ganjax.data import sound_files
from ganjax.data.sound_files import SoundFormat
from ganjax.errors import UsageError
from ganjax.modalities.sounds import wav_bytes
from ganjax.ops import spectra
from ganjax.ops.spectra import Mel, log_mel
from ganjax.report.results import Column, Table, write_results
from ganjax.run.args import Save
from ganjax.run.vocode import apply_in_tiles, mel_of, vocoder_of
from ganjax.store import write
from ganjax.store.status import read_status


STUDY = "A vocoder beside Griffin-Lim"
RESOLUTIONS = (512, 1024, 2048)  # samples of a frame, four times those between frames
ITERATIONS = 60  # of Griffin-Lim
LATE = 16  # samples, of the recording that is a little late
PACE = 1.0  # steps in a second, until they are measured
READING_STEPS = 10  # between readings of the clock
KEPT = 4  # files that are written, to be heard
TILE = 64  # frames that go through the network at once

Sound = Float[np.ndarray, " n"]
Resynthesis = Callable[[Sound, Float[np.ndarray, "f m"]], Sound]


@dataclass(frozen=True)
class Args:
    data: str
    """A folder of speech to learn from."""
    held_out: str
    """A folder of speech to be made again, best of other speakers."""
    workdir: str = "runs/vocoder"
    minutes: gx.PositiveFloat = 10.0
    """Processor time of the training, over all threads."""
    rate: gx.PositiveInt = 16_000
    length: gx.PositiveInt = 8_192
    """Samples that sounds are cut to."""
    segment: gx.PositiveInt = 4_096
    """Samples that a step sees."""
    batch: gx.PositiveInt = 8
    width: gx.PositiveInt = 64
    """G's channels after the first convolution; those of the published V3 are 256."""
    d_width: gx.PositiveInt = 4
    """D's first channels; the published ones are 32."""
    lr: gx.PositiveFloat = 1e-3
    files: gx.PositiveInt = 50
    """Held-out files that are made again."""


def train(args: Args, folder: Path) -> None:
    """Trains the vocoder until its time is used, unless that was done before."""
    if read_status(folder).get("state") == "finished":
        return
    hifigan = import_experiment("hifigan")
    run = gx.Run(
        str(folder),
        steps=1_000_000,
        batch=args.batch,
        devices="jit",
        sample_every=0,
        save_every=0,
        scores=False,
    )
    config = hifigan.Args(
        run,
        data=args.data,
        rate=args.rate,
        length=args.length,
        segment=args.segment,
        high=0.0,
        width=args.width,
        rates=(8, 8, 4),
        kernels=(3, 5, 7),
        dilations=(1, 2, 2, 6, 3, 12),
        convs=1,
        d_width=args.d_width,
        lr=args.lr,
    )
    used = budget(folder, args.minutes, READING_STEPS, PACE)
    with contextlib.redirect_stdout(sys.stderr):
        gx.train(
            hifigan.make(config),
            gx.Spec(args.data),
            run,
            config=config,
            hooks=used.hooks,
            writers=used.writers,
        )


def griffin_lim(librosa: Any, mel: Mel, sound: Sound, log: np.ndarray) -> Sound:
    """Returns the sound that librosa finds for a log-mel spectrogram."""
    amplitude = librosa.feature.inverse.mel_to_stft(
        np.exp(log).T,
        sr=mel.rate,
        n_fft=mel.size,
        power=1.0,
        fmin=mel.low,
        fmax=mel.high or mel.rate / 2,
    )
    made = librosa.griffinlim(
        amplitude,
        n_iter=ITERATIONS,
        hop_length=mel.hop,
        win_length=mel.size,
        center=False,
        random_state=0,
    )
    # Frames begin this much before the sound does.
    return made[(mel.size - mel.hop) // 2 :]


def late(sound: Sound, log: np.ndarray) -> Sound:
    """Returns the recording itself, a little late."""
    return np.concatenate([np.zeros(LATE, np.float32), sound])


def mel_l1(made: Sound, sound: Sound, mel: Mel) -> float:
    """Returns the mean absolute difference of log-mel spectrograms."""
    a, b = (log_mel(jnp.asarray(x), mel) for x in (made, sound))
    return float(jnp.abs(a - b).mean())


def spectral_convergence(made: Sound, sound: Sound) -> float:
    """Returns the mean, over resolutions, of |S - S'| / |S| of amplitudes."""
    found = []
    for size in RESOLUTIONS:
        a, b = (
            spectra.magnitude(jnp.asarray(x), size, size // 4) for x in (made, sound)
        )
        found.append(float(jnp.linalg.norm(a - b) / jnp.linalg.norm(b)))
    return float(np.mean(found))


def read_sounds(args: Args) -> dict[str, Sound]:
    """Returns the held-out sounds by name, evenly picked."""
    folder = Path(args.held_out).expanduser()
    paths = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in sound_files.EXTENSIONS
    )
    if not paths:
        raise UsageError(f"{folder} holds no sounds: give a folder of sound files.")
    places = np.linspace(0, len(paths) - 1, min(args.files, len(paths)))
    found = {}
    for path in (paths[int(place)] for place in places):
        to = SoundFormat(args.rate, 1)
        samples = sound_files.decode(path.read_bytes(), str(path), to)[:, 0]
        found[path.stem] = samples.astype(np.float32) / 32_768
    return found


def compare(
    name: str,
    resynthesize: Resynthesis,
    sounds: dict[str, Sound],
    mel: Mel,
    folder: Path,
) -> list[Any]:
    """Returns a row: the name, both distances, and seconds for a second of sound."""
    distances, seconds = [], 0.0
    for i, (stem, sound) in enumerate(sounds.items()):
        log = mel_of(sound, mel)
        begun = time.process_time()
        made = np.asarray(resynthesize(sound, log), np.float32)
        seconds += time.process_time() - begun
        made = np.pad(made, (0, max(0, len(sound) - len(made))))[: len(sound)]
        # Whole frames, and as many as the longest frame needs.
        whole = (len(sound) // mel.hop) * mel.hop
        pair = made[:whole], sound[:whole]
        distances.append((mel_l1(*pair, mel), spectral_convergence(*pair)))
        if i < KEPT:
            path = folder / name.replace(" ", "_") / f"{stem}.wav"
            write(path, wav_bytes(made[:, None], mel.rate), parents=True)
    of_all = np.mean(distances, axis=0)
    spoken = sum(map(len, sounds.values())) / mel.rate
    return [name, float(of_all[0]), float(of_all[1]), seconds / spoken]


def main(args: Args) -> None:
    """Prints the table and writes it."""
    if importlib.util.find_spec("librosa") is None:
        raise UsageError("This study compares with librosa: run `pip install librosa`.")
    librosa = importlib.import_module("librosa")
    folder = Path(args.workdir).expanduser()
    sounds = read_sounds(args)
    train(args, folder / "run")
    vocoder = vocoder_of(str(folder / "run"), Save(trust=True))
    mel = vocoder.mel
    play = lambda sound, log: apply_in_tiles(vocoder, log, TILE)[:, 0]
    methods: dict[str, Resynthesis] = {
        "recording, 1 ms late": late,
        "Griffin-Lim": partial(griffin_lim, librosa, mel),
        "HiFi-GAN": play,
    }
    columns = [
        Column("made by"),
        Column("log-mel L1", ".3f"),
        Column("spectral convergence", ".3f"),
        Column("processor seconds a second", ".2f"),
    ]
    table = Table("vocoder", columns)
    table.print_header()
    for name, method in methods.items():
        method(*next((x, mel_of(x, mel)) for x in sounds.values()))  # compiles
        table.add(*compare(name, method, sounds, mel, folder / "sounds"))
    write_results(folder / "results.json", STUDY, [table])


if __name__ == "__main__":
    gx.command(main)
