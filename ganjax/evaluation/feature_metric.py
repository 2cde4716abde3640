"""Metrics of feature vectors as values: what a metric sees, and how it is declared.

A `FeatureSet` is what is known of one set of images: their features and, where there are
any, the probabilities of their classes and their labels. A `FeatureMetric` computes one
number from that of real images and that of samples, and `FeatureMetrics` computes several
that share their work. Each file with a metric declares it next to its computation; the
lists of them are in `ganjax.evaluation.suite`.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ganjax.errors import UsageError
from ganjax.evaluation.distances import Rows
from ganjax.evaluation.metric import Metric


class FeatureSet(NamedTuple):
    """What is known of a set of images.

    Attributes:
        rows: the features of each.
        probabilities: the probabilities [n, classes] of its classes, from
            `Features.classify`; None where the features are not a classifier's.
        labels: the class [n] of each, or None.
        train: of real images, the features of the training set, of which metrics of
            memorization need both; `rows` are then those that were held out.
    """

    rows: np.ndarray | Rows
    probabilities: np.ndarray | Rows | None = None
    labels: np.ndarray | None = None
    train: np.ndarray | Rows | None = None


class FeatureMetric(NamedTuple):
    """A metric of two sets of features.

    Attributes:
        metric: what the number means.
        compute: real images and samples -> the number.
        applies: whether it can be computed for these two; one that needs labels says no
            where there are none.
    """

    metric: Metric
    compute: Callable[[FeatureSet, FeatureSet], float]
    applies: Callable[[FeatureSet, FeatureSet], bool] = lambda real, fake: True


class FeatureMetrics(NamedTuple):
    """Several metrics of two sets of features that are computed together.

    Attributes:
        metrics: what the numbers mean.
        compute: real images and samples -> the numbers, in the order of `metrics`.
        applies: whether they can be computed for these two.
    """

    metrics: tuple[Metric, ...]
    compute: Callable[[FeatureSet, FeatureSet], tuple[float, ...]]
    applies: Callable[[FeatureSet, FeatureSet], bool] = lambda real, fake: True


def length(rows: np.ndarray | Rows) -> int:
    """Returns the number of vectors of a set, an array or `Rows`."""
    return rows.length if isinstance(rows, Rows) else len(rows)


def read_matrix(rows: np.ndarray | Rows) -> np.ndarray:
    """Returns all vectors of a set as one array, in the type in which they are stored."""
    if isinstance(rows, Rows):
        return rows.read(slice(None), slice(None))
    return np.asarray(rows)


def training_rows(real: FeatureSet) -> np.ndarray | Rows:
    """Returns the features of the training set.

    Raises:
        UsageError: there are none.
    """
    if real.train is None:
        raise UsageError("This metric needs the training set beside held-out data.")
    return real.train


def has_at_least(count: int) -> Callable[[FeatureSet, FeatureSet], bool]:
    """Returns the `applies` of metrics that need `count` vectors of each set."""
    return lambda real, fake: min(length(real.rows), length(fake.rows)) >= count


def has_training_set(real: FeatureSet, fake: FeatureSet) -> bool:
    """Is the `FeatureMetric.applies` of metrics of memorization."""
    return real.train is not None
