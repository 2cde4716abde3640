"""Three GANs on Fashion-MNIST, in equal compute time: `python studies/fashion_mnist.py`.

DCGAN, SNGAN and R3GAN by their published recipes, all narrow, at 32 pixels; R3GAN with the
gamma of the digits' experiments here. Every run ends after `--minutes` of processor time:
the time that all threads of its process spend on training, as `time.process_time` counts
it, without start-up, compilation and scoring. So a busy machine takes longer and gets about
as far. One hour on two free cores is up to 120 such minutes.

The pace of each GAN is measured first. It says over how many steps a rate falls that falls
over a run, and how many steps lie between scores: Fréchet distances of 2,000 samples from
as many test images, on the features of a small classifier that is named after its weights.

The study may be killed at any time: the same command goes on, and what a run has used up
until its last save is counted. A run that is finished is read and not trained again.
"""

import contextlib
import json
import math
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from budget import MINUTES, budget
from curves import Line, write_charts
from rows import import_experiment

import ganjax as gx
from ganjax.core import PyTree
from ganjax.data.source import read_some
from ganjax.errors import UsageError
from ganjax.loop import Every, Row
from ganjax.modalities.images import grid
from ganjax.modalities.pictures import save_png
from ganjax.report.record import read_record
from ganjax.report.results import Column, Table, write_results
from ganjax.run.description import spec_of
from ganjax.run.writers import Writer
from ganjax.store import write
from ganjax.store.manifest import read_manifest
from ganjax.store.status import read_status


PACE_SECONDS = 30.0  # of processor time over which a pace is measured, at least
PACE_STEPS = 8  # between readings of the clock while it is measured
READING_SECONDS = 5.0  # between readings of the clock of a run
# The budget is to end a run and not its number of steps, so there are some more of these.
SPARE = 1.1
COLUMNS_SHOWN = 12  # samples in a row of the picture
ROWS_SHOWN = 2  # of each GAN

RANKS = (
    Column("GAN"),
    Column("Fréchet distance, by seed", ".2f"),
    Column("mean", ".2f"),
    Column("deviation", ".2f"),
    Column("minutes a run", ".1f"),
    Column("steps a run", ",.0f"),
    Column("images that D saw", ",.0f"),
)
CURVES = (
    Column("GAN"),
    Column("seed", "d"),
    Column("steps", ",d"),
    Column("images", ",d"),
    Column("minutes", ".2f"),
    Column("Fréchet distance", ".2f"),
)
MEAN = 2  # the place of the mean in `RANKS`, by which they are ranked


class Recipe(NamedTuple):
    """How a GAN is trained.

    Attributes:
        experiment: the file of `experiments/` that has its game.
        flags: arguments of it that differ from its own.
        d_turns: how many turns D has in a step.
        g_batch: the images of G's turn, as a multiple of D's.
        decay: the name of its argument for the number of images over which rates fall.
    """

    experiment: str
    flags: Mapping[str, Any] = MappingProxyType({})
    d_turns: int = 1
    g_batch: int = 1
    decay: str = ""


GANS = {
    "DCGAN": Recipe("dcgan", {"size": 32, "g_width": 32, "d_width": 32}),
    "SNGAN": Recipe(
        "sngan", {"g_width": 32, "d_width": 32, "d_turns": 5}, d_turns=5, g_batch=2
    ),
    "R3GAN": Recipe(
        "r3gan",
        {
            "classes": 0,
            "mirror": False,
            "widths": (64, 64, 32, 16),
            "cardinalities": (8, 8, 4, 2),
            "blocks": 1,
            "gamma": 1.0,
            "ema": 5_000,
            "p": 0.0,
        },
        decay="decay_images",
    ),
}


@dataclass(frozen=True)
class Args:
    data: str = "tfds:fashion_mnist"
    workdir: str = "runs/fashion_mnist"
    minutes: gx.PositiveFloat = 60.0
    """Processor time of each run, over all threads."""
    points: gx.PositiveInt = 8
    """How often a run is scored."""
    size: gx.PositiveInt = 32
    batch: gx.PositiveInt = 64
    seeds: gx.PositiveInt = 3


def main(args: Args) -> None:
    """Trains all runs, prints and writes the tables, and draws charts and samples."""
    folder = Path(args.workdir).expanduser()
    paces = {
        name: find_pace(args, folder, name, recipe) for name, recipe in GANS.items()
    }
    # Seed by seed, so that a study that is ended early has compared all of them.
    for seed in range(args.seeds):
        for name, pace in paces.items():
            train(args, folder / name / str(seed), GANS[name], seed, pace)
    runs = {
        name: [points(args, folder, name, recipe, seed) for seed in range(args.seeds)]
        for name, recipe in GANS.items()
    }
    first = read_record(folder / next(iter(GANS)) / "0")
    floor = first.real_scores[first.headline]

    print(f"{first.headline}, {args.minutes:g} minutes of processor time a run:\n")
    ranks = Table("ranks", RANKS)
    ranks.print_header()
    rows = [rank_cells([run[-1] for run in each]) for each in runs.values()]
    for cells in sorted(rows, key=lambda row: row[MEAN]):
        ranks.add(*cells)
    ranks.add("real images", None, floor, *[None] * (len(RANKS) - MEAN - 1))
    curves = Table("curves", CURVES)
    curves.rows += [list(x) for each in runs.values() for run in each for x in run]
    study = f"Three GANs, {args.minutes:g} minutes of processor time a run"
    write_results(folder / "results.json", study, [ranks, curves])

    lines = [line_of(run) for each in runs.values() for run in each]
    write_charts(
        folder / "distance.svg", lines, "Fréchet distance", floor, "real images"
    )
    draw_samples(folder)


