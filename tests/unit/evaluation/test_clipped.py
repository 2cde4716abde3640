"""Clipped density and coverage by their definition, and on shares of good samples."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import betabinom

from ganjax import evaluation
from ganjax.errors import UsageError
from ganjax.evaluation import clipped, distances


def draw(n=150, f=5, seed=0, shift=0.0):
    return np.random.default_rng(seed).normal(size=(n, f)) + shift


def brute(real, fake, k):
    """Both scores from whole matrices of distances."""
    n, m = len(real), len(fake)
    within, between = cdist(real, real), cdist(real, fake)
    np.fill_diagonal(within, np.inf)
    radius = np.sort(within, 1)[:, k - 1]
    clipped_radius = np.minimum(radius, np.median(radius)) * (1 + 1e-9)
    balls = lambda d: np.minimum((d <= clipped_radius[:, None]).sum(0) / k, 1).mean()
    density = min(1, balls(between) / balls(within))
    covered = np.minimum((between < radius[:, None]).sum(1) / k, 1).mean()
    counts = np.arange(k + 1)
    expected = np.zeros(m + 1)
    for i in range(1, m + 1):
        p = betabinom.pmf(counts, i, k, n - k)
        expected[i] = p @ counts / k + (1 - p.sum())
    return density, np.interp(covered, expected, np.arange(m + 1) / m)


@pytest.mark.parametrize("k", [1, 5])
@pytest.mark.parametrize("block", [distances.BLOCK_SIZE, 2000])
def test_scores_are_those_of_the_definition(monkeypatch, k, block):
    monkeypatch.setattr(distances, "BLOCK_SIZE", block)
    real, fake = draw(), draw(130, seed=1, shift=0.7)
    found = evaluation.clipped_scores(real, fake, k)
    assert found == pytest.approx(brute(real, fake, k), abs=1e-9)


def test_the_expected_coverage_is_what_real_data_gets():
    rng = np.random.default_rng(0)
    n, m, k = 60, 40, 3
    found = []
    for _ in range(300):
        between_edges = rng.random((n + m, 1))
        real, fake = between_edges[:n], between_edges[n:]
        within = cdist(real, real)
        radius = np.sort(within, 1)[:, k]
        inside = (cdist(real, fake) < radius[:, None]).sum(1)
        found.append(np.minimum(inside / k, 1).mean())
    expected = clipped.expected_coverage(n, m, k)
    error = np.std(found) / np.sqrt(len(found))
    assert abs(np.mean(found) - expected[-1]) < 4 * error
    assert expected[0] == 0 and (np.diff(expected) > 0).all()


@pytest.mark.parametrize("good", [0.0, 0.3, 0.7, 1.0])
def test_scores_are_the_fraction_of_good_samples(good):
    real = draw(1000, 3)
    count = int(1000 * good)
    fake = np.concatenate([draw(count, 3, seed=1), draw(1000 - count, 3, 2, shift=99)])
    found = evaluation.clipped_scores(real, fake)
    assert found == pytest.approx((good, good), abs=0.08)


def test_an_outlier_of_the_real_data_makes_no_sample_good():
    real = np.concatenate([draw(200), draw(2, shift=1e3)])
    fake = draw(100, seed=1, shift=50)
    assert evaluation.prdc(real, fake).precision == 1
    assert evaluation.clipped_scores(real, fake).density == 0


def test_all_six_scores_come_from_one_pass():
    real, fake = draw(), draw(seed=1, shift=0.3)
    found = clipped.BALL_METRICS.compute(
        evaluation.FeatureSet(real), evaluation.FeatureSet(fake)
    )
    wanted = *evaluation.prdc(real, fake), *evaluation.clipped_scores(real, fake)
    assert found == pytest.approx(wanted)


def test_too_few_vectors_are_refused():
    with pytest.raises(UsageError, match="5 generated .* give 6"):
        evaluation.clipped_scores(draw(), draw(5))
