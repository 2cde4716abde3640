"""Scores against the textbook, against brute force, and on cases that are plain."""

import numpy as np
import pytest
import scipy.linalg

from ganjax import evaluation
from ganjax.errors import UsageError
from ganjax.evaluation import distances


def draw(n=200, f=6, seed=0, scale=1.0, shift=0.0):
    rng = np.random.default_rng(seed)
    mix = np.random.default_rng(99).normal(size=(f, f))
    return (scale * rng.normal(size=(n, f)) @ mix + shift).astype(np.float32)


def with_moments(mean, covariance, n=64, seed=0):
    """Rows whose sample mean and covariance are exactly the given ones."""
    rows = np.random.default_rng(seed).normal(size=(n, len(mean)))
    rows -= rows.mean(0)
    rows = rows @ np.linalg.inv(np.linalg.cholesky(np.cov(rows, rowvar=False))).T
    return rows @ np.linalg.cholesky(covariance).T + mean


def test_frechet_of_known_gaussians():
    a = with_moments(np.zeros(3), np.diag([1.0, 4.0, 9.0]))
    b = with_moments(np.array([1.0, 2.0, 0.0]), np.diag([4.0, 1.0, 9.0]), seed=1)
    assert evaluation.frechet_distance(a, b) == pytest.approx(5 + 1 + 1, abs=1e-9)


def test_frechet_is_the_textbook_formula():
    a, b = draw(), draw(150, seed=1, scale=1.2, shift=0.3)
    s1, s2 = (np.cov(rows.astype(np.float64), rowvar=False) for rows in (a, b))
    gap = np.square(a.mean(0, np.float64) - b.mean(0, np.float64)).sum()
    want = gap + np.trace(s1 + s2 - 2 * scipy.linalg.sqrtm(s1 @ s2).real)
    assert evaluation.frechet_distance(a, b) == pytest.approx(want, rel=1e-9)


def test_frechet_of_fewer_samples_than_features_is_the_same_formula():
    a, b = draw(30, f=50), draw(20, f=50, seed=1, scale=1.2, shift=0.3)
    rows = np.linalg.qr(np.random.default_rng(0).normal(size=(50, 50)))[0]
    s1, s2 = (np.cov(rows.astype(np.float64), rowvar=False) for rows in (a, b))
    values, axes = np.linalg.eigh(s1)
    root = (axes * np.sqrt(np.maximum(values, 0))) @ axes.T
    cross = np.linalg.svd(root @ scipy.linalg.sqrtm(s2).real, compute_uv=False).sum()
    gap = np.square(a.mean(0, np.float64) - b.mean(0, np.float64)).sum()
    want = gap + np.trace(s1 + s2) - 2 * cross
    assert evaluation.frechet_distance(a, b) == pytest.approx(want, rel=1e-5)
    assert evaluation.frechet_distance(a @ rows, b @ rows) == pytest.approx(want, 1e-5)


def test_frechet_of_a_set_and_itself_is_zero_though_its_covariance_is_singular():
    a = draw(n=10, f=40)
    assert evaluation.frechet_distance(a, a) == pytest.approx(0, abs=1e-3)
    moved = evaluation.frechet_distance(a, a + np.float32(2))
    assert moved == pytest.approx(40 * 4, rel=1e-4)


def brute_prdc(real, fake, k):
    between = lambda a, b: np.linalg.norm(a[:, None] - b[None], axis=-1)
    radius = lambda rows: np.sort(between(rows, rows), axis=1)[:, k]
    d, r, f = between(real, fake), radius(real), radius(fake)
    return (
        (d < r[:, None]).any(0).mean(),
        (d < f[None]).any(1).mean(),
        (d < r[:, None]).sum(0).mean() / k,
        (d.min(1) < r).mean(),
    )


@pytest.mark.parametrize("k", [1, 5])
@pytest.mark.parametrize("block", [distances.BLOCK_SIZE, 1000])
def test_prdc_is_brute_force(monkeypatch, k, block):
    monkeypatch.setattr(distances, "BLOCK_SIZE", block)
    real, fake = draw(), draw(170, seed=1, scale=1.3, shift=0.8)
    want = brute_prdc(real.astype(np.float64), fake.astype(np.float64), k)
    assert evaluation.prdc(real, fake, k) == pytest.approx(want, abs=1e-12)


