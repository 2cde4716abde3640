"""A VAE and a GAN of like networks, in equal time: `python studies/vae_and_dcgan.py`.

DCGAN and a VAE of the same decoder and, but for its last layer, the same encoder as DCGAN's
D, on Fashion-MNIST at 32 pixels. Each run ends after `--minutes` of processor time, which
`studies/fashion_mnist.py` explains, and has several seeds. The table is that of
`ganjax compare` over the folders of both; the bound is that of the last logged batches.

The study may be killed at any time: the same command goes on.
"""

from dataclasses import dataclass
from pathlib import Path

import jax
import numpy as np
from fashion_mnist import (
    COLUMNS_SHOWN,
    GANS,
    Args as Budgeted,
    Recipe,
    find_pace,
    points,
    train,
)

import ganjax as gx
from ganjax.commands import compare
from ganjax.data.source import read_some
from ganjax.modalities.images import grid
from ganjax.modalities.pictures import save_png
from ganjax.report.record import read_record
from ganjax.report.results import (
    Column,
    Table,
    read_results,
    spread,
    write_results,
)
from ganjax.run.description import spec_of
from ganjax.store.manifest import read_manifest


GAN, VAE = "DCGAN", "VAE"
RECIPES = {
    GAN: GANS[GAN],
    VAE: Recipe("vae", {"size": 32, "g_width": 32, "e_width": 32}),
}
BITS = "g/bits_per_dim"  # the logged bound
LOGGED = 10  # rows at the end of a run, over which it is averaged
SPENT = (
    Column("model"),
    Column("minutes a run", ".1f"),
    Column("steps a run", ",.0f"),
    Column("images seen", ",.0f"),
    Column("bound, bits per dimension", ".3f"),
)


@dataclass(frozen=True)
class Args:
    data: str = "tfds:fashion_mnist"
    workdir: str = "runs/vae_and_dcgan"
    minutes: gx.PositiveFloat = 20.0
    """Processor time of each run, over all threads."""
    points: gx.PositiveInt = 4
    """How often a run is scored."""
    size: gx.PositiveInt = 32
    batch: gx.PositiveInt = 64
    seeds: gx.PositiveInt = 3


def main(args: Args) -> None:
    """Trains all runs, prints and writes the tables, and draws samples."""
    folder = Path(args.workdir).expanduser()
    budgeted = Budgeted(**vars(args))
    paces = {
        name: find_pace(budgeted, folder, name, recipe)
        for name, recipe in RECIPES.items()
    }
    # Seed by seed, so that a study that is ended early has compared both.
    for seed in range(args.seeds):
        for name, pace in paces.items():
            train(budgeted, folder / name / str(seed), RECIPES[name], seed, pace)
    compared = folder / "comparison.json"
    what = tuple(str(folder / name) for name in RECIPES)
    compare.main(compare.Args(what, out=str(compared)))
    (comparison,) = read_results(compared).tables.values()
    comparison.columns = [
        column._replace(name=column.name.replace(f"{folder}/", ""))
        for column in comparison.columns
    ]
    print(f"\n{args.minutes:g} minutes of processor time a run:\n")
    spent = Table("spent", SPENT)
    spent.print_header()
    for name, recipe in RECIPES.items():
        runs = [
            points(budgeted, folder, name, recipe, seed) for seed in range(args.seeds)
        ]
        ends = [run[-1] for run in runs]
        means = (
            float(np.mean([getattr(end, field) for end in ends]))
            for field in ("minutes", "steps", "images")
        )
        spent.add(name, *means, bound(folder / name, args.seeds))
    study = f"A VAE and DCGAN, {args.minutes:g} minutes of processor time a run"
    write_results(folder / "results.json", study, [comparison, spent])
    draw(folder)


def bound(folder: Path, seeds: int) -> object:
    """Returns a cell with the negative bound at the end of each seed's run, if logged."""
    found = []
    for seed in range(seeds):
        logged = read_record(folder / str(seed)).training.get(BITS)
        if logged:
            found.append(float(np.mean(logged.value[-LOGGED:])))
    if len(found) < 2:
        return found[0] if found else None
    return spread(found)


def draw(folder: Path) -> None:
    """Draws real images, their reconstructions, and samples of both, of the first seed."""
    gan, vae = (gx.load(folder / name / "0") for name in (GAN, VAE))
    modality, view = vae.game.modality, vae.game.reconstruction
    assert view is not None  # as it is an autoencoder
    held_out = spec_of(read_manifest(folder / VAE / "0"))._replace(split="test")
    stored = read_some(modality.load(held_out), COLUMNS_SHOWN).x
    real = np.asarray(modality.decode(stored))
    again = view.sample(vae.state, jax.random.key(0), real)
    samples = [run.sample(2 * COLUMNS_SHOWN) for run in (vae, gan)]
    images = np.concatenate([real, np.asarray(again), *samples])
    path = folder / "samples.png"
    save_png(grid(images, columns=COLUMNS_SHOWN), path)
    print(f"Samples: {path}")


if __name__ == "__main__":
    gx.command(main)
