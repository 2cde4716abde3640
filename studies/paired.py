"""Paired translation beside plain guesses: `python studies/paired.py superres`.

Seeds of an experiment are played on the split train, and what they make of held-out images
is compared with ways that learn nothing: for `superres` cubic interpolation, for `colors`
the gray image, for `pix2pix` the image as it is and the mean of all targets. The scores
are the mean absolute difference, PSNR, SSIM and the Fréchet distance, on whitened principal
components of the training targets or, with `--features`, on EfficientNet-Lite0's maps.
With `--lpips NETWORK HEADS` LPIPS is told, too. A run that is finished is read and not
played again. The picture has what is asked for, the last guess, what seed 0 makes of it,
and what is right.

    paired.py superres --data crops/ --steps 1500 --batch 16
    paired.py pix2pix --data google/ --target twitter/
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import jax
import numpy as np
import tyro
from rows import features, image_similarity, seeds, strip, unlike

import ganjax
from ganjax.core import pixels, stored
from ganjax.data import Spec, load, read_all
from ganjax.errors import UsageError
from ganjax.report.results import Column, Table, write_results
from ganjax.run import PositiveInt, command
from ganjax.run.description import spec_of
from ganjax.store.manifest import read_manifest


COLUMNS = (
    Column("by"),
    Column("mean absolute difference", ".3f"),
    Column("PSNR, dB", ".2f"),
    Column("SSIM", ".3f"),
    Column("Fréchet distance", ".4g"),
)


@dataclass(frozen=True)
class Args:
    task: Annotated[str, tyro.conf.Positional]
    """superres, colors or pix2pix"""
    data: str = "photographs"
    target: str = ""
    on: str = ""
    """Another set whose split test is held out, if not that of `data`."""
    size: PositiveInt = 64
    workdir: str = "runs/paired"
    features: str = ""
    """Weights of EfficientNet-Lite0, a path or URL."""
    lpips: tuple[str, ...] = ()
    """Weights of AlexNet or VGG-16, and of LPIPS's heads on it."""
    steps: PositiveInt = 2_000
    batch: PositiveInt = 4
    seeds: PositiveInt = 2


class Sets(NamedTuple):
    """What is asked for, and what is right, [n, h, w, c] in -1..1."""

    x: np.ndarray
    y: np.ndarray
    train: np.ndarray  # targets to learn from


Guess = Callable[[Sets], np.ndarray]


class Plan(NamedTuple):
    """How a task is played, and what it is compared with."""

    own: Mapping[str, Any]  # arguments other than the experiment's
    guesses: Mapping[str, Guess]


def cubic(sets: Sets) -> np.ndarray:
    """The small images, enlarged by cubic interpolation."""
    return np.asarray(jax.image.resize(sets.x, sets.y.shape, "cubic")).clip(-1, 1)


def same(sets: Sets) -> np.ndarray:
    """What is asked for, as it is."""
    return np.broadcast_to(sets.x, sets.y.shape)


def mean(sets: Sets) -> np.ndarray:
    """The mean of all targets, for each."""
    return np.broadcast_to(sets.train.mean(0), sets.y.shape)


TASKS: Mapping[str, Plan] = {
    "superres": Plan(
        {
            "margin": 32,
            "g_width": 32,
            "growth": 16,
            "blocks": 2,
            "d_widths": (32, 64),
            "d_stem_width": 16,
            "g_lr": 2e-4,
        },
        {"cubic": cubic},
    ),
    "colors": Plan({"g_width": 32, "d_width": 32}, {"gray": same}),
    "pix2pix": Plan(
        {"g_width": 32, "d_width": 32, "times": (1, 2, 4, 8, 8, 8), "halvings": 2},
        {"as it is": same, "mean": mean},
    ),
}


def sets(run: Path, on: str = "") -> Sets:
    """Held-out images as a run's game is given them, and the run's training targets."""
    game = ganjax.load(run).game
    spec = spec_of(read_manifest(run))
    held_out = spec._replace(split="test", where=on or spec.where)
    train, test = (read_all(load(each)) for each in (spec, held_out))
    seen = game.modality.decode(test.x)
    x: Any = game.conditions.make(len(test.label), 0, lambda n: seen)
    real = [game.real(each) for each in (seen, game.modality.decode(train.x))]
    # What is made of bytes in use is made of bytes here, too.
    return Sets(np.asarray(pixels(stored(x))), *map(np.asarray, real))


def main(args: Args) -> None:
    """Plays the seeds and prints a row for them and one for each guess."""
    if args.task not in TASKS:
        raise UsageError(f"No task {args.task!r}: give {', '.join(TASKS)}.")
    if args.task == "pix2pix" and not args.target:
        raise UsageError("pix2pix learns from pairs: give --data and --target.")
    if args.task == "pix2pix" and args.on:
        raise UsageError(
            "--on names single images, and pix2pix asks for pairs: leave it out."
        )
    more = unlike(args.lpips)
    asked = Spec(args.on or args.data, args.size, 3, "test", target=args.target)
    load(asked._replace(paired=bool(args.target)))  # before hours of training
    plan = TASKS[args.task]
    own = {"data": args.data, "size": args.size, **plan.own}
    if args.task == "pix2pix":
        own |= {"target": args.target, "margin": 0}
    folder, turns = (
        Path(args.workdir).expanduser(),
        {"steps": args.steps, "batch": args.batch},
    )
    runs = seeds(args.task, folder / args.task, own, args.seeds, **turns)

    known = sets(runs[0], args.on)
    see = features(args.features, lambda: known.train)
    print(f"{see.name}, {len(known.y)} images, {args.steps:,} steps:\n")
    table = Table(args.task, (*COLUMNS, *(Column(name, ".3f") for name in more)))
    table.print_header()

    def scores(made: np.ndarray) -> list[float]:
        difference = np.abs(made - known.y).mean()
        return [difference, *image_similarity(made, known.y, see, more)]

    answers = [ganjax.load(run).sample_of(known.x) for run in runs]
    for run, made in zip(runs, answers, strict=True):
        table.add(f"{args.task}, seed {run.name}", *scores(made))
    guessed = {name: guess(known) for name, guess in plan.guesses.items()}
    for name, made in guessed.items():
        table.add(name, *scores(made))
    columns = known.x, [*guessed.values()][-1], answers[0], known.y
    strip(folder / f"{args.task}.png", *columns)
    study = f"{args.task} on {len(known.y)} held-out images, on {see.name}"
    write_results(folder / f"{args.task}.json", study, [table])


if __name__ == "__main__":
    command(main)
