"""Three GANs on Fashion-MNIST: `python studies/fashion_mnist.py`.

DCGAN, SNGAN and R3GAN by their published recipes, all narrow, at 32 pixels; R3GAN with the
gamma of the digits' experiments here. D sees as many real images in each; rates that fall
do so over these. They are ranked by the Fréchet distance of 2,000 samples from as many test
images, on the features of a small classifier that is named after its weights and the same
for all. A run that is finished is read and not played again.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rows import last, play, seconds

from ganjax.report.results import Column, Table, write_results
from ganjax.run import PositiveInt, command


STUDY = "Three GANs on Fashion-MNIST"
COLUMNS = (
    Column("GAN"),
    Column("steps", ",d"),
    Column("Fréchet distance, by seed", ".2f"),
    Column("mean", ".2f"),
    Column("deviation", ".2f"),
    Column("seconds a seed", ".0f"),
)
GANS: dict[str, tuple[str, int, dict[str, Any]]] = {  # -> experiment, D's turns, flags
    "DCGAN": ("dcgan", 1, {"size": 32, "g_width": 32, "d_width": 32}),
    "SNGAN": ("sngan", 5, {"g_width": 32, "d_width": 32, "d_turns": 5}),
    "R3GAN": (
        "r3gan",
        1,
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
    ),
}


@dataclass(frozen=True)
class Args:
    data: str = "tfds:fashion_mnist"
    workdir: str = "runs/fashion_mnist"
    images: PositiveInt = 64_000
    """Real images that D sees in each run."""
    batch: PositiveInt = 64
    seeds: PositiveInt = 3


class Rank(NamedTuple):
    """What the seeds of one GAN came to."""

    mean: float
    cells: tuple[Any, ...]
    score: str


def rank(args: Args, name: str) -> Rank:
    """Plays every seed of a GAN."""
    experiment, turns, flags = GANS[name]
    steps = max(1, args.images // (args.batch * turns))
    folder = Path(args.workdir) / name
    flags = {**flags, "data": args.data, "channels": 1}
    if experiment == "r3gan":
        flags["decay_images"] = float(args.images)
    one = partial(play, experiment, args=flags, batch=args.batch, steps=steps)
    runs = [one(folder / str(seed), seed=seed) for seed in range(args.seeds)]

    (score,) = {run.headline for run in runs}
    found = np.array([last(run, score)[0] for run in runs])
    took = np.mean([*map(seconds, runs)])
    deviation = found.std(ddof=1) if len(found) > 1 else None
    cells = name, steps, found, found.mean(), deviation, took
    return Rank(float(found.mean()), cells, score)


def main(args: Args) -> None:
    """Plays them all and prints and writes the table, the best first."""
    ranks = sorted((rank(args, name) for name in GANS), key=lambda each: each.mean)
    (score,) = {rank.score for rank in ranks}
    print(f"{score}, {args.images:,} images:\n")
    table = Table("ranks", COLUMNS)
    table.print_header()
    for each in ranks:
        table.add(*each.cells)
    write_results(Path(args.workdir) / "results.json", STUDY, [table])


if __name__ == "__main__":
    command(main)
