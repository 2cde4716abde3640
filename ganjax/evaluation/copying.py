"""Memorization: does the generator copy its training images?

Distances from samples to their nearest training images are compared with those from
held-out real images, which show how near a generator comes that does not copy (Meehan et
al., 2020).
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from ganjax.errors import UsageError
from ganjax.evaluation.distances import (
    Centered,
    NearestNeighbors,
    Rows,
    as_rows,
    centered,
    check_same_width,
    nearest_neighbors_centered,
)
from ganjax.evaluation.feature_metric import (
    FeatureMetrics,
    FeatureSet,
    has_training_set,
    training_rows,
)
from ganjax.evaluation.metric import neither_is_better


COPIES_RATIO = neither_is_better(
    "copies/ratio",
    "1 without copying",
    "Median distance of samples to the training data, over that of held-out data.",
)
COPIES_CLOSE = neither_is_better(
    "copies/close",
    "0.01 without copying",
    "Fraction of samples that are nearer to the training data than all but the nearest 1 % "
    "of held-out data.",
)

# A sample is suspiciously close if it is nearer than this fraction of held-out images.
CLOSE_QUANTILE = 0.01


class Copies(NamedTuple):
    """How near samples are to the training set, relative to held-out images."""

    ratio: float
    """Median distance of the samples over that of held-out images: about 1 for a generator
    that does not copy, 0 for one that only copies."""

    close: float
    """Fraction of samples nearer than the nearest 1 % of held-out images: about 0.01 for a
    generator that does not copy."""

    fake: NearestNeighbors
    """Each sample's nearest training image."""

    held_out: NearestNeighbors
    """Each held-out image's nearest training image."""


def copies(
    fake: Float[np.ndarray, "n f"] | Rows,
    train: Float[np.ndarray, "m _"] | Rows,
    held_out: Float[np.ndarray, "h _"] | Rows,
) -> Copies:
    """Compares samples' distances to the training set with those of held-out images.

    A ratio above 1 is not a merit: it only means that samples are far from all real images,
    as poor samples are.

    Args:
        fake: features of the samples.
        train: features of the training images.
        held_out: features of real images that were not trained on.

    Raises:
        UsageError: NaN or infinity, features of unequal width, or a held-out set that
            mostly consists of training images.
    """
    train = as_rows(train, "training", 1)
    held_out = as_rows(held_out, "held-out", 1)
    fake = as_rows(fake, "generated", 1)
    for rows in (held_out, fake):
        check_same_width(rows, train)
    # All three sets share a center, so that they can be compared.
    train_set = centered(train)
    unseen = held_out_neighbors(centered(held_out, train_set.center), train_set)
    return copies_centered(centered(fake, train_set.center), train_set, unseen)


def held_out_neighbors(held_out: Centered, train: Centered) -> NearestNeighbors:
    """Returns the nearest training image of each held-out image.

    It depends on real data only and can be computed once.

    Raises:
        UsageError: most of the held-out images are training images.
    """
    unseen = nearest_neighbors_centered(held_out, train)
    # The ratio divides by this median.
    if np.median(unseen.distance) == 0:
        raise UsageError("Most held-out images are training images: hold out others.")
    return unseen


def copies_centered(
    fake: Centered, train: Centered, unseen: NearestNeighbors
) -> Copies:
    """Computes `copies` for centered sets.

    Args:
        fake: the samples, with the center of the training set.
        train: the training set.
        unseen: the result of `held_out_neighbors` for the same training set.
    """
    generated = nearest_neighbors_centered(fake, train)
    # Held-out images are the yardstick: so near to the training set are new real images.
    limit = np.quantile(unseen.distance, CLOSE_QUANTILE)
    return Copies(
        ratio=float(np.median(generated.distance) / np.median(unseen.distance)),
        close=float((generated.distance < limit).mean()),
        fake=generated,
        held_out=unseen,
    )


def closest_samples(neighbors: NearestNeighbors, count: int) -> Int[np.ndarray, " c"]:
    """Returns the row numbers of the `count` samples that are closest to a training image.

    Args:
        neighbors: the nearest training image of each sample, as `Copies.fake`.
        count: how many samples to return.

    Returns:
        Row numbers in the order of the distances. `neighbors.index` at these rows has the
        row numbers of the training images.
    """
    return np.argsort(neighbors.distance, kind="stable")[:count]


def _ratio_and_close(real: FeatureSet, fake: FeatureSet) -> tuple[float, float]:
    found = copies(fake.rows, training_rows(real), real.rows)
    return found.ratio, found.close


COPIES_METRICS = FeatureMetrics(
    (COPIES_RATIO, COPIES_CLOSE), _ratio_and_close, has_training_set
)
