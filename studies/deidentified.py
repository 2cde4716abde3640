"""Does de-identification hold? `python studies/deidentified.py`.

Images of 16 pixels hold two handwritten digits: above left the one that stands for who it
is, below right the one that a task asks for. A run of `deidentify.py` makes the first up
anew. What names either digit then says of held-out images: a classifier of who it is that
learned from images as they were, and one that learned from what was made, both to be no
better than chance, the share of the commonest digit; and a classifier of the task, which is
to keep 95 % of its accuracy. What is around the region says nothing of who it is here, as
hair around a face may.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rows import evenly, play, strip

import ganjax
from ganjax import evaluation
from ganjax.core import Batch, Masked, pixels, stored
from ganjax.data import Spec, load, read_all
from ganjax.errors import UsageError
from ganjax.evaluation import ClassifierSettings
from ganjax.evaluation.features import fingerprint
from ganjax.modalities.pictures import save_arrays
from ganjax.report.results import Column, Table, spread, write_results
from ganjax.run import PositiveInt, command


SIDE, CLASSES = 16, 10
STUDY = "Identity and task after de-identification"
COLUMNS = (
    Column("a classifier of"),
    Column("original images, %", ".1f"),
    Column("de-identified images, %", ".1f"),
    Column("chance, %", ".1f"),
    Column("verdict"),
)
KEPT = 0.95  # of the task's accuracy


@dataclass(frozen=True)
class Args:
    workdir: str = "runs/deidentified"
    images: PositiveInt = 4_000
    """To learn from; half as many are held out."""
    steps: PositiveInt = 2_000
    classifier_steps: PositiveInt = 3_000
    seed: int = 0


class Pairs(NamedTuple):
    """Images of two digits, which they are, and of which drawings."""

    image: np.ndarray  # uint8 [n, 16, 16, 1]
    who: np.ndarray  # int32 [n]
    task: np.ndarray
    drawing: np.ndarray  # int [2, n]


def pairs(split: str, n: int, seed: int) -> Pairs:
    """Two digits of a split, drawn independently for every image."""
    digits: Batch = read_all(load(Spec("digits", split=split)))
    rng = np.random.default_rng(seed)
    first, second = rng.integers(0, len(digits.label), (2, n))
    image = np.zeros((n, SIDE, SIDE, 1), np.uint8)
    image[:, :8, :8], image[:, 8:, 8:] = digits.x[first], digits.x[second]
    labels = digits.label[first], digits.label[second]
    return Pairs(image, *labels, np.stack([first, second]))


def anew(run: Path, images: np.ndarray) -> np.ndarray:
    """The images as the run makes them, whose upper left it is given but must not use."""
    hidden = np.zeros((*images.shape[:-1], 1), np.float32)
    hidden[:, :8, :8] = 1
    seen = np.asarray(pixels(images))
    loaded = ganjax.load(run)
    made = loaded.sample_of(Masked(seen, hidden))
    blank = loaded.sample_of(Masked(np.where(hidden, 0, seen), hidden))
    if not np.array_equal(made, blank):
        raise UsageError(f"{run} saw what it must not.")
    return stored(made)


def half_width(right: np.ndarray, drawing: np.ndarray) -> float:
    """Of the 95 % interval of the share that is right, by drawings, each in many images."""
    place = np.unique(drawing, return_inverse=True)[1]
    off = np.bincount(place, right - right.mean())  # what each drawing adds
    return float(1.96 * np.sqrt(np.square(off).sum()) / len(right))


def main(args: Args) -> None:
    """Prints what is still told, and to whom."""
    folder = Path(args.workdir).expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    train, test = (
        pairs("train", args.images, args.seed),
        pairs("test", args.images // 2, args.seed + 1),
    )
    where = folder / f"digits_{fingerprint(train.image)}.npz"
    if not where.exists():
        save_arrays(where, train.image, train.task, name="image")
    sizes = {
        "data": str(where),
        "size": SIDE,
        "channels": 1,
        "margin": 0,
        "flip": False,
    }
    widths = {"g_width": 12, "d_widths": (32, 64), "region": (0.0, 0.0, 0.5, 0.5)}
    run, own = folder / "run", sizes | widths
    play("deidentify", run, own, steps=args.steps, batch=64, seed=args.seed)

    before, after = (anew(run, images.image) for images in (train, test))
    table = Table("accuracy", COLUMNS)
    table.print_header()
    settings = ClassifierSettings(args.classifier_steps)
    for name, learned, labels, told, drawing in (
        ("who, images as they are", train.image, train.who, test.who, 0),
        ("who, images made up anew", before, train.who, test.who, 0),
        ("the task, images as they are", train.image, train.task, test.task, 1),
    ):
        made = evaluation.train_classifier(
            learned, labels, test.image, told, classes=CLASSES, settings=settings
        )
        seen = (np.asarray(pixels(images)) for images in (test.image, after))
        right = [made.probabilities(x).argmax(1) == told for x in seen]
        sure = [half_width(x, test.drawing[drawing]) for x in right]
        as_is, now = shares = [x.mean() for x in right]
        chance = np.bincount(told).max() / len(told)
        good = now >= KEPT * as_is if drawing else now - sure[1] <= chance
        found = zip(shares, sure, strict=True)
        cells = [spread(100 * share, 100 * by) for share, by in found]
        table.add(name, *cells, 100 * chance, "holds" if good else "fails")
    some = evenly(len(after), 8)
    shown = [np.asarray(pixels(images[some])) for images in (test.image, after)]
    strip(folder / "deidentified.png", *np.stack(shown, axis=1), rows=2)
    write_results(folder / "results.json", STUDY, [table])


if __name__ == "__main__":
    command(main)