def test_prdc_of_points_on_a_grid_counts_none_on_the_surface_of_a_ball():
    """Of whole numbers the distances are exact, though the center is not."""
    rng = np.random.default_rng(1)
    for side, f, k in ((4, 3, 3), (9, 2, 2)):
        real = rng.integers(0, side, (50, f)) * 1.0
        fake = rng.integers(1, side + 1, (40, f)) * 1.0
        assert evaluation.prdc(real, fake, k) == pytest.approx(
            brute_prdc(real, fake, k), abs=1e-12
        )


def test_prdc_of_a_set_and_itself_counts_no_ties():
    real = draw()
    want = evaluation.PRDC(1.0, 1.0, 1.0, 1.0)
    assert evaluation.prdc(real + 100, real[::-1] + 100) == want


def test_prdc_of_a_set_that_is_elsewhere():
    assert evaluation.prdc(draw(), draw(shift=1e3)) == (0.0, 0.0, 0.0, 0.0)


def test_order_does_not_matter():
    real, fake = draw(), draw(170, seed=1, scale=1.3)
    mixed_real, mixed_fake = (
        np.random.default_rng(5).permutation(rows) for rows in (real, fake)
    )
    assert evaluation.prdc(mixed_real, mixed_fake) == evaluation.prdc(real, fake)
    assert evaluation.frechet_distance(mixed_real, mixed_fake) == pytest.approx(
        evaluation.frechet_distance(real, fake), rel=1e-9
    )


def test_copies_show():
    train, held_out, fresh = draw(300), draw(300, seed=1), draw(300, seed=2)
    honest = evaluation.copies(fresh, train, held_out)
    assert honest.ratio == pytest.approx(1, abs=0.1)
    assert honest.close < 0.04

    caught = evaluation.copies(train[50:80], train, held_out)
    assert caught.ratio == 0 and caught.close == 1
    np.testing.assert_array_equal(caught.fake.index, np.arange(50, 80))
    np.testing.assert_array_equal(caught.fake.distance, 0)

    some = np.concatenate([fresh[:90], train[:10]])
    assert evaluation.copies(some, train, held_out).close >= 0.1
    pairs = evaluation.closest_samples(evaluation.nearest_neighbors(some, train), 10)
    np.testing.assert_array_equal(np.sort(pairs), np.arange(90, 100))


def test_copies_are_told_by_medians_and_by_the_nearest_hundredth():
    """So that a few samples that are far from everything do not hide copies."""
    train, held_out = draw(300), draw(300, seed=1)
    fake = np.concatenate([draw(280, seed=2), train[:10] + 0.1, train[:10] + 1000])
    near = lambda x: np.linalg.norm(x[:, None] - train[None], axis=-1).min(1)
    wanted = np.median(near(fake)) / np.median(near(held_out))
    found = evaluation.copies(fake, train, held_out)
    assert found.ratio == pytest.approx(wanted, rel=1e-4) and 0.9 < wanted < 1.1
    close = np.mean(near(fake) < np.quantile(near(held_out), 0.01))
    assert found.close == pytest.approx(close) and close > 0.03


def test_nearest_is_brute_force(monkeypatch):
    monkeypatch.setattr(distances, "BLOCK_SIZE", 700)
    a, b = draw(90).astype(np.float64), draw(110, seed=1).astype(np.float64)
    every = np.linalg.norm(a[:, None] - b[None], axis=-1)
    near = evaluation.nearest_neighbors(a, b)
    np.testing.assert_array_equal(near.index, every.argmin(1))
    np.testing.assert_allclose(near.distance, every.min(1), rtol=1e-12)


def test_modes_are_counted():
    centers = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    near_first = np.array([[0.1, 0.0], [0.0, 0.29], [-0.2, 0.0]])
    points = np.concatenate([near_first, [[10.0, 0.1], [5.0, 5.0], [0.0, 9.6]]])
    found = evaluation.modes(points, centers, radius=0.3)
    assert found.covered == 2 and found.quality == pytest.approx(4 / 6)
    np.testing.assert_array_equal(found.samples, [3, 1, 0])
    assert evaluation.modes(points, centers, radius=0.3, at_least=2).covered == 1
    assert evaluation.modes(points, centers, radius=0.5).covered == 3


def test_evaluate_names_every_score_with_its_features():
    train, held_out, fake = draw(300), draw(120, seed=1), draw(120, seed=2, shift=0.5)
    look = evaluation.points()
    scores = evaluation.evaluate(fake, train, held_out, look)
    assert set(scores) == {
        f"{name}/points"
        for name in (
            "frechet",
            "precision",
            "recall",
            "density",
            "coverage",
            "copies/ratio",
            "copies/close",
        )
    }
    assert scores["frechet/points"] == evaluation.frechet_distance(held_out, fake)
    assert all(type(value) is float for value in scores.values())

    real = evaluation.evaluate_real(train, held_out, look, count=120)
    assert set(real) == {key for key in scores if "copies" not in key}
    assert real["frechet/points"] < scores["frechet/points"]
    assert real == evaluation.evaluate_real(train, held_out, look, count=120)


