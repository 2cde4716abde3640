"""Metrics of feature vectors as values: what a metric sees, and a list of them to compute.

A `FeatureSet` is what is known of one set of images: their features and, where there are
any, the probabilities of their classes and their labels. A `FeatureMetric` computes one
number from that of real images and that of samples. The files of the metrics declare them,
each next to its computation; `score_features` computes several.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

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

    rows: Rows
    probabilities: Rows | None = None
    labels: np.ndarray | None = None
    train: Rows | None = None


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


def score_features(
    real: FeatureSet, fake: FeatureSet, suite: Iterable[FeatureMetric]
) -> dict[str, float]:
    """Computes the metrics that apply, by the names of their `Metric`."""
    return {
        each.metric.name: each.compute(real, fake)
        for each in suite
        if each.applies(real, fake)
    }


from ganjax.evaluation.frechet import FRECHET, frechet_distance


Suite = tuple
SUITE = (FeatureMetric(FRECHET, lambda a, b: frechet_distance(a.rows, b.rows)),)


def metrics_of(suite):
    return tuple(e.metric for e in suite)
