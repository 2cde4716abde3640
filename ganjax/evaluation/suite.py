"""Lists of metrics of feature vectors, and the function that computes a list.

`score_features(real, fake, SUITE)` gives every score that these two sets have: those of
distributions always, those of classes where there are labels or probabilities, those of
memorization where the training set is given beside held-out data.
"""

from collections.abc import Iterable

from ganjax.evaluation import (
    clipped,
    copying,
    frechet,
    inception,
    kernel,
    likelihood,
    memorization,
    wasserstein,
)
from ganjax.evaluation.feature_metric import (
    FeatureMetric as FeatureMetric,
    FeatureMetrics as FeatureMetrics,
    FeatureSet as FeatureSet,
)
from ganjax.evaluation.metric import Metric


Suite = tuple[FeatureMetric | FeatureMetrics, ...]

# Cheap enough for every thousand steps of a run: seconds for 5,000 samples.
WHILE_TRAINING: Suite = (
    frechet.FRECHET_METRIC,
    frechet.RATIO_METRIC,
    wasserstein.MIND_METRIC,
)
DISTANCES: Suite = (
    frechet.FRECHET_METRIC,
    frechet.RATIO_METRIC,
    frechet.CLASSES_METRIC,
    kernel.KID_METRICS,
    kernel.KERNEL_METRIC,
    kernel.KAD_METRIC,
    kernel.CMMD_METRIC,
    wasserstein.MIND_METRIC,
)
FIDELITY_AND_DIVERSITY: Suite = (
    inception.INCEPTION_METRICS,
    clipped.BALL_METRICS,
)
MEMORIZATION: Suite = (
    copying.COPIES_METRICS,
    memorization.AUTHENTICITY_METRIC,
    memorization.COPYING_METRIC,
    memorization.COPYING_CELLS_METRIC,
    likelihood.LIKELIHOOD_METRICS,
)
SUITE: Suite = (*DISTANCES, *FIDELITY_AND_DIVERSITY, *MEMORIZATION)


def metrics_of(
    suite: Iterable[FeatureMetric | FeatureMetrics],
) -> tuple[Metric, ...]:
    """Returns what the scores of a suite mean, in their order."""
    return tuple(metric for each in suite for metric in _metrics(each))


def score_features(
    real: FeatureSet,
    fake: FeatureSet,
    suite: Iterable[FeatureMetric | FeatureMetrics] = SUITE,
) -> dict[str, float]:
    """Computes the metrics that apply, by the names of their `Metric`.

    Args:
        real: real images that the generator was not trained on, with `train`, those that it
            was trained on, where metrics of memorization are wanted.
        fake: the samples.
        suite: the metrics.

    Raises:
        UsageError: NaN or infinity, or features of unequal width.

    Example:
        >>> score_features(FeatureSet(held_out, train=train), FeatureSet(samples))
    """
    scores = {}
    for each in suite:
        if not each.applies(real, fake):
            continue
        if isinstance(each, FeatureMetric):
            scores[each.metric.name] = each.compute(real, fake)
        else:
            values = each.compute(real, fake)
            names = [metric.name for metric in each.metrics]
            scores |= dict(zip(names, values, strict=True))
    return scores


def _metrics(each: FeatureMetric | FeatureMetrics) -> tuple[Metric, ...]:
    return (each.metric,) if isinstance(each, FeatureMetric) else each.metrics