def test_without_held_out_data_one_half_is_compared_with_the_other():
    """And nothing with itself, which would always lie in its own ball."""
    train, look = draw(200), evaluation.points()
    real = evaluation.evaluate_real(train, None, look, count=200, k=1)
    known = evaluation.reference(train, None, "points", k=1)
    assert real == evaluation.score_real(known, 200)
    for name in ("precision", "recall", "coverage"):
        assert 0.1 < real[f"{name}/points"] < 0.9


def test_each_score_of_evaluate_stands_under_its_own_name():
    """On sets whose four shares all differ, so that none can stand for another."""
    train, held_out = draw(90, seed=3), draw(200)
    fake = draw(170, seed=1, scale=1.2, shift=0.6)
    scores = evaluation.evaluate(fake, train, held_out, evaluation.points(), k=3)
    shares = evaluation.prdc(held_out, fake, k=3)._asdict()
    assert len({round(share, 2) for share in shares.values()}) == 4
    copies = evaluation.copies(fake, train, held_out)
    wanted = shares | {"copies/ratio": copies.ratio, "copies/close": copies.close}
    for name, value in wanted.items():
        assert scores[f"{name}/points"] == pytest.approx(value, abs=1e-9), name

    # What real data score is of training data, in the place of samples.
    real = evaluation.evaluate_real(train, held_out, evaluation.points(), 90, k=3)
    for name, value in evaluation.prdc(held_out, train, k=3)._asdict().items():
        assert real[f"{name}/points"] == pytest.approx(value, abs=1e-9), name


def test_class_balance():
    probabilities = np.array([[0.95, 0.05, 0.0], [0.2, 0.8, 0.0], [0.92, 0.08, 0.0]])
    balance = evaluation.class_balance(probabilities)
    thirds = pytest.approx(2 / 3), pytest.approx(1 / 3)
    assert balance == {
        "confident": thirds[0],
        "class/0": thirds[0],
        "class/1": thirds[1],
        "class/2": 0,
    }


def test_bad_input_is_a_mistake():
    good, nan = draw(30), np.full((30, 6), np.nan, np.float32)
    for score in (
        evaluation.frechet_distance,
        evaluation.prdc,
        evaluation.nearest_neighbors,
    ):
        with pytest.raises(UsageError, match="NaN"):
            score(good, nan)
        with pytest.raises(UsageError, match="cannot be compared"):
            score(good, good[:, :5])
    with pytest.raises(UsageError, match="too few"):
        evaluation.prdc(good, good[:5])
    with pytest.raises(UsageError, match="too few"):
        evaluation.frechet_distance(good[:1], good)
    with pytest.raises(UsageError, match="training images"):
        evaluation.copies(good, good, good)
    with pytest.raises(UsageError, match="radius"):
        evaluation.modes(good, good, radius=0.0)
    with pytest.raises(UsageError, match="at least one sample"):
        evaluation.class_balance(np.zeros((0, 3)))


def test_the_scores_that_are_announced_are_those_that_are_made():
    train, held_out, fake = draw(40), draw(30, seed=1), draw(20, seed=2)
    for unseen in (held_out, None):
        announced = evaluation.metrics_on("points", held_out=unseen is not None)
        scores = evaluation.evaluate(fake, train, unseen, evaluation.points())
        assert [metric.name for metric in announced] == [*scores]
    directions = {metric.name: metric.direction.name for metric in announced}
    assert directions == {
        "frechet/points": "LOWER",
        "precision/points": "HIGHER",
        "recall/points": "HIGHER",
        "density/points": "NEITHER",
        "coverage/points": "HIGHER",
    }
    copying = evaluation.metrics_on("x", held_out=True)[5:]
    assert [metric.direction.name for metric in copying] == ["NEITHER"] * 2
    assert [metric.aim for metric in copying] == [
        "1 without copying",
        "0.01 without copying",
    ]


