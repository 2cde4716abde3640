"""Two folders whose images belong together, by all the ways of naming that people have."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ganjax.data import Spec, load, read_all
from tests.fuzz.harness import Outcome, Situation, need, refused, worked
from tests.fuzz.pool import chance, chosen


# From a number to the names on either side: names that tell which belong together.
TELLING = (
    ("{}.png", "{}.png"),
    ("{}.png", "{}.bmp"),
    ("{}.png", "{}_mask.png"),
    ("{:03}.png", "{:03}.png"),
    ("img{}.png", "img{}_label.png"),
    ("img{}.png", "mask{}.png"),
    ("photo-{}.jpg.png", "photo-{}.png"),
    ("a_{}_leftImg8bit.png", "a_{}_gtFine_color.png"),
    ("猫{}.png", "猫{}.png"),
    ("{} (1).png", "{} (1).png"),
    ("[{}].png", "[{}].png"),
)
# And those that tell nothing, where a sentence is as right as their order.
SILENT = (
    ("{:x}a.png", "{}.png"),
    ("x{}y.png", "{}z7.png"),
)


@dataclass
class Given:
    """Two folders, and whether their names tell which images are pairs."""

    front: str
    back: str
    pairs: int
    telling: bool
    bad: str = ""
    counts: list[int] = field(default_factory=list)  # of either side, where they differ


def pairs(rng: np.random.Generator) -> Situation:
    """Paired data in two folders."""
    return Situation("pairs", _make, read, right)


def domains(rng: np.random.Generator) -> Situation:
    """Two kinds of images in one place, which are no pairs: trainA and trainB."""
    return Situation("domains", _divided, _both, _apart)


def _divided(root: Path, rng: np.random.Generator) -> Given:
    forms = ("train{}", "Train{}", "train_{}", "TRAIN-{}", "training{}")
    form = chosen(rng, forms)
    held = chosen(rng, ("test{}", "Test{}", "val{}", "", ""))
    counts = [int(x) for x in rng.integers(1, 7, 2)]
    for place, (letter, count) in enumerate(zip("AB", counts, strict=True)):
        letter = letter.lower() if chance(rng, 0.1) else letter
        for i in range(count):
            _flat(root / "data" / form.format(letter) / f"{i}.png", 100 * place + i)
        if held:
            _flat(root / "data" / held.format(letter) / "0.png", 100 * place + 50)
    given = Given(str(root / "data"), "", max(counts), True)
    given.counts = counts
    if chance(rng, 0.15):
        (root / "data" / "notes.txt").write_text("no image")
    return given


def _both(given: Given) -> Any:
    source = load(Spec(given.front, target=given.front))
    return source, read_all(source)


def _apart(given: Given, outcome: Outcome) -> None:
    worked(outcome)
    source, batch = outcome.value
    need(source.length == given.pairs, f"{source.length} of {given.pairs} images")
    front, back = batch.x
    for place, side in enumerate((front, back)):
        seen = {int(x.flat[0]) for x in side}
        right = {100 * place + i for i in range(given.counts[place])}
        need(seen == right, f"side {'AB'[place]} has {seen} where {right} is right")


def _flat(path: Path, level: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((8, 8, 3), level, np.uint8)).save(path)


def read(given: Given) -> Any:
    """The pairs, decoded to their end."""
    source = load(Spec(given.front, target=given.back, paired=True))
    return source, read_all(source)


def right(given: Given, outcome: Outcome) -> None:
    """Each image lies before the one of its own number, or nothing is paired at all."""
    if given.bad:
        return refused(outcome)
    if outcome.sentence:
        need(not given.telling, f"was refused: {outcome.sentence!r}")
        return None
    worked(outcome)
    source, batch = outcome.value
    need(source.length == given.pairs, f"{source.length} pairs of {given.pairs}")
    front, back = batch.x
    wrong = [i for i in range(len(front)) if front[i].flat[0] != back[i].flat[0]]
    need(not wrong, f"{len(wrong)} of {len(front)} pairs are wrong")
    need(len({int(x.flat[0]) for x in front}) == given.pairs, "an image twice")
    return None


def _make(root: Path, rng: np.random.Generator) -> Given:
    telling = chance(rng, 0.8)
    left, right = chosen(rng, TELLING if telling else SILENT)
    split = chance(rng, 0.3)
    under = lambda side: root / side / "train" if split else root / side
    count = chosen(rng, (1, 3, 9, 12, 21))
    start = chosen(rng, (0, 1, 8, 99))
    numbers = [start + i for i in range(count)]
    if chance(rng, 0.3):
        numbers = [int(x) for x in rng.choice(2000, count, replace=False)]
    given = Given(str(root / "A"), str(root / "B"), count, telling)
    for side, form in (("A", left), ("B", right)):
        under(side).mkdir(parents=True)
        for place, number in enumerate(numbers):
            image = np.full((8, 8, 3), 10 * place + 5, np.uint8)
            path = under(side) / form.format(number)
            Image.fromarray(image).save(path, "BMP" if path.suffix == ".bmp" else "PNG")
        if split and chance(rng, 0.5):
            (root / side / "test").mkdir()
            image = np.zeros((8, 8, 3), np.uint8)
            Image.fromarray(image).save(root / side / "test" / form.format(5000))
    if chance(rng, 0.25):
        given.bad = "a side has one more"
        image = np.full((8, 8, 3), 3, np.uint8)
        Image.fromarray(image).save(under(chosen(rng, "AB")) / "extra.png")
    return given
