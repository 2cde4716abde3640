"""Paired bootstrap: does a change of the training data improve a classifier?

Classifiers are trained with and without the change, with equal seeds, and are tested on
equal images, so that their predictions can be compared pair by pair. `paired_bootstrap`
computes the difference of their accuracies with a confidence interval; `significance`
interprets it.
"""

from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Integer

from ganjax.errors import UsageError
from ganjax.evaluation.uncertainty import Interval


def paired_bootstrap(
    treatment: Bool[np.ndarray, "generators classifiers n"],
    baseline: Bool[np.ndarray, "_ classifiers n"],
    sample_weight: Float[np.ndarray, " n"] | None = None,
    *,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """Estimates how much more accurate the treatment is than the baseline.

    The generators, the classifiers' seeds and the test images are resampled independently,
    with replacement (the pigeonhole bootstrap of Owen, 2007). As n draws from n samples
    vary less than n new samples would, deviations are widened by sqrt(n / (n - 1)). With
    only three seeds the interval is still rough.

    Args:
        treatment: which test images were classified correctly. Axis 0 indexes the
            generators whose samples were added to the training data, axis 1 the seeds of
            the classifiers, axis 2 the test images.
        baseline: the same without the treatment. Axis 0 may have length 1, where no
            generator is involved.
        sample_weight: the weight of each test image, 1 by default.
        resamples: how many bootstrap samples to draw.
        seed: the seed of the bootstrap.

    Returns:
        The weighted mean difference of accuracies, -1 to 1, with its 95 % interval.

    Raises:
        UsageError: the shapes do not match.
    """
    same_pairs = treatment.shape[1:] == baseline.shape[1:]
    if len(baseline) not in (1, len(treatment)) or not same_pairs:
        raise UsageError(
            f"Predictions {treatment.shape} and {baseline.shape} cannot be paired: axes 1 "
            "and 2 must agree, and axis 0 must agree or be 1 in the baseline."
        )
    weight = np.ones(treatment.shape[-1]) if sample_weight is None else sample_weight
    # [generators, classifiers, n]; a baseline of one "generator" is broadcast.
    difference = treatment.astype(np.float64) - baseline
    rng = np.random.default_rng(seed)

    def draw_counts(n: int) -> Float[np.ndarray, "resamples n"]:
        """Returns how often each of n is drawn, with deviations from 1 widened."""
        counts = rng.multinomial(n, np.full(n, 1 / n), resamples)
        return 1 + np.sqrt(n / max(n - 1, 1)) * (counts - 1)

    # With counts instead of drawn rows, each resample is a weighted mean, and all of them
    # are matrix products.
    generator_counts, classifier_counts, image_counts = map(
        draw_counts, difference.shape
    )
    # Weighted means over the resampled images, for each pair of generator and classifier;
    # then the means over the resampled generators and classifiers.
    weights = image_counts * weight
    means = difference.reshape(-1, len(weight)) @ (weights / weights.sum(1)[:, None]).T
    means = means.reshape(*difference.shape[:2], resamples)
    resampled_means = np.einsum(
        "gcr,rg,rc->r", means, generator_counts, classifier_counts
    )
    resampled_means /= difference.shape[0] * difference.shape[1]
    low, high = np.quantile(resampled_means, [0.025, 0.975])
    mean = (difference.mean((0, 1)) * weight).sum() / weight.sum()
    return Interval(float(mean), float(low), float(high))


def significance(
    interval: Interval,
) -> Literal["gain", "loss", "no significant difference"]:
    """Returns whether an interval lies above 0, lies below 0, or contains it."""
    if interval.low > 0:
        return "gain"
    return "loss" if interval.high < 0 else "no significant difference"


def balanced_weights(labels: Integer[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Returns sample weights under which all classes count equally.

    Args:
        labels: the class of each sample.

    Returns:
        The weight of each sample; their mean is 1.
    """
    _, class_index, count = np.unique(labels, return_inverse=True, return_counts=True)
    return len(labels) / len(count) / count[class_index]
