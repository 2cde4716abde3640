"""FLD against mixtures in float64, and on samples that are good, poor and copied."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.special import logsumexp

from ganjax import evaluation
from ganjax.errors import UsageError
from ganjax.evaluation import likelihood


def draw(n=120, f=4, seed=0, scale=1.0):
    return scale * np.random.default_rng(seed).normal(size=(n, f))


TRAIN, HELD_OUT, FRESH = draw(200), draw(seed=1), draw(seed=2)


def mean_log_density(data, centers, log_variances, to_mean=None):
    """Of a mixture, in which the last component may be the one around the mean."""
    f = centers.shape[1]
    log_normal = lambda d2, s: -f / 2 * (np.log(2 * np.pi) + s) - d2 / (2 * np.exp(s))
    logs = log_normal(cdist(data, centers) ** 2, log_variances[: len(centers)])
    logs -= np.log(len(centers))
    if to_mean is not None:
        logs = np.column_stack([logs, log_normal(to_mean, log_variances[-1])])
    return logsumexp(logs, axis=1).mean()


def test_surprise_is_that_of_a_mixture_of_gaussians():
    log_variances = np.random.default_rng(3).normal(size=120).astype(np.float32)
    found = likelihood._surprise(FRESH, log_variances, HELD_OUT)
    wanted = -mean_log_density(HELD_OUT, FRESH, log_variances) / 4
    assert found == pytest.approx(wanted, rel=1e-5)


def test_no_other_variance_makes_the_training_data_much_more_likely():
    fitted = likelihood._fit(FRESH, TRAIN)
    to_mean = likelihood.SHORTENED * np.square(TRAIN - TRAIN.mean(0)).sum(1)
    # The variance of the component around the mean is not returned: take its best.
    best = lambda logs: max(
        mean_log_density(TRAIN, FRESH, np.append(logs, s), to_mean)
        for s in np.linspace(-4, 4, 81)
    )
    at_best = best(fitted)
    for change in (-0.5, 0.5):
        assert best(fitted + change) < at_best
    rng = np.random.default_rng(0)
    for _ in range(5):
        assert best(fitted + 0.3 * rng.normal(size=120)) < at_best


def test_fresh_samples_are_as_good_as_training_data_and_poor_ones_are_not():
    good = evaluation.feature_likelihood(FRESH, TRAIN, HELD_OUT)
    poor = evaluation.feature_likelihood(FRESH + 1, TRAIN, HELD_OUT)
    assert abs(good.divergence) < 10 and abs(good.gap) < 15
    assert poor.divergence > good.divergence + 5


def test_samples_of_one_of_two_modes_leave_the_other_unlikely():
    two = lambda rows: rows + 8 * (np.arange(len(rows)) % 2)[:, None]
    real = two(TRAIN), two(HELD_OUT)
    both = evaluation.feature_likelihood(two(FRESH), *real)
    one = evaluation.feature_likelihood(FRESH, *real)
    assert one.divergence > both.divergence + 10


def test_copies_make_held_out_data_unlikely():
    fresh = evaluation.feature_likelihood(FRESH, TRAIN, HELD_OUT)
    half = np.concatenate([FRESH[:60], TRAIN[:60]])
    some = evaluation.feature_likelihood(half, TRAIN, HELD_OUT)
    copied = evaluation.feature_likelihood(TRAIN, TRAIN, HELD_OUT)
    assert copied.divergence > some.divergence > fresh.divergence
    assert copied.gap < some.gap < fresh.gap
    assert np.isfinite([*copied, *some]).all()


def test_the_units_of_features_and_those_that_never_vary_do_not_matter():
    wanted = evaluation.feature_likelihood(FRESH, TRAIN, HELD_OUT)
    scale, shift = np.array([1.0, 8.0, 0.25, 2.0]), np.arange(4.0)
    moved = (rows * scale + shift for rows in (FRESH, TRAIN, HELD_OUT))
    assert evaluation.feature_likelihood(*moved) == pytest.approx(wanted, rel=1e-3)
    more = (np.pad(rows, ((0, 0), (0, 2))) for rows in (FRESH, TRAIN, HELD_OUT))
    assert evaluation.feature_likelihood(*more) == pytest.approx(wanted, rel=1e-3)


def test_of_large_sets_some_are_taken_by_the_seed():
    found = [
        evaluation.feature_likelihood(FRESH, TRAIN, HELD_OUT, max_rows=60, seed=seed)
        for seed in (0, 0, 1)
    ]
    assert found[0] == found[1] != found[2]


@pytest.mark.parametrize(
    ("sets", "says"),
    [
        ((FRESH, TRAIN[:3], HELD_OUT), "3 training .* give 4"),
        ((FRESH[:, :2], TRAIN, HELD_OUT), "width 2 and 4"),
        ((FRESH, TRAIN, np.ones((9, 4))), "all the same"),
    ],
)
def test_what_has_no_likelihood_is_refused(sets, says):
    with pytest.raises(UsageError, match=says):
        evaluation.feature_likelihood(*sets)
