"""Intervals cover the truth as often as they say, and few seeds conclude nothing."""

from functools import partial
from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from ganjax import evaluation
from ganjax.errors import UsageError
from ganjax.evaluation import Direction, FeatureSet, Interval


def normal(shape, seed, shift=0.0):
    return np.random.default_rng(seed).normal(size=shape) + shift


def test_the_interval_of_a_mean_is_that_of_its_standard_error():
    values = normal(80, 0, shift=5)
    found = evaluation.bootstrap_interval(values, resamples=5000)
    margin = 1.96 * values.std(ddof=1) / 80**0.5
    assert found.mean == pytest.approx(values.mean())
    assert found.high - found.mean == pytest.approx(margin, rel=0.1)
    assert found.mean - found.low == pytest.approx(margin, rel=0.1)
    half = evaluation.bootstrap_interval(values, level=0.5)
    assert half.high - half.low < 0.5 * (found.high - found.low)


def spread_of(score, n, repeats, shape):
    """The standard deviation of a score over new samples."""
    found = [score(normal((n, *shape), 100 + i)) for i in range(repeats)]
    return np.std(found, ddof=1)


@pytest.mark.parametrize(
    "score",
    [
        evaluation.frechet_distance,
        evaluation.kernel_distance,
        partial(evaluation.mind, projections=50),
    ],
    ids=["frechet", "kernel", "mind"],
)
def test_half_samples_vary_as_new_samples_do(score):
    real = normal((300, 4), 0)
    compute = lambda real, fake: score(np.asarray(real.rows), read(fake))
    lengths = []
    for seed in range(1, 7):
        fake = normal((200, 4), seed, shift=0.2)
        found = evaluation.score_interval(
            compute, FeatureSet(real), FeatureSet(fake), resamples=60
        )
        assert found.mean == pytest.approx(score(real, fake))
        assert found.low < found.mean < found.high
        lengths.append(found.high - found.low)
    wanted = 2 * 1.96 * spread_of(lambda x: score(real, x + 0.2), 200, 60, (4,))
    assert np.mean(lengths) == pytest.approx(wanted, rel=0.25)


def read(images):
    rows = images.rows
    return rows if isinstance(rows, np.ndarray) else rows.read(slice(None), slice(None))


def test_halves_keep_what_is_known_of_each_sample_and_draw_none_twice():
    rows = np.arange(20.0)[:, None]
    fake = FeatureSet(rows, probabilities=rows / 20, labels=np.arange(20))
    sizes = []

    def score(real, half):
        found = read(half)[:, 0]
        sizes.append(len(found))
        assert len(np.unique(found)) == len(found)
        if half is not fake:
            np.testing.assert_array_equal(half.labels, found)
            np.testing.assert_allclose(half.probabilities[:, 0], found / 20)
        return float(found.mean()) + float(read(real).mean())

    real = FeatureSet(np.zeros((9, 1)))
    fixed = evaluation.score_interval(score, real, fake, resamples=7)
    assert sizes == [10] * 7 + [20]
    varied = evaluation.score_interval(
        score, FeatureSet(normal((9, 1), 0)), fake, resamples=7, resample_real=True
    )
    assert fixed.mean == 9.5 and varied.low < varied.mean < varied.high


def test_the_interval_over_seeds_is_student_s():
    scores = normal(6, 0)
    found = evaluation.over_seeds(scores)
    wanted = stats.t.interval(0.95, 5, scores.mean(), stats.sem(scores))
    assert found.interval == pytest.approx((scores.mean(), *wanted))
    assert (found.seeds, found.enough) == (6, True)
    assert found.spread == pytest.approx(scores.std(ddof=1))


def test_it_covers_the_truth_in_nineteen_of_twenty_cases():
    covered = 0
    for seed in range(400):
        low, high = evaluation.over_seeds(normal(4, seed)).interval[1:]
        covered += low < 0 < high
    assert 0.92 < covered / 400 < 0.98


def test_one_or_two_seeds_are_not_enough():
    one = evaluation.over_seeds(np.array([3.0]))
    assert one.interval == (3, -np.inf, np.inf) and not one.enough
    assert np.isnan(one.spread)
    two = evaluation.compare_over_seeds(np.array([1.0, 1.1]), np.array([9.0, 9.1]))
    assert two.conclusion == "too few seeds to compare"
    assert two.difference.mean == pytest.approx(-8)


