"""Scores against the textbook, against brute force, and on cases that are plain."""

import numpy as np
import pytest
import scipy.linalg

from ganjax import evaluation
from ganjax.errors import Mistake
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
@pytest.mark.parametrize("block", [distances.BLOCK, 1000])
def test_prdc_is_brute_force(monkeypatch, k, block):
    monkeypatch.setattr(distances, "BLOCK", block)
    real, fake = draw(), draw(170, seed=1, scale=1.3, shift=0.8)
    want = brute_prdc(real.astype(np.float64), fake.astype(np.float64), k)
    assert evaluation.prdc(real, fake, k) == pytest.approx(want, abs=1e-12)


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
    pairs = evaluation.closest(evaluation.nearest(some, train), 10)
    np.testing.assert_array_equal(np.sort(pairs), np.arange(90, 100))


def test_nearest_is_brute_force(monkeypatch):
    monkeypatch.setattr(distances, "BLOCK", 700)
    a, b = draw(90).astype(np.float64), draw(110, seed=1).astype(np.float64)
    every = np.linalg.norm(a[:, None] - b[None], axis=-1)
    near = evaluation.nearest(a, b)
    np.testing.assert_array_equal(near.index, every.argmin(1))
    np.testing.assert_allclose(near.distance, every.min(1), rtol=1e-12)


def test_modes_are_counted():
    centres = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    near_first = np.array([[0.1, 0.0], [0.0, 0.29], [-0.2, 0.0]])
    points = np.concatenate([near_first, [[10.0, 0.1], [5.0, 5.0], [0.0, 9.6]]])
    found = evaluation.modes(points, centres, radius=0.3)
    assert found.covered == 2 and found.quality == pytest.approx(4 / 6)
    np.testing.assert_array_equal(found.samples, [3, 1, 0])
    assert evaluation.modes(points, centres, radius=0.3, at_least=2).covered == 1
    assert evaluation.modes(points, centres, radius=0.5).covered == 3


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
    assert set(real) == {f"real/{key}" for key in scores if "copies" not in key}
    assert real["real/frechet/points"] < scores["frechet/points"]
    assert real == evaluation.evaluate_real(train, held_out, look, count=120)


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
    for score in (evaluation.frechet_distance, evaluation.prdc, evaluation.nearest):
        with pytest.raises(Mistake, match="NaN"):
            score(good, nan)
        with pytest.raises(Mistake, match="cannot be compared"):
            score(good, good[:, :5])
    with pytest.raises(Mistake, match="too few"):
        evaluation.prdc(good, good[:5])
    with pytest.raises(Mistake, match="too few"):
        evaluation.frechet_distance(good[:1], good)
    with pytest.raises(Mistake, match="training images"):
        evaluation.copies(good, good, good)
    with pytest.raises(Mistake, match="radius"):
        evaluation.modes(good, good, radius=0.0)
    with pytest.raises(Mistake, match="at least one sample"):
        evaluation.class_balance(np.zeros((0, 3)))
