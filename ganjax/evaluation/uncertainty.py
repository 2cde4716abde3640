"""How sure a score is: intervals over samples and over seeds, and fair comparisons.

A score varies with the samples that were drawn and, more, with the seed of the training.
`score_interval` estimates the first from one set of samples, `over_seeds` the second from
several runs. `compare_over_seeds` compares two methods whose runs are paired by their
seeds, `expected_best` methods that were run unequally often, and `seeds_needed` and
`samples_needed` say what it takes to see a difference.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy import special

from ganjax.errors import UsageError
from ganjax.evaluation.distances import Rows, as_rows, take_rows
from ganjax.evaluation.feature_metric import FeatureSet, length, read_matrix
from ganjax.evaluation.metric import Direction


LEVEL = 0.95
POWER = 0.8
MIN_SEEDS = 3  # of fewer, a standard deviation says nothing
MAX_SEEDS = 1000  # from which on t is normal


class Interval(NamedTuple):
    """An estimate with its confidence interval, by default of 95 %."""

    mean: float  # the point estimate: of the data itself, not the mean of resamples
    low: float
    high: float


class OverSeeds(NamedTuple):
    """The scores of runs that differ in their seed alone.

    Attributes:
        interval: the mean with its confidence interval; infinite for a single run.
        spread: the standard deviation of single runs, NaN for a single run.
        seeds: the number of runs.
        enough: whether there are three or more; with fewer, do not rank methods.
    """

    interval: Interval
    spread: float
    seeds: int
    enough: bool


class Comparison(NamedTuple):
    """The comparison of two methods over the same seeds.

    Attributes:
        difference: the mean of the first less the second, with its confidence interval.
        seeds: the number of pairs.
        conclusion: what the interval says; nothing with fewer than three pairs.
    """

    difference: Interval
    seeds: int
    conclusion: Literal[
        "higher", "lower", "no significant difference", "too few seeds to compare"
    ]


def bootstrap_interval(
    values: Float[np.ndarray, " n"],
    *,
    resamples: int = 2000,
    level: float = LEVEL,
    seed: int = 0,
) -> Interval:
    """Estimates a mean over samples, with the interval of the bootstrap.

    It is for scores that are means of one number for each sample, such as PSNR, a fraction
    of samples, or a distance to an original. Samples are drawn with replacement; as n draws
    from n vary less than n new samples would, deviations are widened by sqrt(n / (n - 1)).

    Args:
        values: the number of each sample.
        resamples: how many bootstrap samples to draw.
        level: the coverage of the interval.
        seed: the seed of the bootstrap.

    Raises:
        UsageError: fewer than two values, NaN or infinity.
    """
    values = _finite(values, 2)
    n = len(values)
    rng = np.random.default_rng(seed)
    drawn = values[rng.integers(0, n, (resamples, n))].mean(1)
    mean = values.mean()
    deviations = np.sqrt(n / (n - 1)) * (drawn - mean)
    low, high = np.quantile(deviations, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(mean), float(mean + low), float(mean + high))


def score_interval(
    score: Callable[[FeatureSet, FeatureSet], float],
    real: FeatureSet,
    fake: FeatureSet,
    *,
    resamples: int = 50,
    resample_real: bool = False,
    level: float = LEVEL,
    seed: int = 0,
) -> Interval:
    """Estimates how much a score of two sets varies with the samples, by half-samples.

    The bootstrap draws with replacement, and distances between sets do not survive that: a
    sample that is drawn twice is its own nearest neighbor at distance 0, which breaks
    precision, recall and all that counts neighbors; it adds k(x, x) to the sums from which
    unbiased kernel distances exclude it; and it lowers the rank of a covariance, which
    raises a Fréchet distance. So random halves of the samples are scored instead, without
    replacement. The variance between halves of n samples is s^2 (2 / n - 1 / n), as their
    overlap is half of each: just that of n samples (the delete-half jackknife of Shao & Wu,
    1989). The score of a half has another expectation than that of all where the score
    depends on the number, so only deviations from the mean of the halves are used, around
    the score of all samples.

    Args:
        score: the score, as `FeatureMetric.compute`. It must be defined for half as many.
        real: real images.
        fake: samples.
        resamples: how many halves to score.
        resample_real: whether the real images are halved, too, where they are a sample of
            the data that is of interest, and not a fixed reference.
        level: the coverage of the interval.
        seed: the seed of the halves.

    Raises:
        UsageError: fewer than four samples, or what the score refuses.

    Example:
        >>> score_interval(FRECHET_METRIC.compute, real, fake)
    """
    if length(fake.rows) < 4 or (resample_real and length(real.rows) < 4):
        raise UsageError("Half-samples need four samples or more.")
    rng = np.random.default_rng(seed)
    scores = []
    for _ in range(resamples):
        half_real = _half(real, rng) if resample_real else real
        scores.append(score(half_real, _half(fake, rng)))
    deviations = np.asarray(scores) - np.mean(scores)
    low, high = np.quantile(deviations, [(1 - level) / 2, (1 + level) / 2])
    of_all = score(real, fake)
    return Interval(float(of_all), float(of_all + low), float(of_all + high))


def over_seeds(scores: Float[np.ndarray, " n"], level: float = LEVEL) -> OverSeeds:
    """Summarizes the scores of runs that differ in their seed, by Student's t.

    Args:
        scores: the score of each run.
        level: the coverage of the interval.

    Raises:
        UsageError: no run, NaN or infinity.
    """
    # Not above: its import takes longer than that of all else here.
    from scipy import stats

    scores = _finite(scores, 1)
    n = len(scores)
    mean = float(scores.mean())
    if n == 1:
        return OverSeeds(Interval(mean, -np.inf, np.inf), np.nan, n, enough=False)
    spread = float(scores.std(ddof=1))
    margin = float(stats.t.ppf((1 + level) / 2, n - 1)) * spread / np.sqrt(n)
    interval = Interval(mean, float(mean - margin), float(mean + margin))
    return OverSeeds(interval, spread, n, enough=n >= MIN_SEEDS)


def compare_over_seeds(
    scores: Float[np.ndarray, " n"],
    baseline: Float[np.ndarray, " _"],
    level: float = LEVEL,
) -> Comparison:
    """Compares two methods by scores of runs with the same seeds, by a paired t interval.

    What a seed does to both methods, as an order of the data or an initialization, cancels
    in the differences.

    Args:
        scores: the score of each run of a method.
        baseline: the score of each run of another method; entry i has the same seed.
        level: the coverage of the interval.

    Raises:
        UsageError: unequal numbers of runs, no run, NaN or infinity.
    """
    scores = _finite(scores, 1)
    baseline = _finite(baseline, 1)
    if len(scores) != len(baseline):
        raise UsageError(
            f"{len(scores)} and {len(baseline)} runs are not pairs: give both methods the "
            "same seeds."
        )
    found = over_seeds(scores - baseline, level)
    if not found.enough:
        conclusion = "too few seeds to compare"
    elif found.interval.low > 0:
        conclusion = "higher"
    elif found.interval.high < 0:
        conclusion = "lower"
    else:
        conclusion = "no significant difference"
    return Comparison(found.interval, found.seeds, conclusion)


def expected_best(
    scores: Float[np.ndarray, " n"], k: int, direction: Direction
) -> float:
    """Estimates the best score of k runs from the scores of n runs, without bias.

    The best of many runs is better than that of few. Where methods were run unequally
    often, compare the expected best of as many runs of each. It is the mean over all
    subsets of k runs of the best in it: with scores in order, the i-th is the best of C(n -
    i, k - 1) of C(n, k) subsets (Tang et al., 2020, correcting Dodge et al., 2019).

    Args:
        scores: the score of each run.
        k: the number of runs of which the best is taken, 1 to n.
        direction: which scores are better.

    Raises:
        UsageError: k is not between 1 and n, no better direction, NaN or infinity.
    """
    scores = _finite(scores, 1)
    n = len(scores)
    if not 1 <= k <= n:
        raise UsageError(f"The best of {k} runs cannot be estimated from {n}.")
    if direction is Direction.NEITHER:
        raise UsageError("The best run needs a score that is better higher or lower.")
    best_first = np.sort(scores)[:: -int(direction)]
    after = n - np.arange(1, n + 1)  # how many runs are no better than each
    logs = _log_choose(np.maximum(after, k - 1), k - 1) - _log_choose(np.array([n]), k)
    share = np.where(after >= k - 1, np.exp(logs), 0)
    return float(share @ best_first)


def seeds_needed(
    difference: float, spread: float, power: float = POWER, level: float = LEVEL
) -> int:
    """Returns how many seeds a paired comparison needs to see a difference.

    Args:
        difference: the mean difference of two methods that should be seen.
        spread: the standard deviation of the difference between runs of one seed, as
            `over_seeds(a - b).spread` of a few.
        power: the probability of seeing it.
        level: the coverage of the interval that must lie on one side of 0.

    Raises:
        UsageError: a difference of 0, or a negative or infinite spread.
    """
    _check_difference(difference, spread)
    from scipy import stats

    if spread == 0:
        return MIN_SEEDS
    effect = abs(difference) / spread
    # With a normal distribution instead of t: a little too few.
    n = max(MIN_SEEDS, _normal_count(effect, power, level))
    while n < MAX_SEEDS:
        # Under the difference, the t statistic has a noncentral distribution.
        limit = stats.t.ppf((1 + level) / 2, n - 1)
        shift = effect * np.sqrt(n)
        if shift > 2 * limit + 10 or stats.nct.sf(limit, n - 1, shift) >= power:
            break
        n += 1
    return n


def samples_needed(
    difference: float,
    interval: Interval,
    samples: int,
    power: float = POWER,
    level: float = LEVEL,
) -> int:
    """Returns how many samples of each of two models a comparison needs.

    Standard errors fall as one over the root of the number of samples.

    Args:
        difference: the difference of the scores that should be seen.
        interval: a score's `score_interval` or `bootstrap_interval` of the same level.
        samples: the number of samples it was computed from.
        power: the probability of seeing the difference.
        level: the coverage of the interval.

    Raises:
        UsageError: a difference of 0, or an infinite interval.
    """
    z = special.ndtri((1 + level) / 2)
    error = (interval.high - interval.low) / (2 * z)
    _check_difference(difference, error)
    # The difference of two independent scores has twice the variance of one.
    one = error * np.sqrt(2 * samples)
    return max(2, _normal_count(abs(difference) / one, power, level)) if one else 2


def _log_choose(n: Int[np.ndarray, " r"], k: int) -> Float[np.ndarray, " r"]:
    return special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1)


def _normal_count(effect: float, power: float, level: float) -> int:
    quantiles = special.ndtri((1 + level) / 2) + special.ndtri(power)
    return int(np.ceil((quantiles / effect) ** 2))


def _check_difference(difference: float, spread: float) -> None:
    if difference == 0 or not np.isfinite([difference, spread]).all() or spread < 0:
        raise UsageError(
            f"No number of runs or samples shows a difference of {difference} with a "
            f"spread of {spread}."
        )


def _finite(values: np.ndarray, at_least: int) -> Float[np.ndarray, " n"]:
    values = np.asarray(values, np.float64)
    if values.ndim != 1 or len(values) < at_least or not np.isfinite(values).all():
        raise UsageError(
            f"{at_least} or more finite scores are needed, in one row: {values.shape}."
        )
    return values


def _half(images: FeatureSet, rng: np.random.Generator) -> FeatureSet:
    """Draws half of a set without replacement, with what is known of each image."""
    n = length(images.rows)
    index = np.sort(rng.choice(n, n // 2, replace=False))
    return _take(images, index)


def _take(images: FeatureSet, index: Int[np.ndarray, " m"]) -> FeatureSet:
    rows = take_rows(as_rows(images.rows, "generated", 1), index)
    p, labels = images.probabilities, images.labels
    return images._replace(
        rows=rows,
        probabilities=_some(p, index),
        labels=None if labels is None else np.asarray(labels)[index],
    )


def _some(
    rows: np.ndarray | Rows | None, index: Int[np.ndarray, " m"]
) -> np.ndarray | None:
    return None if rows is None else read_matrix(rows)[index]
