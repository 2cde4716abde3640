"""Which scores notice which faults: `python studies/planted_faults.py`.

Real images are given a fault on purpose and are scored as if a generator had made them. The
data is divided into three: images that are "trained on", images that are held out, with
which scores compare, and a pool, of which sets of samples are drawn. Sets without a fault
show how far a score moves by chance; a fault moves a score if it is more than four of these
deviations away. `--features` names the weights of EfficientNet-Lite0, for data without
classes.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageFilter

from ganjax.data import Spec, load
from ganjax.data.image_set import of_source, parts
from ganjax.errors import UsageError
from ganjax.evaluation import train_classifier
from ganjax.evaluation.extraction import extract
from ganjax.evaluation.features import Features
from ganjax.evaluation.metric import Direction, Metric
from ganjax.evaluation.random_network import random_network
from ganjax.evaluation.suite import SUITE, FeatureSet, metrics_of, score_features
from ganjax.pretrained import efficientnet
from ganjax.report.results import Column, Table, write_results
from ganjax.run import PositiveInt, command


STUDY = "Planted faults"
MOVED = 4.0  # deviations
MOST = 999.0  # deviations that are shown
JPEG_QUALITY = 10
NOISE = 20.0  # standard deviation, of 255
BLUR = 1.0  # pixels


@dataclass(frozen=True)
class Args:
    data: str = "tfds:fashion_mnist"
    """A data set or a folder of images."""
    size: int = 0
    """Brings images to this side."""
    channels: int = 0
    features: str = ""
    """Weights of EfficientNet-Lite0."""
    out: str = "runs/planted_faults/results.json"
    samples: PositiveInt = 2_000
    """Images in each set of samples, and of those held out."""
    draws: PositiveInt = 8
    """Sets without a fault."""


class Images(NamedTuple):
    """Images with their classes."""

    image: np.ndarray  # uint8 [n, h, w, c]
    label: np.ndarray  # int [n]; all 0 where there are no classes

    def take(self, rows: np.ndarray) -> "Images":
        return Images(self.image[rows], self.label[rows])


class Parts(NamedTuple):
    """The data, divided; no image is in two parts."""

    train: Images
    held_out: Images
    pool: Images


Fault = Callable[[np.random.Generator, Parts, int], Images]
"""(random numbers, the data, number of samples) -> samples with the fault"""


def none(rng: np.random.Generator, data: Parts, n: int) -> Images:
    """Samples without a fault."""
    return data.pool.take(rng.choice(len(data.pool.image), n, replace=False))


def changed(change: Callable[[np.random.Generator, np.ndarray], np.ndarray]) -> Fault:
    """Makes a fault of a change of the images."""

    def fault(rng: np.random.Generator, data: Parts, n: int) -> Images:
        image, label = none(rng, data, n)
        return Images(change(rng, image), label)

    return fault


def noise(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Adds Gaussian noise."""
    noisy = image + rng.normal(0, NOISE, image.shape)
    return np.rint(noisy).clip(0, 255).astype(np.uint8)


def by_pillow(
    rng: np.random.Generator,
    image: np.ndarray,
    change: Callable[[Image.Image], Image.Image],
) -> np.ndarray:
    """Changes each image as a Pillow image."""

    def one(pixels: np.ndarray) -> np.ndarray:
        gray = pixels.shape[-1] == 1
        result = change(Image.fromarray(pixels[..., 0] if gray else pixels))
        return np.asarray(result).reshape(pixels.shape)

    return np.stack([one(pixels) for pixels in image])


