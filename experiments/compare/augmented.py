"""Do generated images help a classifier? `python experiments/compare/augmented.py`.

From a few images a class, GANs (`diff_augment.py`) are trained, several seeds of them, and
classifiers on five kinds of data, several seeds each: real images; these and shifted
copies; generated ones alone (classification accuracy score, Ravuri & Vinyals, 2019); real
and generated; all three. Half of what a classifier sees is real where anything is. Each
difference from classifiers without generated images is told with a 95 % bootstrap
interval over the GANs, the classifiers and the test images; and whether the GANs only
repeat their images, since copies augment, too. With `--rare`, some classes have fewer
images, are alone made more of, and every class counts the same in the accuracy:

    --data tfds:fashion_mnist --size 32 --mirror --budgets 200 --rare 2 6 --few 10

What is finished is read and not done again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rows import head, say, seeds

import ganjax
from ganjax import evaluation
from ganjax.cli import save_npz
from ganjax.data import Spec, load, whole
from ganjax.evaluation import Settings, copies, gain, verdict
from ganjax.gan import Batch, pixels, stored
from ganjax.run import Cadence, Count, command


COLUMNS = ("a class", "arm", "accuracy", "less `real`", "less `real + classic`")
SHIFTED = 10  # copies of each image


@dataclass(frozen=True)
class Args:
    data: str = "digits"
    """A set of images with classes and a split test."""
    size: Count = 8
    """Height and width, a multiple of 8."""
    channels: Count = 1
    workdir: str = "runs/augmented"
    budgets: tuple[Count, ...] = (5, 10, 20, 50)
    """Real images of each class."""
    rare: tuple[Cadence, ...] = ()
    """Classes that have fewer."""
    few: Count = 10
    """How many these have."""
    made: Count = 200
    """Generated images of each class; of rare ones, what they lack of the budget."""
    mirror: bool = False
    """Mirror images of training images are as good for the classifier."""
    gans: Count = 5
    classifiers: Count = 3
    steps: Count = 4_000
    """Of each GAN."""
    classifier_steps: Count = 600
    width: Count = 32
    """Of both networks."""


def few(args: Args, budget: int, data: Batch) -> Batch:
    """The first images of each class in an order that is always the same."""
    order = np.random.default_rng(0).permutation(len(data.label))
    rows = []
    for label in np.unique(data.label):
        most = args.few if label in args.rare else budget
        rows.append(order[data.label[order] == label][:most])
    rows = np.concatenate(rows)
    return Batch(data.image[rows], data.label[rows])


def classic(args: Args, real: Batch) -> Batch:
    """Copies that are shifted by up to an eighth of the side, the border repeated."""
    rng, most = np.random.default_rng(1), args.size // 8
    padded = np.pad(real.image, ((0, 0), (most, most), (most, most), (0, 0)), "edge")
    parts = []
    for down, right in rng.integers(0, 2 * most + 1, (SHIFTED, 2)):
        parts.append(padded[:, down : down + args.size, right : right + args.size])
    return Batch(np.concatenate(parts), np.tile(real.label, SHIFTED))


def mixed(*sets: Batch) -> Batch:
    """All of them, each repeated until it is as large as the largest."""
    most = max(len(each.label) for each in sets)
    image = [np.resize(each.image, (most, *each.image.shape[1:])) for each in sets]
    label = [np.resize(each.label, most) for each in sets]
    return Batch(np.concatenate(image), np.concatenate(label))


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
    seen = np.asarray(pixels(test.image))
    steps, mirror = args.classifier_steps, args.mirror
    right = []
    for data in sets:
        for seed in range(args.classifiers):
            settings = Settings(steps, mirror=mirror, seed=seed)
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
        join = lambda a, b: Batch(*map(np.concatenate, zip(a, b, strict=True)))
        full = [join(real, fake) for fake in fakes]
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


def told(right: np.ndarray, base: np.ndarray, weight: np.ndarray) -> str:
    """A gain in points, with its interval and what may be said of it."""
    found = gain(right, base, weight)
    mean, low, high = (f"{100 * x:+.1f}" for x in found)
    return f"{mean} ({low} to {high}): {verdict(found)}"


def rows(args: Args, budget: int, data: Batch, test: Batch, classes: int) -> None:
    """Trains what a budget asks for and prints its part of the table."""
    folder = Path(args.workdir).expanduser() / f"{Path(args.data).stem}_{budget}"
    folder.mkdir(parents=True, exist_ok=True)
    real, where = few(args, budget, data), folder / "few.npz"
    if not where.exists():
        save_npz(where, np.asarray(pixels(real.image)), real.label)
    sizes: dict[str, Any] = {"size": args.size, "channels": args.channels}
    widths = {"g_width": args.width, "d_width": args.width, "classes": classes}
    own = {"data": str(where), **sizes, **widths}
    turns = {"batch": min(64, len(real.label)), "steps": args.steps, "devices": "jit"}
    runs = seeds("diff_augment", folder / "gan", own, args.gans, **turns)

    fakes = [made(args, budget, run, classes) for run in runs]
    found = arms(args, real, fakes, test, classes)
    weight = evaluation.balanced(test.label)
    for name, right in found.items():
        each = (right * weight).mean(-1) * 100
        cells = [str(budget), name, f"{each.mean():.1f} ± {each.std():.1f}", "", ""]
        for i, base in enumerate(("real", "real + classic")):
            if "generated" in name or (name, base) == ("real + classic", "real"):
                cells[3 + i] = told(right, found[base], weight)
        say(cells)

    see = evaluation.pixels().apply
    flat = lambda images: see(np.asarray(pixels(images)))
    seen = flat(real.image), flat(test.image)
    leaks = [copies(flat(x.image), *seen) for x in fakes]
    ratio = np.mean([leak.ratio for leak in leaks])
    close = np.mean([leak.close for leak in leaks])
    text = f"{ratio:.2f} of the usual distance to a training image, {close:.3f} closest"
    say((str(budget), "of the generated", text, "", ""))


def main(args: Args) -> None:
    """Prints the table, a budget at a time."""
    source = lambda split: load(Spec(args.data, args.size, args.channels, split))
    train, held_out = source("train"), source("test")
    data, test, classes = whole(train), whole(held_out), len(train.classes)
    head(COLUMNS)
    for budget in args.budgets:
        rows(args, budget, data, test, classes)


if __name__ == "__main__":
    command(main)