@pytest.mark.parametrize("f", [6, 50])
def test_scores_of_few_and_of_many_features_are_those_of_each_metric(f):
    """More features than samples take another way to the same numbers."""
    train, held_out = draw(30, f, seed=3), draw(25, f)
    fake = draw(20, f, seed=1, scale=0.8, shift=0.3)
    scores = evaluation.evaluate(fake, train, held_out, evaluation.points())
    alone = evaluation.evaluate(fake, train, None, evaluation.points(), k=4)
    distance, copies = evaluation.frechet_distance, evaluation.copies
    assert evaluation.prdc(held_out, fake) == evaluation.prdc(held_out, fake, 5)
    wanted = evaluation.prdc(held_out, fake, 5)._asdict() | {
        "frechet": distance(held_out, fake),
        "copies/ratio": copies(fake, train, held_out).ratio,
        "copies/close": copies(fake, train, held_out).close,
    }
    assert len(scores) == len(wanted)
    for name, value in wanted.items():
        assert scores[f"{name}/points"] == pytest.approx(value, rel=1e-8), name
    wanted = evaluation.prdc(train, fake, 4)._asdict()
    wanted |= {"frechet": distance(train, fake)}
    assert len(alone) == len(wanted)
    for name, value in wanted.items():
        assert alone[f"{name}/points"] == pytest.approx(value, rel=1e-8), name


@pytest.mark.parametrize("f", [6, 50])
def test_real_scores_are_of_as_many_training_examples_as_there_are_samples(f):
    """They are drawn by one seed, and without held-out data from one half alone."""
    train, held_out, look = draw(60, f), draw(25, f, seed=1), evaluation.points()
    order = np.random.default_rng(0).permutation(60)
    for count, unseen, fake, real in (
        (18, held_out, train[order[:18]], held_out),
        (99, held_out, train, held_out),
        (18, None, train[order[:18]], train[order[30:]]),
        (99, None, train[order[:30]], train[order[30:]]),
    ):
        wanted = evaluation.prdc(real, fake, 4)._asdict()
        wanted |= {"frechet": evaluation.frechet_distance(real, fake)}
        found = evaluation.evaluate_real(train, unseen, look, count, k=4)
        known = evaluation.reference(train, unseen, "points", k=4)
        again = evaluation.score_real(known, count)
        assert len(found) == len(again) == len(wanted)
        for name, value in wanted.items():
            assert found[f"{name}/points"] == pytest.approx(value, rel=1e-8), name
            assert again[f"{name}/points"] == pytest.approx(value, rel=1e-8), name


ROWS = draw(40)
KNOWN = evaluation.reference(ROWS, None, "points")


def real(held_out, count=9):
    return evaluation.evaluate_real(ROWS, held_out, evaluation.points(), count)