def jpeg(image: Image.Image) -> Image.Image:
    """Saves and opens the image as a JPEG of low quality."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=JPEG_QUALITY)
    return Image.open(file)


def dropped_modes(rng: np.random.Generator, data: Parts, n: int) -> Images:
    """Only images of half of the classes, or of one half of a data set without classes."""
    kept = np.flatnonzero(_side(data.pool))
    return data.pool.take(rng.choice(kept, n, replace=len(kept) < n))


def unequal_modes(rng: np.random.Generator, data: Parts, n: int) -> Images:
    """Four images of one half of the classes for each image of the other."""
    weight = np.where(_side(data.pool), 4.0, 1.0)
    rows = rng.choice(len(weight), n, replace=False, p=weight / weight.sum())
    return data.pool.take(rows)


def _side(images: Images) -> np.ndarray:
    """Whether each image is in the first half of the classes; or darker than the median."""
    if images.label.any():
        return images.label < (images.label.max() + 1) / 2
    brightness = images.image.mean((1, 2, 3))
    return brightness < np.median(brightness)


def memorized(
    rng: np.random.Generator, data: Parts, n: int, fraction: float = 1.0
) -> Images:
    """Copies of images that were trained on, in a fraction of the samples."""
    copied = round(fraction * n)
    copies = data.train.take(rng.choice(len(data.train.image), copied, replace=False))
    fresh = none(rng, data, n - copied)
    return Images(*(np.concatenate(pair) for pair in zip(copies, fresh, strict=True)))


def swapped_labels(rng: np.random.Generator, data: Parts, n: int) -> Images:
    """Half of the labels are of another class."""
    image, label = none(rng, data, n)
    classes = int(data.pool.label.max()) + 1
    other = (label + rng.integers(1, max(classes, 2), n)) % max(classes, 1)
    return Images(image, np.where(rng.random(n) < 0.5, other, label))


def truncated(rng: np.random.Generator, data: Parts, n: int) -> Images:
    """The half of twice as many images that is nearest to the mean image of its class."""
    rows = rng.choice(len(data.pool.image), min(2 * n, len(data.pool.image)), False)
    image, label = data.pool.take(rows)
    distance = np.zeros(len(image))
    for each in np.unique(label):
        own = label == each
        flat = image[own].reshape(own.sum(), -1) / 255.0
        distance[own] = np.square(flat - flat.mean(0)).sum(1)
    nearest = np.sort(np.argsort(distance)[:n])
    return Images(image[nearest], label[nearest])


FAULTS: dict[str, Fault] = {
    "noise": changed(noise),
    "blur": changed(
        partial(by_pillow, change=lambda x: x.filter(ImageFilter.GaussianBlur(BLUR)))
    ),
    "JPEG": changed(partial(by_pillow, change=jpeg)),
    "half of the modes": dropped_modes,
    "modes 4:1": unequal_modes,
    "memorized": memorized,
    "half memorized": partial(memorized, fraction=0.5),
    "labels swapped": swapped_labels,
    "truncated": truncated,
}


def divided(args: Args) -> tuple[Parts, tuple[str, ...]]:
    """Returns the data in its parts, and the names of its classes.

    Raises:
        UsageError: there are too few images.
    """
    spec = Spec(args.data, args.size, args.channels)
    source = load(spec)
    images = of_source(source)
    n = args.samples
    if images.length < 4 * n:
        raise UsageError(
            f"{args.data} has {images.length} images, and this needs {4 * n}: give fewer "
            "--samples."
        )
    order = np.random.default_rng(0).permutation(images.length)
    image = np.concatenate(
        [np.stack(images.read(rows)) for rows in parts(images.length)]
    )
    label = np.zeros(images.length, int) if images.label is None else images.label
    whole = Images(image, label)
    train, held_out, pool = np.split(
        order, [images.length // 4, images.length // 4 + n]
    )
    return Parts(whole.take(train), whole.take(held_out), whole.take(pool)), (
        source.classes
    )


def features_of(args: Args, data: Parts, classes: int) -> Features:
    """Returns EfficientNet's features, or a classifier's where there are classes."""
    if args.features:
        return efficientnet.features(args.features)
    if classes < 2:
        return random_network()
    one, other = data.train, data.held_out
    return train_classifier(*one, *other, classes=classes).features


def main(args: Args) -> None:
    """Prints the table, row by row, and writes it."""
    data, classes = divided(args)
    features = features_of(args, data, len(classes))
    labeled = len(classes) > 1

    def rows_of(images: Images, name: str) -> Any:
        read = lambda rows: list(images.image[rows])
        given = [partial(read, rows) for rows in parts(len(images.image))]
        return extract(features, given, len(images.image), name=name)

    def set_of(images: Images, name: str) -> FeatureSet:
        found = rows_of(images, name)
        label = images.label if labeled else None
        return FeatureSet(found.rows, found.probabilities, label)

    real = set_of(data.held_out, "held out")
    real = real._replace(train=rows_of(data.train, "trained on").rows)
    n = args.samples

    def scores(fault: Fault, seed: int, name: str) -> dict[str, float]:
        samples = fault(np.random.default_rng(seed), data, n)
        return score_features(real, set_of(samples, name), SUITE)

    chance = [scores(none, seed, "no fault") for seed in range(args.draws)]
    found = {name: scores(fault, 0, name) for name, fault in FAULTS.items()}
    columns = [Column(f"score on {features.name}"), Column("no fault", ".4g")]
    table = Table("faults", [*columns, *(Column(name, "+.0f") for name in FAULTS)])
    table.print_header()
    for metric in metrics_of(SUITE):
        if metric.name in chance[0]:
            table.add(*_row(metric, chance, found))
    write_results(Path(args.out).expanduser(), STUDY, [table])


def _row(
    metric: Metric,
    chance: list[dict[str, float]],
    found: dict[str, dict[str, float]],
) -> tuple[Any, ...]:
    """Returns how many deviations each fault moves a score, in the worse direction."""
    usual = np.array([each[metric.name] for each in chance])
    deviation = max(float(usual.std(ddof=1)), 1e-12)
    # Of a score of which no value is better, + is larger.
    sign = -1.0 if metric.direction is Direction.HIGHER else 1.0

    def cell(value: float | None) -> float | str:
        if value is None:  # without samples of a class there is no score by class
            return ""
        moved = sign * (value - float(usual.mean())) / deviation
        moved = float(np.clip(moved, -MOST, MOST))
        return moved if abs(moved) > MOVED else "·"

    cells = (cell(each.get(metric.name)) for each in found.values())
    return metric.name, {"mean": float(usual.mean()), "around": deviation}, *cells


if __name__ == "__main__":
    command(main)
