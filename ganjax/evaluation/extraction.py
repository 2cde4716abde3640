"""Computes the features of many images, a part at a time, and keeps them on the disk.

Features of 50,000 images take an hour on a slow machine. Each part is kept in the cache
under a digest of its pixels and the name of the features, so that a computation that was
interrupted goes on where it stopped, and a set that is scored again is only read.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
from jax.experimental.multihost_utils import process_allgather
from jaxtyping import Float, UInt8
from tqdm import tqdm

from ganjax.errors import UsageError
from ganjax.evaluation.buffer import row_buffer
from ganjax.evaluation.distances import Rows
from ganjax.evaluation.features import Features, extract_features
from ganjax.store import cache
from ganjax.store.hashing import sha256


DIGEST_BYTES = 32  # of SHA-256
FEATURES = "features"  # the folder in the cache, and the name of the array in its files


ReadImages = Callable[[], list[UInt8[np.ndarray, "_ _ _"]]]
"""Reads or draws some of the images of a set, which may differ in size."""


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


class _Part(NamedTuple):
    """The features of some of the images."""

    vectors: Float[np.ndarray, "n f"]
    digest: str  # SHA-256 of the images


def extract(
    features: Features,
    parts: Iterable[ReadImages],
    length: int,
    *,
    name: str,
    keep: bool = True,
    scratch: Path | None = None,
) -> Extracted:
    """Computes the features of images, with a progress bar.

    Several processes share the parts, each of which is read by one of them, and all of them
    get the result. The devices of a process divide a batch (`feature_network.in_batches`).

    Args:
        features: the features.
        parts: what reads the images, some at a time.
        length: how many there are.
        name: what the progress bar and messages call them.
        keep: whether the features are kept in the cache, and looked for there.
        scratch: a folder for features that do not fit in memory.

    Raises:
        UsageError: the features cannot be computed of these images.
    """
    count, own = jax.process_count(), jax.process_index()
    mine: list[_Part] = []
    total = 0
    with tqdm(total=length, desc=name, unit=" images", delay=1, disable=None) as bar:
        for number, read in enumerate(parts):
            total = number + 1
            if number % count != own:
                continue
            images = read()
            digest = sha256(_bytes(images))
            if keep:
                vectors = _cached(features, images, digest)
            else:
                vectors = _compute(features, images)
            if mine and vectors.shape[1] != mine[0].vectors.shape[1]:
                raise UsageError(
                    f"The images of {name} have different sizes, which {features.name} "
                    "cannot compare: give --size to bring all to one."
                )
            mine.append(_Part(vectors, digest))
            bar.update(len(images) * count)
    rows = row_buffer(scratch)
    probabilities = row_buffer(scratch)
    whole = mine if count == 1 else _gathered(mine, total)
    for part in whole:
        rows.add(part.vectors)
        if features.classify is not None:
            probabilities.add(features.classify(part.vectors))
    return Extracted(
        rows.rows(),
        probabilities.rows() if features.classify is not None else None,
        sha256(part.digest for part in whole),
    )


def _gathered(mine: list[_Part], total: int) -> list[_Part]:
    """Returns the parts of all processes, which have every n-th of them, in their order."""
    slots = -(-total // jax.process_count())
    # All processes hand in arrays of one shape, filled up with zeros.
    lengths = np.zeros(slots, np.int64)
    lengths[: len(mine)] = [len(part.vectors) for part in mine]
    sizes = process_allgather(np.array([lengths.max(), _width(mine)]))
    rows, width = np.asarray(sizes).max(0)
    vectors = np.zeros((slots, rows, width), np.float32)
    digests = np.zeros((slots, DIGEST_BYTES), np.uint8)
    for slot, part in enumerate(mine):
        vectors[slot, : len(part.vectors)] = part.vectors
        digests[slot] = np.frombuffer(bytes.fromhex(part.digest), np.uint8)
    every = process_allgather((lengths, vectors, digests))
    found = []
    for number in range(total):
        slot, process = divmod(number, jax.process_count())
        length, part, digest = (np.asarray(x)[process, slot] for x in every)
        found.append(_Part(part[:length], digest.tobytes().hex()))
    return found


def _width(mine: list[_Part]) -> int:
    return mine[0].vectors.shape[1] if mine else 0


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
