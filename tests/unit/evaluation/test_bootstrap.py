"""The paired bootstrap's interval is right in plain cases, and covers the truth."""

import numpy as np
import pytest

from ganjax.errors import UsageError
from ganjax.evaluation import (
    BootstrapInterval,
    balanced_weights,
    paired_bootstrap,
    significance,
)


def answers(shape, rate, seed):
    return np.random.default_rng(seed).random(shape) < rate


def test_a_gain_is_the_mean_difference_between_its_bounds():
    arm, base = answers((5, 3, 400), 0.9, 0), answers((1, 3, 400), 0.7, 1)
    found = paired_bootstrap(arm, base)
    assert found.mean == pytest.approx(arm.mean() - base.mean())
    assert found.low < found.mean < found.high
    assert significance(found) == "gain"
    assert significance(paired_bootstrap(np.tile(base, (5, 1, 1)), arm)) == "loss"


def test_the_same_answers_gain_nothing_and_are_sure_of_it():
    base = answers((1, 3, 50), 0.7, 1)
    found = paired_bootstrap(np.tile(base, (4, 1, 1)), base)
    assert found == BootstrapInterval(0, 0, 0)
    assert significance(found) == "no significant difference"


def test_the_bounds_are_those_of_redrawing_one_after_another():
    arm, base = answers((3, 2, 20), 0.8, 2), answers((3, 2, 20), 0.5, 3)
    weight = np.random.default_rng(4).uniform(0.5, 2, 20)
    rng, by_pair, means = np.random.default_rng(5), arm * 1.0 - base, []
    for _ in range(2000):
        g, c, i = (
            1
            + (n / (n - 1)) ** 0.5
            * (np.bincount(rng.integers(0, n, n), minlength=n) - 1)
            for n in by_pair.shape
        )
        drawn = by_pair * g[:, None, None] * c[:, None] * i * weight
        means.append(drawn.sum() / (6 * (i * weight).sum()))
    found = paired_bootstrap(arm, base, weight, resamples=2000)
    low, high = np.quantile(means, [0.025, 0.975])
    np.testing.assert_allclose(found[1:], (low, high), atol=0.03)
    wanted = (by_pair * weight).sum() / (6 * weight.sum())
    assert found.mean == pytest.approx(wanted)


def test_without_a_gain_the_interval_has_nothing_in_it_nearly_always():
    said = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        hard = rng.random(100)  # the same for both
        arm, base = (rng.normal(0, 0.3, (n, 3, 100)) < hard for n in (4, 1))
        found = paired_bootstrap(arm, base, resamples=200)
        said += significance(found) != "no significant difference"
    assert said <= 10  # of 100, where 5 would be exact


def test_a_rare_class_counts_as_much_as_any():
    labels = np.array([0] * 90 + [7] * 10)
    weight = balanced_weights(labels)
    assert weight[:90].sum() == pytest.approx(weight[90:].sum()) == pytest.approx(50)
    right = (labels == 0)[None, None]
    found = paired_bootstrap(right, np.zeros_like(right), weight)
    assert found.mean == pytest.approx(0.5)


def test_unlike_shapes_are_refused():
    with pytest.raises(
        UsageError, match=r"\(3, 3, 9\) and \(2, 3, 9\) cannot be paired"
    ):
        paired_bootstrap(answers((3, 3, 9), 0.5, 0), answers((2, 3, 9), 0.5, 0))