def find_pace(args: Args, folder: Path, name: str, recipe: Recipe) -> float:
    """Returns how many steps a model makes in a second of processor time.

    It is measured once, in a run of its own, and kept beside the runs.

    Args:
        args: the arguments of the study.
        folder: its folder.
        name: what the model is called.
        recipe: how it is trained.
    """
    path = folder / "pace.json"
    paces = json.loads(path.read_text()) if path.exists() else {}
    if name in paces:
        return paces[name]
    clock: list[float] = []
    # Before the first reading the program was compiled, and before the second it may have
    # been loaded.
    skipped = 2

    def read(step: int, state: PyTree, row: Row) -> None:
        clock.append(time.process_time())
        if len(clock) > skipped and clock[-1] - clock[skipped - 1] >= PACE_SECONDS:
            raise gx.StopTraining("its pace is known")

    run = gx.Run(
        str(folder / "pace" / name),
        steps=1_000_000,
        batch=args.batch,
        sample_every=0,
        save_every=0,
        scores=False,
    )
    start(args, recipe, run, 1_000_000, [gx.every(PACE_STEPS, read)])
    steps = PACE_STEPS * (len(clock) - skipped)
    paces[name] = steps / (clock[-1] - clock[skipped - 1])
    write(path, json.dumps(paces) + "\n", parents=True)
    return paces[name]


def train(args: Args, folder: Path, recipe: Recipe, seed: int, pace: float) -> None:
    """Trains a run until its time is used, unless that was done before.

    Args:
        args: the arguments of the study.
        folder: the folder of the run.
        recipe: how it is trained.
        seed: of the run.
        pace: the steps that it makes in a second of processor time.
    """
    steps = math.ceil(60 * args.minutes * pace)  # that are expected
    every = max(1, round(READING_SECONDS * pace))
    between = math.ceil(steps / args.points / every) * every
    run = gx.Run(
        str(folder),
        steps=math.ceil(SPARE * steps),
        batch=args.batch,
        seed=seed,
        log_every=every,
        sample_every=between,
        evaluate_every=between,
        save_every=between,
    )
    if read_status(folder).get("state") == "finished":
        begun = read_manifest(folder)["args"]["run"]["steps"]
        if begun != run.steps:
            raise UsageError(
                f"{folder} was trained for another number of minutes: name another "
                "--workdir."
            )
        return
    hooks, writers = budget(folder, args.minutes, every, pace)
    images = steps * args.batch * recipe.d_turns
    start(args, recipe, run, images, hooks, writers)


def start(
    args: Args,
    recipe: Recipe,
    run: gx.Run,
    images: int,
    hooks: Sequence[Every],
    writers: Sequence[Writer] = (),
) -> None:
    """Trains an experiment's game with hooks; `images` is how many D is expected to see."""
    module = import_experiment(recipe.experiment)
    decay = {recipe.decay: float(images)} if recipe.decay else {}
    own = module.Args(run=run, data=args.data, channels=1, **recipe.flags, **decay)
    with contextlib.redirect_stdout(sys.stderr):
        gx.train(
            module.make(own),
            gx.Spec(args.data, args.size, channels=1),
            run,
            config=own,
            hooks=hooks,
            writers=writers,
            sizes=gx.Sizes(recipe.d_turns, args.batch, recipe.g_batch * args.batch),
        )


class Point(NamedTuple):
    """A score of a run: a row of the table of curves."""

    name: str
    seed: int
    steps: int
    images: int
    minutes: float
    distance: float


def points(
    args: Args, folder: Path, name: str, recipe: Recipe, seed: int
) -> list[Point]:
    """Returns the scores of a run in the order of its steps.

    Args:
        args: the arguments of the study.
        folder: its folder.
        name: what the model is called, which has a folder of this name.
        recipe: how it was trained.
        seed: of the run.
    """
    record = read_record(folder / name / str(seed))
    distance, minutes = record.scores[record.headline], record.training[MINUTES]
    spent = np.interp(distance.step, minutes.step, minutes.value)
    a_step = args.batch * recipe.d_turns
    return [
        Point(name, seed, int(step), int(step) * a_step, float(time), float(value))
        for step, time, value in zip(distance.step, spent, distance.value, strict=True)
    ]


def rank_cells(ends: Sequence[Point]) -> tuple[Any, ...]:
    """Returns the row of a GAN, of the last scores of its seeds."""
    found = np.array([point.distance for point in ends])
    deviation = found.std(ddof=1) if len(found) > 1 else None
    means = [
        np.mean([getattr(point, field) for point in ends])
        for field in ("minutes", "steps", "images")
    ]
    return ends[0].name, found, found.mean(), deviation, *means


def line_of(run: Sequence[Point]) -> Line:
    """Returns a run as a line of the charts."""
    x = {
        "minutes of processor time": [point.minutes for point in run],
        "real images that D has seen": [point.images for point in run],
    }
    return Line(run[0].name, x, [point.distance for point in run])


def draw_samples(folder: Path) -> None:
    """Draws real images, and below them samples of the first seed of each GAN."""
    n = COLUMNS_SHOWN * ROWS_SHOWN
    first = folder / next(iter(GANS)) / "0"
    runs = [gx.load(folder / name / "0") for name in GANS]
    modality = runs[0].game.modality
    stored = read_some(modality.load(spec_of(read_manifest(first))), n).x
    images = [np.asarray(modality.decode(stored)), *(run.sample(n) for run in runs)]
    path = folder / "samples.png"
    save_png(grid(np.concatenate(images), columns=COLUMNS_SHOWN), path)
    print(f"Samples: {path}")


if __name__ == "__main__":
    gx.command(main)
