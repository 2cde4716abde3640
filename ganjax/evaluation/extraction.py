"""Computes the features of many images, a part at a time, and keeps them on the disk.

Features of 50,000 images take an hour on a slow machine. Each part is kept in the cache
under a digest of its pixels and the name of the features, so that a computation that was
interrupted goes on where it stopped, and a set that is scored again is only read.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8
from tqdm import tqdm

from ganjax.errors import UsageError
from ganjax.evaluation.buffer import row_buffer
from ganjax.evaluation.distances import Rows
from ganjax.evaluation.features import Features, extract_features
from ganjax.store import cache
from ganjax.store.hashing import sha256


FEATURES = "features"  # the folder in the cache, and the name of the array in its files


class Extracted(NamedTuple):
    """The features of a set of images.

    Attributes:
        rows: the features of each.
        probabilities: the probabilities of its classes; None where the features are not a
            classifier's.
        digest: SHA-256 of all images, by their pixels.
    """

    rows: Rows
    probabilities: Rows | None
    digest: str


def extract(
    features: Features,
    parts: Iterable[list[UInt8[np.ndarray, "_ _ _"]]],
    length: int,
    *,
    name: str,
    keep: bool = True,
    scratch: Path | None = None,
) -> Extracted:
    """Computes the features of images, with a progress bar.

    Args:
        features: the features.
        parts: the images, some at a time; they may differ in size.
        length: how many there are.
        name: what the progress bar and messages call them.
        keep: whether the features are kept in the cache, and looked for there.
        scratch: a folder for features that do not fit in memory.

    Raises:
        UsageError: the features cannot be computed of these images.
    """
    rows = row_buffer(scratch)
    probabilities = row_buffer(scratch)
    digests = []
    width = None
    with tqdm(total=length, desc=name, unit=" images", delay=1, disable=None) as bar:
        for part in parts:
            digest = sha256(_bytes(part))
            digests.append(digest)
            vectors = (
                _cached(features, part, digest) if keep else _compute(features, part)
            )
            if width is not None and vectors.shape[1] != width:
                raise UsageError(
                    f"The images of {name} have different sizes, which {features.name} "
                    "cannot compare: give --size to bring all to one."
                )
            width = vectors.shape[1]
            rows.add(vectors)
            if features.classify is not None:
                probabilities.add(features.classify(vectors))
            bar.update(len(part))
    return Extracted(
        rows.rows(),
        probabilities.rows() if features.classify is not None else None,
        sha256(digests),
    )


def _cached(features: Features, images: list[np.ndarray], digest: str) -> np.ndarray:
    path = cache.folder() / FEATURES / features.name / f"{digest}.npz"
    found = (cache.load(path) or {}).get(FEATURES)
    if found is not None and found.ndim == 2 and len(found) == len(images):
        return found
    vectors = _compute(features, images)
    cache.save(path, {FEATURES: vectors})
    return vectors


def _compute(features: Features, images: list[np.ndarray]) -> np.ndarray:
    """Returns the features of images, which are computed together where sizes agree."""
    shapes = [image.shape for image in images]
    vectors: list[np.ndarray] = [np.empty(0)] * len(images)
    for shape in dict.fromkeys(shapes):
        numbers = [i for i, each in enumerate(shapes) if each == shape]
        # Bytes to -1..1, which `core.stored` undoes exactly.
        batch = np.stack([images[i] for i in numbers]).astype(np.float32) / 127.5 - 1
        for i, vector in zip(numbers, extract_features(features, batch), strict=True):
            vectors[i] = vector
    widths = {len(vector) for vector in vectors}
    if len(widths) > 1:
        raise UsageError(
            f"These images have different sizes, which {features.name} cannot compare: "
            "give --size to bring all to one."
        )
    return np.stack(vectors)


def _bytes(images: list[np.ndarray]) -> Iterable[str | bytes]:
    for image in images:
        yield str(image.shape)
        yield image.tobytes()
