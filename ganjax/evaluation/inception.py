"""The Inception score, from a classifier's probabilities of the classes of samples."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from ganjax.errors import UsageError
from ganjax.evaluation.distances import all_finite
from ganjax.evaluation.feature_metric import FeatureMetrics, FeatureSet, read_matrix
from ganjax.evaluation.metric import higher_is_better, neither_is_better


INCEPTION = higher_is_better(
    "inception", "How sure the classes of samples are, and how evenly spread."
)
SPREAD = neither_is_better(
    "inception/spread",
    "small",
    "Standard deviation of the Inception score over splits.",
)

SPLITS = 10
SEED = 2020  # torch-fidelity's default


class InceptionScore(NamedTuple):
    """The Inception score, 1 (worst) to the number of classes."""

    mean: float
    spread: float  # standard deviation over the splits


def inception_score(
    probabilities: Float[np.ndarray, "n classes"],
    *,
    splits: int = SPLITS,
    shuffle_seed: int | None = SEED,
) -> InceptionScore:
    """Computes exp(E KL(p(y | x) || p(y))) over splits of the samples.

    This is the score of Salimans et al. (2016), as torch-fidelity computes it. It sees no
    real data, and so neither a generator that repeats one image of each class nor images
    that are unlike the data. It is smaller for fewer samples in a split.

    Args:
        probabilities: the probabilities of classes for each sample.
        splits: into how many parts the samples are divided; the score of each is computed.
        shuffle_seed: the seed of the order in which samples are divided; None keeps theirs.
            Samples are often made class by class, and then need another order.

    Raises:
        UsageError: fewer samples than splits, NaN, or rows that are no probabilities.
    """
    p = np.asarray(probabilities, np.float64)
    if p.ndim != 2 or splits < 1 or len(p) < splits:
        raise UsageError(
            f"The Inception score needs {splits} or more samples with probabilities "
            f"[n, classes], not {list(p.shape)}."
        )
    rounding = 1e-3  # of probabilities in half precision
    if not all_finite(p) or p.min() < 0 or np.abs(p.sum(1) - 1).max() > rounding:
        raise UsageError("Probabilities of classes must be positive, with a sum of 1.")
    if shuffle_seed is not None:
        p = p[np.random.RandomState(shuffle_seed).permutation(len(p))]
    bounds = [i * len(p) // splits for i in range(splits + 1)]
    scores = [_score(p[i:j]) for i, j in zip(bounds[:-1], bounds[1:], strict=True)]
    return InceptionScore(float(np.mean(scores)), float(np.std(scores)))


def _score(p: Float[np.ndarray, "n classes"]) -> float:
    # A class of probability 0 contributes 0 log 0 = 0.
    tiny = np.finfo(np.float64).tiny
    marginal = np.log(np.maximum(p.mean(0), tiny))
    divergence = p * (np.log(np.maximum(p, tiny)) - marginal[None])
    return float(np.exp(divergence.sum(1).mean()))


def _of_samples(real: FeatureSet, fake: FeatureSet) -> InceptionScore:
    assert fake.probabilities is not None
    return inception_score(read_matrix(fake.probabilities))


INCEPTION_METRICS = FeatureMetrics(
    (INCEPTION, SPREAD),
    _of_samples,
    lambda real, fake: (
        fake.probabilities is not None
        and len(read_matrix(fake.probabilities)) >= SPLITS
    ),
)