def test_pairs_of_seeds_show_what_the_seed_alone_would_hide():
    of_seed = 10 * normal(5, 0)
    noise = 0.1 * normal((2, 5), 1)
    found = evaluation.compare_over_seeds(of_seed + 1 + noise[0], of_seed + noise[1])
    assert found.conclusion == "higher" and found.seeds == 5
    swapped = evaluation.compare_over_seeds(of_seed + noise[1], of_seed + 1 + noise[0])
    assert swapped.conclusion == "lower"
    assert swapped.difference.mean == pytest.approx(-found.difference.mean)
    # Other seeds for the second method: the difference drowns.
    unpaired = evaluation.compare_over_seeds(of_seed + 1, np.roll(of_seed, 1))
    assert unpaired.conclusion == "no significant difference"


@pytest.mark.parametrize("direction", [Direction.LOWER, Direction.HIGHER])
@pytest.mark.parametrize("k", [1, 2, 5, 7])
def test_the_expected_best_is_the_mean_over_all_subsets(direction, k):
    scores = normal(7, 0)
    best = min if direction is Direction.LOWER else max
    wanted = np.mean([best(subset) for subset in combinations(scores, k)])
    assert evaluation.expected_best(scores, k, direction) == pytest.approx(wanted)


def test_the_expected_best_of_very_many_runs_is_a_number():
    scores = np.arange(3000.0)
    found = evaluation.expected_best(scores, 2000, Direction.LOWER)
    assert found == pytest.approx(3001 / 2001 - 1)  # of the least of k of 0..n-1


def test_as_many_seeds_as_are_needed_see_the_difference_and_fewer_do_not():
    n = evaluation.seeds_needed(difference=1.0, spread=1.2)
    seen = lambda n: np.mean(
        [
            evaluation.over_seeds(1.2 * normal(n, seed) + 1).interval.low > 0
            for seed in range(400)
        ]
    )
    assert seen(n) > 0.75 > seen(n // 2)
    assert evaluation.seeds_needed(1.0, 0.0) == evaluation.seeds_needed(-50, 0.1) == 3
    wanted = ((1.959964 + 0.841621) / 0.01) ** 2
    assert evaluation.seeds_needed(0.01, 1.0) == pytest.approx(wanted, rel=1e-3)


def test_half_the_difference_needs_four_times_the_samples():
    interval = Interval(10, 9, 11)
    one = evaluation.samples_needed(1.0, interval, 5000)
    assert evaluation.samples_needed(0.5, interval, 5000) == pytest.approx(
        4 * one, abs=4
    )
    # 2 (1.96 + 0.84)^2 s^2 / d^2 of samples with s = 5000^(1/2) / 1.96.
    assert one == pytest.approx(2 * 2.8016**2 * 5000 / 1.95996**2, rel=1e-3)


@pytest.mark.parametrize(
    ("fails", "says"),
    [
        (lambda x: evaluation.over_seeds(x[:0]), "1 or more finite"),
        (lambda x: evaluation.over_seeds(x / np.inf * np.inf), "finite"),
        (lambda x: evaluation.bootstrap_interval(x[:1]), "2 or more"),
        (lambda x: evaluation.compare_over_seeds(x, x[:3]), "5 and 3 runs"),
        (
            lambda x: evaluation.expected_best(x, 6, Direction.LOWER),
            "best of 6 .* from 5",
        ),
        (
            lambda x: evaluation.expected_best(x, 2, Direction.NEITHER),
            "higher or lower",
        ),
        (lambda x: evaluation.seeds_needed(0.0, 1.0), "difference of 0"),
        (
            lambda x: evaluation.score_interval(
                lambda real, fake: 0.0, FeatureSet(x[:, None]), FeatureSet(x[:3, None])
            ),
            "four samples",
        ),
    ],
)
def test_what_says_nothing_is_refused(fails, says):
    with pytest.raises(UsageError, match=says), np.errstate(invalid="ignore"):
        fails(normal(5, 0))
