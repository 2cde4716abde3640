"""Unpaired translation, style and content: `python experiments/compare/unpaired.py cut`.

Seeds of `cut` or `cyclegan` learn to make images of one kind of another kind. Of held-out
images it is told how far they are from the other kind, before and after (Fréchet and kernel
distance), and how much of each is kept (structural similarity and agreement of edges with
the input): either alone rewards a program that does nothing or that ignores its input.
Features are EfficientNet-Lite0's with `--features`, or else whitened principal components
of the training images of the other kind. Where the held-out images are pairs, as those of
`emoji.py` are, what the right answers keep of their inputs is printed, too: a translation
that keeps less than these has lost the content.

    unpaired.py cyclegan --data emoji/ --size 64 --features lite0.safetensors

A run that is finished is read and not played again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro
from rows import features, head, say, seeds

import ganjax
from ganjax import evaluation
from ganjax.data import load, whole
from ganjax.errors import Mistake
from ganjax.evaluation import Features
from ganjax.games.translation import back, front
from ganjax.gan import pixels
from ganjax.run import Count, command, folder as folders


COLUMNS = ("images", "Fréchet", "kernel", "of the input's Fréchet", "SSIM", "edges")
NARROW: Mapping[str, Any] = {"g_width": 32, "d_width": 32, "blocks": 6, "halvings": 2}


@dataclass(frozen=True)
class Args:
    experiment: Annotated[str, tyro.conf.Positional]
    """cut or cyclegan"""
    data: str
    """A folder with trainA, trainB, testA and testB, or a set of TensorFlow Datasets."""
    target: str = ""
    """Where images of the other kind are, if not there."""
    size: Count = 64
    workdir: str = "runs/unpaired"
    features: str = ""
    """Weights of EfficientNet-Lite0, a path or URL."""
    steps: Count = 6_000
    batch: Count = 4
    seeds: Count = 2


def cells(
    made: np.ndarray, x: np.ndarray, y: np.ndarray, by: Features, usual: float
) -> tuple[str, ...]:
    """The numbers of a row; `usual` is the input's distance, or 0 for this one."""
    fake, real = (evaluation.see(by, image) for image in (made, y))
    distance = evaluation.frechet_distance(real, fake)
    kernel = evaluation.kernel_distance(real, fake)
    numbers = (
        distance,
        kernel,
        distance / (usual or distance),
        float(np.mean(evaluation.ssim(made, x))),
        float(np.mean(evaluation.edge_iou(made, x))),
    )
    return tuple(f"{number:.3f}" for number in numbers)


def main(args: Args) -> None:
    """Plays the seeds and prints a row for the input, for each seed and for the target."""
    if args.experiment not in ("cut", "cyclegan"):
        raise Mistake(f"No experiment {args.experiment!r}: give cut or cyclegan.")
    own = {"data": args.data, "target": args.target, "size": args.size, "margin": 0}
    folder, turns = Path(args.workdir), {"steps": args.steps, "batch": args.batch}
    every = {**own, **NARROW}
    runs = seeds(args.experiment, folder / args.experiment, every, args.seeds, **turns)

    spec = folders.spec_of(folders.read(runs[0]))
    train, test = (whole(load(spec._replace(split=part))) for part in ("train", "test"))
    asked = np.asarray(front(test.image))
    x, y = (np.asarray(pixels(part(test.image))) for part in (front, back))
    see = features(args.features, lambda: np.asarray(pixels(back(train.image))))
    seen = (evaluation.see(see, image) for image in (y, x))
    usual = evaluation.frechet_distance(*seen)

    print(f"{see.name}, {len(x)} images, {args.steps:,} steps:\n")
    head(COLUMNS)
    say(("input", *cells(x, x, y, see, usual)))
    for run in runs:
        made = np.asarray(ganjax.load(run).answer(asked), np.float32)
        say((f"{args.experiment}, seed {run.name}", *cells(made, x, y, see, usual)))
    say(("the other kind", *cells(y, x, y, see, usual)))


if __name__ == "__main__":
    command(main)
