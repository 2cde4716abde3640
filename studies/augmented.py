"""Do generated images help a classifier? `python studies/augmented.py`.

From a few images a class, GANs (`diff_augment.py`) are trained, several seeds of them, and
classifiers on five kinds of data, several seeds each: real images; these and shifted
copies; generated ones alone (classification accuracy score, Ravuri & Vinyals, 2019); real
and generated, half and half; these halves with shifted copies among the real ones. Each
difference from classifiers without generated images is told with a 95 % bootstrap interval
over the GANs, the classifiers and the test images, for one choice of the few images; and
whether the GANs only repeat their images or shifted copies, since these augment, too. Every
class counts the same in the accuracy. With `--rare`, some classes have fewer images, which
the GAN sees as often as the others', and are alone made more of:

    --data tfds:fashion_mnist --size 32 --mirror --budgets 200 --rare 2 6 --few 10

What is finished is read and not done again. A budget's picture has a column for each class,
a real image above one by each GAN.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rows import seeds, strip

import ganjax
from ganjax import evaluation
from ganjax.core import Batch, pixels, stored
from ganjax.data import Spec, load, read_all
from ganjax.errors import UsageError
from ganjax.evaluation import (
    ClassifierSettings,
    copies,
    paired_bootstrap,
    significance,
)
from ganjax.evaluation.features import fingerprint
from ganjax.modalities.pictures import save_arrays
from ganjax.report.results import (
    Column,
    Table,
    interval,
    spread,
    write_results,
)
from ganjax.run import NonNegativeInt, PositiveInt, command


STUDY = "Classifiers on generated images"
COLUMNS = (
    Column("images a class", "d"),
    Column("a classifier learns from"),
    Column("accuracy, %", ".1f"),
    Column("less `real`", "+.1f"),
    Column("less `real + classic`", "+.1f"),
)
LEAK_COLUMNS = (
    Column("images a class", "d"),
    Column("distance to the nearest training image, held-out images = 1", ".2f"),
    Column("as close as the closest 1 % of held-out images", ".1%"),
)
SHIFTED = 10  # copies of each image


@dataclass(frozen=True)
class Args:
    data: str = "digits"
    """A set of images with classes and a split test."""
    size: PositiveInt = 8
    """Height and width, a multiple of 8."""
    channels: PositiveInt = 1
    workdir: str = "runs/augmented"
    budgets: tuple[PositiveInt, ...] = (5, 10, 20, 50)
    """Real images of each class."""
    rare: tuple[NonNegativeInt, ...] = ()
    """Classes that have fewer."""
    few: PositiveInt = 10
    """How many these have."""
    made: PositiveInt = 200
    """Generated images of each class; of rare ones, what they lack of the budget."""
    mirror: bool = False
    """Mirror images of training images are as good for the classifier."""
    gans: PositiveInt = 5
    classifiers: PositiveInt = 3
    steps: PositiveInt = 4_000
    """Of each GAN."""
    classifier_steps: PositiveInt = 600
    width: PositiveInt = 32
    """Of both networks."""


def few(args: Args, budget: int, data: Batch) -> Batch:
    """The first images of each class in an order that is always the same."""
    order = np.random.default_rng(0).permutation(len(data.label))
    rows = []
    for label in np.unique(data.label):
        most = args.few if label in args.rare else budget
        rows.append(order[data.label[order] == label][:most])
    return chosen(data, np.concatenate(rows))


def classic(args: Args, real: Batch) -> Batch:
    """Copies that are shifted by up to an eighth of the side, the border repeated."""
    rng, most = np.random.default_rng(1), args.size // 8
    padded = np.pad(real.x, ((0, 0), (most, most), (most, most), (0, 0)), "edge")
    parts = []
    for down, right in rng.integers(0, 2 * most + 1, (SHIFTED, 2)):
        parts.append(padded[:, down : down + args.size, right : right + args.size])
    return Batch(np.concatenate(parts), np.tile(real.label, SHIFTED))


def mixed(*sets: Batch) -> Batch:
    """All of them, each repeated until it is as large as the largest."""
    most, rng = max(len(each.label) for each in sets), np.random.default_rng(2)
    return joined(
        *(chosen(x, np.resize(rng.permutation(len(x.label)), most)) for x in sets)
    )


def joined(*sets: Batch) -> Batch:
    """One after another."""
    return Batch(*map(np.concatenate, zip(*sets, strict=True)))


def chosen(data: Batch, rows: np.ndarray) -> Batch:
    """Some of it."""
    return Batch(data.x[rows], data.label[rows])


def even(data: Batch) -> Batch:
    """Images of each class repeated until there are as many as of the largest."""
    rows = [np.flatnonzero(data.label == label) for label in np.unique(data.label)]
    most = max(map(len, rows))
    return chosen(data, np.concatenate([np.resize(each, most) for each in rows]))


def made(args: Args, budget: int, run: Path, classes: int) -> Batch:
    """What a GAN makes of its few images."""
    wanted = {label: args.made for label in range(classes)}
    if args.rare:
        wanted = dict.fromkeys(args.rare, max(budget - args.few, 1))
    label = np.concatenate([np.full(n, label) for label, n in wanted.items()])
    loaded = ganjax.load(run)
    image = [loaded.sample(n, label=label) for label, n in wanted.items()]
    return Batch(stored(np.concatenate(image)), label.astype(np.int32))


def answers(args: Args, sets: list[Batch], test: Batch, classes: int) -> np.ndarray:
    """Which test images classifiers of each set name rightly [sets, classifiers, n]."""
    seen = np.asarray(pixels(test.x))
    steps, mirror = args.classifier_steps, args.mirror
    right = []
    for data in sets:
        for seed in range(args.classifiers):
            settings = ClassifierSettings(steps, mirror=mirror, seed=seed)
            made = evaluation.train_classifier(
                *data, *test, classes=classes, settings=settings
            )
            right.append(made.probabilities(seen).argmax(1) == test.label)
    return np.reshape(right, (len(sets), args.classifiers, -1))


def arms(
    args: Args, real: Batch, fakes: list[Batch], test: Batch, classes: int
) -> Mapping[str, np.ndarray]:
    """The five kinds of data. Where few classes are rare, generated ones are no set."""
    shifted = mixed(real, classic(args, real))
    if args.rare:  # generated images fill up what is missing
        full = [joined(real, fake) for fake in fakes]
        kinds = {
            "real + generated": full,
            "real + classic + generated": [mixed(x, classic(args, x)) for x in full],
        }
    else:
        kinds = {
            "generated": fakes,
            "real + generated": [mixed(real, fake) for fake in fakes],
            "real + classic + generated": [mixed(shifted, fake) for fake in fakes],
        }
    kinds = {"real": [real], "real + classic": [shifted], **kinds}
    say_so = lambda sets: answers(args, sets, test, classes)
    return {name: say_so(sets) for name, sets in kinds.items()}


def gain(right: np.ndarray, base: np.ndarray, weight: np.ndarray) -> dict[str, Any]:
    """A gain in points, with its interval and its significance."""
    found = paired_bootstrap(right, base, weight)
    mean, low, high = (100 * x for x in found)
    return interval(mean, low, high, significance(found))


def rows(
    args: Args,
    budget: int,
    data: Batch,
    test: Batch,
    classes: int,
    table: Table,
    leaks: Table,
) -> None:
    """Trains what a budget needs and adds its rows to the tables."""
    real = few(args, budget, data)
    name = f"{Path(args.data).stem}_{budget}_{fingerprint(*real)}"  # and of no others
    folder = Path(args.workdir).expanduser() / name
    folder.mkdir(parents=True, exist_ok=True)
    seen, where = even(real), folder / "few.npz"
    if not where.exists():
        save_arrays(where, seen.x, seen.label, name="image")
    sizes: dict[str, Any] = {"size": args.size, "channels": args.channels}
    widths = {"g_width": args.width, "d_width": args.width, "classes": classes}
    own = {"data": str(where), **sizes, **widths}
    turns = {"batch": min(64, len(seen.label)), "steps": args.steps, "devices": "jit"}
    runs = seeds("diff_augment", folder / "gan", own, args.gans, **turns)

    fakes = [made(args, budget, run, classes) for run in runs]
    found = arms(args, real, fakes, test, classes)
    weight = evaluation.balanced_weights(test.label)
    for name, right in found.items():
        each = (right * weight).mean(-1) * 100
        cells = [budget, name, spread(each.mean(), each.std()), None, None]
        for i, base in enumerate(("real", "real + classic")):
            if "generated" in name or (name, base) == ("real + classic", "real"):
                cells[3 + i] = gain(right, found[base], weight)
        table.add(*cells)

    known = joined(real, classic(args, real))
    leaks.rows.append([budget, *leak(args, known, fakes, test)])
    labels = np.unique(fakes[0].label)
    first = lambda x: [np.flatnonzero(x.label == label)[0] for label in labels]
    kinds = [np.asarray(pixels(x.x[first(x)])) for x in (real, *fakes)]
    strip(folder / "generated.png", *np.stack(kinds, axis=1), rows=len(kinds))


def leak(
    args: Args, known: Batch, fakes: list[Batch], test: Batch
) -> tuple[float, float]:
    """How near generated images are to known ones; of rare classes alone if there are any.

    Returns:
        Their distance to the nearest known image, as a share of that of held-out images,
        and the share of them that are as close as the closest 1 % of these.
    """
    see = evaluation.pixels().apply
    some = lambda x: np.isin(x.label, args.rare or np.unique(test.label))
    flat = lambda x: see(np.asarray(pixels(x.x[some(x)])))
    found = [copies(flat(x), flat(known), flat(test)) for x in fakes]
    ratio, close = np.mean([(x.ratio, x.close) for x in found], axis=0)
    return float(ratio), float(close)


def main(args: Args) -> None:
    """Prints and writes the tables, a budget at a time."""
    source = lambda split: load(Spec(args.data, args.size, args.channels, split))
    train, held_out = source("train"), source("test")
    data, test, classes = read_all(train), read_all(held_out), len(train.classes)
    if not classes:
        raise UsageError(f"{args.data} has no classes for a classifier to tell apart.")
    if unknown := set(args.rare) - set(range(classes)):
        raise UsageError(
            f"--rare {min(unknown)}: give classes from 0 to {classes - 1}."
        )
    table, leaks = Table("accuracy", COLUMNS), Table("leaks", LEAK_COLUMNS)
    table.print_header()
    for budget in args.budgets:
        rows(args, budget, data, test, classes, table, leaks)
    print(f"\n{leaks.to_markdown()}")
    write_results(Path(args.workdir) / "results.json", STUDY, [table, leaks])


if __name__ == "__main__":
    command(main)
