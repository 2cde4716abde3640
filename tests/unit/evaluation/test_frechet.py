"""Fréchet distances of moments, of classes, and relative to real data."""

from functools import partial

import numpy as np
import pytest

from ganjax import evaluation
from ganjax.errors import UsageError


def draw(n=60, f=8, seed=0, scale=1.0, shift=0.0):
    return scale * np.random.default_rng(seed).normal(size=(n, f)) + shift


def moments(rows):
    return rows.mean(0), np.cov(rows, rowvar=False)


def from_factors(a, b):
    """The distance from QR factors of the vectors, without a covariance."""
    factors = [
        np.linalg.qr((x - x.mean(0)) / np.sqrt(len(x) - 1), mode="r") for x in (a, b)
    ]
    traces = sum(np.square(r).sum() for r in factors)
    root = np.linalg.svd(factors[0] @ factors[1].T, compute_uv=False).sum()
    return np.square(a.mean(0) - b.mean(0)).sum() + traces - 2 * root


MIX = np.random.default_rng(9).normal(size=(3, 8))
CASES = {
    "plain": (draw(), draw(50, seed=1, scale=1.3, shift=0.2)),
    "of rank 3": (draw(f=3) @ MIX, draw(f=3, seed=1, shift=0.3) @ MIX),
    "of unlike rank": (draw(), draw(f=3, seed=1) @ MIX),
    "with features that never vary": (draw() * (np.arange(8) > 2), draw(seed=1)),
    "with fewer vectors than features": (draw(5), draw(6, seed=1, scale=2)),
    "with one constant set": (draw(), np.ones((40, 8))),
    "that are small": (1e-9 * draw(), 2e-9 * draw(seed=1)),
}


@pytest.mark.parametrize("name", CASES)
def test_the_distance_of_moments_is_exact(name):
    a, b = CASES[name]
    wanted = from_factors(a, b)
    found = evaluation.frechet_from_moments(*moments(a), *moments(b))
    assert found == pytest.approx(wanted, rel=1e-11, abs=1e-30)
    assert evaluation.frechet_distance(a, b) == pytest.approx(
        wanted, rel=1e-11, abs=1e-30
    )


@pytest.mark.parametrize("name", CASES)
def test_the_distance_of_a_set_to_itself_is_zero_and_never_below(name):
    for rows in CASES[name]:
        found = evaluation.frechet_from_moments(*moments(rows), *moments(rows))
        assert found == evaluation.frechet_distance(rows, rows) == 0


def test_the_ratio_is_one_for_other_real_data_and_less_for_copies():
    train, held_out, fresh = (draw(4000, seed=seed) for seed in (0, 1, 2))
    ratio = partial(evaluation.frechet_ratio, train, held_out)
    assert ratio(fresh) == pytest.approx(1, abs=0.4)
    assert ratio(train[:3500]) < 0.3
    assert 10 < ratio(fresh + 0.3) < ratio(fresh + 0.6)
    wanted = evaluation.frechet_distance(train, fresh)
    wanted /= evaluation.frechet_distance(train, held_out)
    assert ratio(fresh) == pytest.approx(wanted)
    in_other_units = evaluation.frechet_ratio(9 * train, 9 * held_out, 9 * fresh)
    assert in_other_units == pytest.approx(wanted)


def test_classes_are_compared_one_by_one():
    labels = np.arange(60) % 3
    real, fake = draw() + labels[:, None], draw(seed=1) + labels[:, None]
    wanted = np.mean(
        [from_factors(real[labels == i], fake[labels == i]) for i in range(3)]
    )
    found = evaluation.intra_class_frechet(real, labels, fake, labels)
    assert found == pytest.approx(wanted, rel=1e-9)
    swapped = evaluation.intra_class_frechet(real, labels, fake, (labels + 1) % 3)
    assert swapped > 2 * found


REFUSED = {
    "nan": (
        lambda: evaluation.frechet_from_moments(
            np.full(2, np.nan), np.eye(2), np.zeros(2), np.eye(2)
        ),
        "NaN",
    ),
    "shapes": (
        lambda: evaluation.frechet_from_moments(
            np.zeros(2), np.eye(3), np.zeros(2), np.eye(2)
        ),
        r"\[3, 3\]",
    ),
    "not held out": (
        lambda: evaluation.frechet_ratio(np.eye(4), np.eye(4), np.eye(4)),
        "hold out",
    ),
    "labels": (
        lambda: evaluation.intra_class_frechet(
            draw(), np.zeros(9, int), draw(), np.zeros(60, int)
        ),
        "60 vectors have 9 labels",
    ),
    "a class of one": (
        lambda: evaluation.intra_class_frechet(
            draw(), np.arange(60) // 59, draw(), np.arange(60) % 2
        ),
        "Class 1 has fewer than two",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_compared_is_refused(name):
    fails, says = REFUSED[name]
    with pytest.raises(UsageError, match=says):
        fails()
