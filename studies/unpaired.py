"""Unpaired translation, style and content: `python studies/unpaired.py cut`.

Seeds of `cut` or `cyclegan` learn to make images of one kind of another kind. Of held-out
images it is told how far they are from the other kind, before and after (Fréchet and kernel
distance), how many a classifier of the two kinds takes for the other kind, and how much of
each is kept (structural similarity and agreement of edges with the input): either alone
rewards a program that ignores its input or that does nothing.
Beside it, how far the other kind's images to learn from are from those that are held out;
what the input, moved by a pixel, and another of its kind have in common with it, between
which is where content is kept or lost; and what the held-out images of the other kind
have, which are the right answers where these are pairs, as those of `emoji.py` are.
Features are EfficientNet-Lite0's with `--features`, or else whitened principal components
of the other kind's images.

    unpaired.py cut --data prints/ --features lite0.safetensors

A run that is finished is read and not played again. The picture has the input, what each
seed makes of it, and the held-out image of the other kind.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro
from rows import evenly, features, seeds, strip

import ganjax
from ganjax import evaluation
from ganjax.core import pixels, stored
from ganjax.data import Spec, load, read_all
from ganjax.errors import UsageError
from ganjax.report.results import Column, Table, write_results
from ganjax.run import PositiveInt, command


COLUMNS = (
    Column("images"),
    Column("Fréchet distance", ".4g"),
    Column("of the input's", ".0%"),
    Column("kernel distance", ".4g"),
    Column("of the input's", ".0%"),
    Column("classified as the other kind", ".0%"),
    Column("SSIM", ".3f"),
    Column("edges kept", ".3f"),
)
NARROW: Mapping[str, Any] = {"g_width": 16, "d_width": 32, "blocks": 6, "halvings": 2}


@dataclass(frozen=True)
class Args:
    experiment: Annotated[str, tyro.conf.Positional]
    """cut or cyclegan"""
    data: str
    """A folder with trainA, trainB, testA and testB, or a set of TensorFlow Datasets."""
    target: str = ""
    """Where images of the other kind are, if not there."""
    size: PositiveInt = 64
    workdir: str = "runs/unpaired"
    features: str = ""
    """Weights of EfficientNet-Lite0, a path or URL."""
    steps: PositiveInt = 10_000
    batch: PositiveInt = 1
    seeds: PositiveInt = 2


def kinds(args: Args, split: str) -> tuple[np.ndarray, np.ndarray]:
    """As many images of either kind, -1..1."""
    places = (args.data, args.target) if args.target else 2 * (args.data,)
    letters = ("", "") if args.target else ("A", "B")
    x, y = (
        read_all(load(Spec(place, args.size, 3, split + letter))).x
        for place, letter in zip(places, letters, strict=True)
    )
    n = min(len(x), len(y))
    some = lambda each: np.asarray(pixels(each[evenly(len(each), n)]))
    return some(x), some(y)


def distances(fake: np.ndarray, real: np.ndarray) -> tuple[float, float]:
    """Fréchet and kernel distance between features."""
    each = evaluation.frechet_distance, evaluation.kernel_distance
    frechet, kernel = (distance(real, fake) for distance in each)
    return frechet, kernel


def style(found: tuple[float, float], usual: tuple[float, float]) -> list[float]:
    """Distances, each also as a share of the input's, which are `usual`."""
    cells = []
    for number, of in zip(found, usual, strict=True):
        cells += number, number / of
    return cells


def judge(
    learned: tuple[np.ndarray, np.ndarray], held_out: tuple[np.ndarray, np.ndarray]
) -> Callable[[np.ndarray], float]:
    """A classifier of the two kinds: of images, how many it takes for the other kind."""

    def labeled(kinds):
        return stored(np.concatenate(kinds)), np.repeat([0, 1], [len(x) for x in kinds])

    made = evaluation.train_classifier(*labeled(learned), *labeled(held_out), classes=2)
    return lambda images: float(made.probabilities(images).argmax(1).mean())


def content(made: np.ndarray, x: np.ndarray) -> list[float]:
    """What images keep of those that they were made of."""
    metrics = (evaluation.ssim, evaluation.edge_iou)
    return [float(np.mean(each(made, x))) for each in metrics]


def main(args: Args) -> None:
    """Plays the seeds and prints a row for the input, for each seed and for the target."""
    if args.experiment not in ("cut", "cyclegan"):
        raise UsageError(f"No experiment {args.experiment!r}: give cut or cyclegan.")
    x, y = kinds(args, "test")
    first, learned = kinds(args, "train")
    see = features(args.features, lambda: learned)
    seen = lambda images: evaluation.extract_features(
        see, np.asarray(images, np.float32)
    )
    real = seen(y)
    usual = distances(seen(x), real)

    own = {"data": args.data, "target": args.target, "size": args.size, "margin": 0}
    folder, turns = (
        Path(args.workdir).expanduser(),
        {"steps": args.steps, "batch": args.batch},
    )
    every = {**own, **NARROW}
    runs = seeds(args.experiment, folder / args.experiment, every, args.seeds, **turns)

    taken = judge((first, learned), (x, y))
    print(f"{see.name}, {len(x)} images, {args.steps:,} steps:\n")
    table = Table(args.experiment, COLUMNS)
    table.print_header()
    table.add("input", *style(usual, usual), taken(x), *content(x, x))
    answers = [ganjax.load(run).sample_of(pixels(stored(x))) for run in runs]
    for run, made in zip(runs, answers, strict=True):
        found = *style(distances(seen(made), real), usual), taken(made)
        table.add(f"{args.experiment}, seed {run.name}", *found, *content(made, x))
    some = np.random.default_rng(0).permutation(len(learned))[: len(y)]
    floor = style(distances(seen(learned[some]), real), usual)
    table.add("the other kind, to learn from", *floor, *3 * [None])
    alone = {
        "the input, moved by a pixel": (None, *content(x[:, :, 1:], x[:, :, :-1])),
        "another input": (None, *content(np.roll(x, len(x) // 2, 0), x)),
        "the other kind, held out": (taken(y), *content(y, x)),
    }
    for name, cells in alone.items():
        table.add(name, *4 * [None], *cells)
    strip(folder / f"{args.experiment}.png", x, *answers, y)
    study = f"{args.experiment} on {len(x)} held-out images, on {see.name}"
    write_results(folder / f"{args.experiment}.json", study, [table])


if __name__ == "__main__":
    command(main)
