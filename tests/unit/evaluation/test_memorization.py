"""Tests of copying by brute force, by SciPy, and on samples of which some are copies."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import mannwhitneyu

from ganjax import evaluation
from ganjax.errors import UsageError


def draw(n=200, f=4, seed=0, shift=0.0):
    return np.random.default_rng(seed).normal(size=(n, f)) + shift


TRAIN, HELD_OUT, FRESH = draw(), draw(seed=1), draw(seed=2)


def test_authenticity_is_that_of_the_definition():
    between, within = cdist(FRESH, TRAIN), cdist(TRAIN, TRAIN)
    np.fill_diagonal(within, np.inf)
    nearest = between.argmin(1)
    wanted = (within.min(1)[nearest] < between.min(1)).mean()
    assert evaluation.authenticity(FRESH, TRAIN) == pytest.approx(wanted)


def test_copies_are_not_authentic_and_other_real_data_is_as_authentic_as_samples():
    assert evaluation.authenticity(TRAIN[:50], TRAIN) == 0
    assert evaluation.authenticity(TRAIN + 1e-6, TRAIN) == 0
    of_real, of_fake = (evaluation.authenticity(x, TRAIN) for x in (HELD_OUT, FRESH))
    assert of_fake == pytest.approx(of_real, abs=0.1)
    assert evaluation.authenticity(FRESH + 50, TRAIN) > 0.99


def test_a_copy_of_what_occurs_twice_in_the_training_set_is_no_new_image():
    twice = np.concatenate([TRAIN, TRAIN])
    assert evaluation.authenticity(TRAIN[:50], twice) == 0


def test_the_test_is_that_of_mann_and_whitney():
    near = lambda x: cdist(x, TRAIN).min(1)
    u = mannwhitneyu(near(FRESH[:150]), near(HELD_OUT)).statistic
    n, m = 150, 200
    wanted = (u - n * m / 2) / np.sqrt(n * m * (n + m + 1) / 12)
    found = evaluation.mann_whitney_copying(FRESH[:150], TRAIN, HELD_OUT)
    assert found == pytest.approx(wanted)


@pytest.mark.parametrize("test", [evaluation.mann_whitney_copying, evaluation.c_t])
def test_only_copies_are_far_below_zero(test):
    assert abs(test(FRESH, TRAIN, HELD_OUT)) < 3
    assert test(HELD_OUT, TRAIN, HELD_OUT) == pytest.approx(0, abs=1e-9)
    half = np.concatenate([FRESH[:100], TRAIN[:100]])
    assert test(TRAIN, TRAIN, HELD_OUT) < test(half, TRAIN, HELD_OUT) < -3
    assert test(FRESH + 0.8, TRAIN, HELD_OUT) > 3


def test_copies_in_one_cell_are_not_hidden_by_far_samples_in_another():
    train, held_out, fresh = (
        np.concatenate([draw(seed=seed), draw(seed=seed + 9, shift=30)])
        for seed in (0, 1, 2)
    )
    fake = np.concatenate([train[:200], fresh[200:] + 2])
    whole = evaluation.mann_whitney_copying(fake, train, held_out)
    by_cell = [
        evaluation.mann_whitney_copying(fake[part], train[part], held_out[part])
        for part in (slice(0, 200), slice(200, 400))
    ]
    found = evaluation.c_t(fake, train, held_out, cells=2)
    assert found == pytest.approx(np.mean(by_cell), abs=1e-9)
    assert by_cell[0] < -3 < 3 < by_cell[1] and abs(whole) < min(map(abs, by_cell))


def test_without_a_cell_of_enough_samples_the_whole_space_is_one():
    found = evaluation.c_t(FRESH[:12], TRAIN, HELD_OUT)
    wanted = evaluation.mann_whitney_copying(FRESH[:12], TRAIN, HELD_OUT)
    assert found == pytest.approx(wanted)


def test_features_that_cannot_be_compared_are_refused():
    for fails in (
        lambda: evaluation.authenticity(FRESH[:, :2], TRAIN),
        lambda: evaluation.c_t(FRESH, TRAIN, HELD_OUT[:, :2]),
        lambda: evaluation.mann_whitney_copying(FRESH, TRAIN[:, :2], HELD_OUT),
    ):
        with pytest.raises(UsageError, match="cannot be compared"):
            fails()
    with pytest.raises(UsageError, match="1 training .* give 2"):
        evaluation.authenticity(FRESH, TRAIN[:1])
