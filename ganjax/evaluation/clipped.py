"""Clipped density and clipped coverage: fidelity and diversity on calibrated scales.

Density and coverage have no value that means "half of the samples are bad": outliers of the
real data have huge balls in which everything lies, one sample in many balls hides others
that are in none, and the value of perfect samples depends on their number. Salvy et al.
(2025) clip radii and counts and relate the result to what real data gets, so that a score
of 0.8 is that of 80 % good samples and 20 % bad ones.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.special import betaln, gammaln

from ganjax.evaluation.distances import (
    Rows,
    tolerance,
)
from ganjax.evaluation.feature_metric import FeatureMetrics, has_at_least
from ganjax.evaluation.metric import higher_is_better
from ganjax.evaluation.prdc import (
    METRICS as PRDC,
    BallCounts,
    Balls,
    K,
    ball_counts,
    clipped_squared_radii,
    prdc_from_counts,
)


# In the order of `ClippedScores`.
METRICS = (
    higher_is_better(
        "clipped_density", "Equivalent fraction of samples that are like real data."
    ),
    higher_is_better(
        "clipped_coverage", "Equivalent fraction of the real data that samples cover."
    ),
)


class ClippedScores(NamedTuple):
    """Both scores, 0 (worst) to 1, as equivalent fractions of good samples."""

    density: float
    coverage: float


def clipped_scores(
    real: Float[np.ndarray, "n f"] | Rows,
    fake: Float[np.ndarray, "m _"] | Rows,
    k: int = K,
) -> ClippedScores:
    """Computes clipped density and clipped coverage (Salvy et al., 2025).

    Density: the radius of a real ball is at most the median radius, and a sample in more
    than k balls counts as one in k. The mean of min(1, balls / k) over the samples is
    divided by that of the real images among themselves, and is at most 1.

    Coverage: the mean over real images of min(1, samples in its ball / k), with balls as in
    coverage. Good samples that are m of all have an expectation that is known in closed
    form (`expected_coverage`); the score is the fraction m / all whose expectation it is.

    Args:
        real: features of real images.
        fake: features of samples.
        k: which nearest neighbor a ball reaches to.

    Raises:
        UsageError: a set of k or fewer vectors, NaN or infinity, or unequal widths.
    """
    return _clipped_from_counts(*ball_counts(real, fake, k))


def expected_coverage(n: int, m: int, k: int) -> Float[np.ndarray, " counts"]:
    """Returns the clipped coverage that 0, 1, ..., m good samples have on average.

    The probability of a ball that reaches to the k-th of the n - 1 other real vectors has
    the distribution Beta(k, n - k), whatever the data. The number J of i good samples in it
    is therefore beta-binomial, and the expectation of min(J, k) / k is the sum over j < k
    of P(J > j), over k.

    Args:
        n: the number of real images, above k.
        m: the number of samples.
        k: which nearest neighbor a ball reaches to.
    """
    samples = np.arange(m + 1)
    at_most = np.zeros(m + 1)  # P(J <= j)
    expected = np.zeros(m + 1)
    for j in range(k):
        rest = np.maximum(samples - j, 0)
        log_choose = gammaln(samples + 1) - gammaln(rest + 1) - gammaln(j + 1)
        log_p = log_choose + betaln(k + j, n - k + rest) - betaln(k, n - k)
        # Of fewer than j samples never j are in a ball.
        at_most += np.where(samples >= j, np.exp(log_p), 0)
        expected += 1 - at_most
    return np.maximum(expected, 0) / k


def _clipped_from_counts(real: Balls, counts: BallCounts) -> ClippedScores:
    k = real.k
    n, m = len(counts.in_real), len(counts.around_fake)
    # A ball contains no other real vectors than its k neighbors, and after clipping only
    # some of these.
    radii = clipped_squared_radii(real) + tolerance(real.set)
    inside = real.squared_distances <= radii[:, None]
    around_real = np.bincount(real.neighbors[inside], minlength=n)
    of_fake = np.minimum(counts.clipped_around_fake / k, 1).mean()
    of_real = np.minimum(around_real / k, 1).mean()

    covered = np.minimum(counts.in_real / k, 1).mean()
    # The expectation rises with the number of good samples, so that it can be inverted.
    good = np.interp(covered, expected_coverage(n, m, k), np.arange(m + 1))
    return ClippedScores(
        density=float(min(1.0, of_fake / of_real)), coverage=float(good / m)
    )


def _all_scores(real: np.ndarray | Rows, fake: np.ndarray | Rows) -> tuple[float, ...]:
    real_balls, counts = ball_counts(real, fake, K)
    clipped = _clipped_from_counts(real_balls, counts)
    return (*prdc_from_counts(counts, K), *clipped)


CLIPPED_METRICS = FeatureMetrics(
    METRICS,
    lambda real, fake: clipped_scores(real.rows, fake.rows),
    has_at_least(K + 1),
)
# These and precision, recall, density and coverage from one pass over the distances.
BALL_METRICS = FeatureMetrics(
    (*PRDC, *METRICS),
    lambda real, fake: _all_scores(real.rows, fake.rows),
    has_at_least(K + 1),
)
