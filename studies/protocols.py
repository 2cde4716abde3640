"""One set of samples under many protocols: `python studies/protocols.py`.

The samples are real drawings that are slightly blurred, as those of a good generator are,
and the only thing that changes is how they are scored: the resize filter, the file format,
how many there are, and what they are compared with. Each row is the Fréchet distance on one
network's features, and its ratio to that of the first row. `--features` names the weights
of EfficientNet-Lite0; with `--inception` the features are Inception's, and the distance is
FID.
"""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageFilter

from ganjax.data import Spec, load
from ganjax.data.image_set import of_source, parts
from ganjax.errors import UsageError
from ganjax.evaluation.extraction import extract
from ganjax.evaluation.features import Features
from ganjax.evaluation.frechet import frechet_distance
from ganjax.evaluation.preprocessing import (
    SYMMETRIC,
    TENSORFLOW,
    Preprocessing,
    clean,
    pil,
    pytorch_bicubic,
    pytorch_bilinear,
    tf1_bilinear,
)
from ganjax.pretrained import efficientnet, inception
from ganjax.report.results import Column, Table, write_results
from ganjax.run import command


STUDY = "One set of samples, many scores"
BLUR = 0.5  # pixels
COLUMNS = (
    Column("what changes"),
    Column("Fréchet distance", ".1f"),
    Column("to the first row", ".2f"),
)


@dataclass(frozen=True)
class Args:
    data: str = "emoji"
    """A folder of images of one size."""
    channels: int = 3
    features: str = ""
    """Weights of EfficientNet-Lite0."""
    inception: str = ""
    """Weights of Inception-v3, as pytorch-fid has them."""
    out: str = "runs/protocols/results.json"


class Sets(NamedTuple):
    """The images of the study, uint8 [n, h, w, c]; no drawing is in two of them."""

    samples: np.ndarray
    real: np.ndarray
    train: np.ndarray


def make_features(args: Args) -> Callable[[Preprocessing], Features]:
    """Returns a function from a preprocessing to the network's features under it.

    Raises:
        UsageError: no weights are named.
    """
    if args.inception:
        return lambda resize: inception.features(
            args.inception,
            resize,
            SYMMETRIC if resize.name.startswith("pytorch") else TENSORFLOW,
        )
    if not args.features:
        raise UsageError("Give --features or --inception, the weights of a network.")
    return lambda resize: efficientnet.features(args.features, preprocessing=resize)


def changed(
    image: np.ndarray, change: Callable[[Image.Image], Image.Image]
) -> np.ndarray:
    """Returns images after a change by Pillow."""
    return np.stack([np.asarray(change(Image.fromarray(one))) for one in image])


def as_jpeg(image: Image.Image, quality: int) -> Image.Image:
    """Saves and opens an image as a JPEG."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file)


def sets(args: Args) -> Sets:
    """Returns the samples, the real images that they are compared with, and others."""
    images = of_source(load(Spec(args.data, channels=args.channels)))
    every = np.concatenate([np.stack(images.read(x)) for x in parts(images.length)])
    order = np.random.default_rng(0).permutation(len(every))
    samples, real, train = (every[rows] for rows in np.array_split(order, 3))
    blur = ImageFilter.GaussianBlur(BLUR)
    return Sets(changed(samples, lambda x: x.filter(blur)), real, train)


def rows(args: Args, images: Sets) -> Iterator[tuple[str, float]]:
    """Yields what changes with the distance."""
    features = make_features(args)
    size = inception.SIZE if args.inception else 224

    def distance(
        fake: np.ndarray, real: np.ndarray, resize: Preprocessing | None = None
    ) -> float:
        resize = resize or tf1_bilinear(size)

        def vectors(image):
            read = lambda numbers: list(image[numbers])
            given = [partial(read, numbers) for numbers in parts(len(image))]
            return extract(features(resize), given, len(image), name=resize.name).rows

        return frechet_distance(vectors(real), vectors(fake))

    fake, real, train = images
    half = len(fake) // 2
    yield "TensorFlow 1's bilinear (nvidia, adm, torch-fidelity)", distance(fake, real)
    for name, resize in (
        ("PyTorch's bilinear (pytorch-fid)", pytorch_bilinear(size)),
        ("Pillow's bicubic in floats (clean-fid)", clean(size)),
        ("Pillow's bicubic, rounded (dgm-eval)", pil(size)),
        ("Pillow's Lanczos, rounded", pil(size, Image.Resampling.LANCZOS)),
        ("PyTorch's bicubic (edm2)", pytorch_bicubic(size)),
        ("Pillow's nearest", pil(size, Image.Resampling.NEAREST)),
    ):
        yield f"resized by {name}", distance(fake, real, resize)
    for quality in (95, 75):
        jpegs = changed(fake, partial(as_jpeg, quality=quality))
        yield f"samples saved as JPEG of quality {quality}", distance(jpegs, real)
    yield f"{half} samples, not {len(fake)}", distance(fake[:half], real)
    yield f"{half} real images, not {len(real)}", distance(fake, real[:half])
    yield "other real images, of the same data", distance(fake, train)
    both = np.concatenate([real, real[:, :, ::-1]])
    yield "real images and their mirrored copies", distance(fake, both)
    gray = changed(fake, lambda x: x.convert("L").convert("RGB"))
    yield "gray copies of the samples", distance(gray, real)


def main(args: Args) -> None:
    """Prints the table, row by row, and writes it."""
    table = Table("protocols", COLUMNS)
    table.print_header()
    first = 0.0
    for name, value in rows(args, sets(args)):
        first = first or value
        table.add(name, value, value / first)
    write_results(Path(args.out).expanduser(), STUDY, [table])


if __name__ == "__main__":
    command(main)