MISTAKES = {
    "score few": (lambda: evaluation.score(KNOWN, ROWS[:5]), "5 generated .* give 6"),
    "score wide": (lambda: evaluation.score(KNOWN, ROWS[:, :5]), "width 5 and 6"),
    "few training": (
        lambda: evaluation.reference(ROWS[:5], None, "x"),
        "5 training .* give 6",
    ),
    "few held out": (
        lambda: evaluation.reference(ROWS, ROWS[:3], "x", 3),
        "3 held-out .* give 4",
    ),
    "wide held out": (
        lambda: evaluation.reference(ROWS, ROWS[:, :4], "x"),
        "width 6 and 4",
    ),
    "real few held out": (lambda: real(ROWS[:5]), "5 held-out .* give 6"),
    "real wide": (lambda: real(ROWS[:, :4]), "width 6 and 4"),
    "real few": (lambda: real(ROWS, 5), "5 training .* give 6"),
    "real few in half": (
        lambda: evaluation.evaluate_real(ROWS[:11], None, evaluation.points(), 9),
        "5 training .* give 6",
    ),
    "copies wide held out": (
        lambda: evaluation.copies(ROWS, ROWS, ROWS[:, :5]),
        "width 5 and 6",
    ),
    "copies wide": (lambda: evaluation.copies(ROWS[:, :5], ROWS, ROWS), "width 5"),
    "prdc few": (lambda: evaluation.prdc(ROWS[:5], ROWS), "5 real .* give 6"),
    "frechet few": (
        lambda: evaluation.frechet_distance(ROWS, ROWS[:1]),
        "1 generated .* give 2",
    ),
    "kernel few": (
        lambda: evaluation.kernel_distance(ROWS, ROWS[:1]),
        "1 generated .* give 2",
    ),
    "kernel wide": (
        lambda: evaluation.kernel_distance(ROWS, ROWS[:, :5]),
        "width 6 and 5",
    ),
    "discriminative wide": (
        lambda: evaluation.discriminative_scores(ROWS, ROWS[:, :5]),
        "width 6 and 5",
    ),
    "nearest of none": (
        lambda: evaluation.nearest_neighbors(ROWS, ROWS[:0]),
        "0 training",
    ),
    "one axis": (
        lambda: evaluation.nearest_neighbors(ROWS[0], ROWS),
        r"\[n, f\], not \[6\]",
    ),
    "negative radius": (lambda: evaluation.modes(ROWS, ROWS, -1.0), "radius"),
    "covered by none": (
        lambda: evaluation.modes(ROWS, ROWS, 1.0, at_least=0),
        "at least one",
    ),
    "no probability": (lambda: evaluation.class_balance(ROWS / np.nan), "no NaN"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_what_is_too_few_or_too_wide_to_be_compared_is_a_mistake(name):
    score, says = MISTAKES[name]
    with pytest.raises(UsageError, match=says):
        score()


def test_what_is_not_finite_is_found_in_the_last_block(monkeypatch):
    monkeypatch.setattr(distances, "BLOCK_SIZE", 20)
    rows = draw(10)
    for value in (np.nan, np.inf, -np.inf):
        rows[9, 5] = value
        with pytest.raises(UsageError, match="generated features contain NaN"):
            evaluation.nearest_neighbors(rows, draw(10))
    assert distances.all_finite(draw(10)) and distances.all_finite(rows[:9])


@pytest.mark.parametrize("f", [6, 50])
def test_frechet_is_the_same_in_blocks_and_never_below_zero(monkeypatch, f):
    a, b = draw(40, f), draw(45, f, seed=1, shift=0.3)
    whole = evaluation.frechet_distance(a, b)
    monkeypatch.setattr(distances, "BLOCK_SIZE", 97)
    assert evaluation.frechet_distance(a, b) == pytest.approx(whole, rel=1e-9)
    monkeypatch.undo()
    for seed in range(12):
        a = np.random.default_rng(seed).normal(size=(20, f // 2))
        assert evaluation.frechet_distance(a, a) >= 0


def test_copies_are_nearer_than_the_limit_and_listed_from_the_nearest():
    """Of 101 held-out examples at 1, 2, ... the nearest hundredth ends at 2."""
    train = np.zeros((1, 1))
    held_out = 1.0 + np.arange(101)[::-1, None]
    fake = np.array([[2.0], [1.5], [50.0], [-1.5], [0.5], [-2.0]])
    found = evaluation.copies(fake, train, held_out)
    assert found.close == 3 / 6
    assert found.ratio == pytest.approx(1.75 / 51)
    np.testing.assert_array_equal(found.held_out.distance, held_out[:, 0])
    np.testing.assert_array_equal(found.fake.distance, np.abs(fake[:, 0]))
    nearest = evaluation.closest_samples(found.fake, 5)
    np.testing.assert_array_equal(nearest, [4, 1, 3, 0, 5])


def test_of_equally_close_samples_the_first_come_first():
    near = np.random.default_rng(0).integers(0, 9, 50) / 2
    found = evaluation.NearestNeighbors(near, np.zeros(50, int))
    wanted = sorted(range(50), key=lambda row: (near[row], row))[:20]
    np.testing.assert_array_equal(evaluation.closest_samples(found, 20), wanted)


def test_held_out_examples_may_be_copies_if_they_are_not_most():
    train = np.arange(5.0)[:, None]
    some = np.concatenate([train[:2], train[:3] + 0.25])
    assert evaluation.copies(train + 0.5, train, some).ratio == pytest.approx(2)
    with pytest.raises(UsageError, match="hold out others"):
        evaluation.copies(train, train, np.concatenate([train[:3], train[:2] + 0.5]))


def test_a_sample_at_the_radius_is_still_of_its_mode():
    centers = np.array([[0.0, 0.0], [10.0, 0.0]])
    points = np.array([[3.0, 4.0], [10.0, 5.0], [10.0, -5.0], [5.0, 12.0]])
    found = evaluation.modes(points, centers, radius=5.0)
    assert (found.covered, found.quality) == (2, 3 / 4)
    np.testing.assert_array_equal(found.samples, [1, 2])
    assert evaluation.modes(points, centers, 5.0, at_least=2).covered == 1


def test_a_class_is_sure_from_its_threshold_on():
    probabilities = np.array([[0.75, 0.25], [0.5, 0.5], [0.125, 0.875]])
    at = lambda threshold: evaluation.class_balance(probabilities, threshold)
    assert [at(x)["confident"] for x in (0.5, 0.75, 0.8, 0.9)] == [
        1,
        pytest.approx(2 / 3),
        pytest.approx(1 / 3),
        0,
    ]
    assert at(0.9) == evaluation.class_balance(probabilities)
