"""The paired bootstrap's interval is right in plain cases, and covers the truth."""

import inspect

import numpy as np
import pytest

from ganjax.errors import UsageError
from ganjax.evaluation import (
    Interval,
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
    assert found == Interval(0, 0, 0)
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


def test_only_an_interval_on_one_side_of_nothing_says_something():
    for low, high, says in (
        (0.1, 0.2, "gain"),
        (0.0, 0.2, "no significant difference"),
        (-0.1, 0.1, "no significant difference"),
        (-0.2, 0.0, "no significant difference"),
        (-0.2, -0.1, "loss"),
    ):
        assert significance(Interval((low + high) / 2, low, high)) == says


def test_with_one_generator_and_one_classifier_it_is_the_spread_of_a_mean():
    """Of n differences of standard deviation s: 1.96 s / sqrt(n - 1) to each side."""
    arm, base = answers((1, 1, 100), 0.8, 0), answers((1, 1, 100), 0.6, 1)
    found = paired_bootstrap(arm, base, resamples=5000)
    spread = 1.96 * (arm * 1.0 - base).std() / 99**0.5
    assert found.mean - found.low == pytest.approx(spread, rel=0.07)
    assert found.high - found.mean == pytest.approx(spread, rel=0.07)


def test_three_generators_that_differ_widen_the_interval_as_three_do():
    rate = np.array([0.0, 0.5, 1.0])
    arm = np.arange(40) < 40 * rate[:, None, None]
    arm = np.repeat(arm, 2, axis=1)
    found = paired_bootstrap(arm, np.zeros((1, 2, 40), bool), resamples=4000)
    rng, n = np.random.default_rng(1), 3
    drawn = 1 + 1.5**0.5 * (rng.multinomial(n, [1 / n] * n, 4000) - 1)
    means = drawn @ rate / 3
    low, high = np.quantile(means, [0.025, 0.975])
    assert found.mean == 0.5
    assert found.low < low + 0.03 and found.high > high - 0.03
    assert found.low > low - 0.15 and found.high < high + 0.15


def test_the_seed_and_the_number_of_resamples_are_those_that_are_asked_for():
    arm, base = answers((3, 2, 50), 0.8, 0), answers((3, 2, 50), 0.6, 1)
    found = paired_bootstrap(arm, base)
    assert found == paired_bootstrap(arm, base, None, resamples=2000, seed=0)
    evenly = paired_bootstrap(arm, base, np.full(50, 2.5))
    np.testing.assert_allclose(evenly, found, rtol=1e-9)
    assert found.low != paired_bootstrap(arm, base, seed=1).low
    one = paired_bootstrap(arm, base, resamples=1)
    assert one.low == one.high != found.low


def test_weights_of_classes_have_a_mean_of_one():
    weight = balanced_weights(np.array([3, 0, 3, 3, 9, 0]))
    np.testing.assert_allclose(weight, [2 / 3, 1, 2 / 3, 2 / 3, 2, 1])


def test_predictions_of_other_classifiers_or_images_are_refused():
    """By the function itself, where nothing checks the shapes before it."""
    arm, score = answers((2, 3, 9), 0.5, 0), inspect.unwrap(paired_bootstrap)
    for shape in ((1, 2, 9), (2, 3, 8)):
        with pytest.raises(UsageError, match="cannot be paired"):
            score(arm, answers(shape, 0.5, 1))
    assert score(arm, arm) == Interval(0, 0, 0)
