"""Mixtures in the plane: where their modes are, and how samples are judged by them."""

import numpy as np
import pytest

from ganjax import evaluation
from ganjax.core import Batch
from ganjax.data import Source, Spec, load, toys
from ganjax.data.source import example_struct
from ganjax.evaluation.frechet import FRECHET


def test_the_modes_of_the_ring_lie_around_the_unit_circle():
    centers = toys.ring_centers()
    assert centers.dtype == np.float32
    half = np.sqrt(0.5)
    wanted = [(1, 0), (half, half), (0, 1), (-half, half)]
    np.testing.assert_allclose(centers[:4], wanted, atol=1e-7)
    np.testing.assert_allclose(centers[4:], -centers[:4], atol=1e-7)


def test_the_modes_of_the_grid_are_half_a_unit_apart():
    centers = toys.grid_centers()
    assert centers.dtype == np.float32
    wanted = [(x / 2, y / 2) for y in range(-2, 3) for x in range(-2, 3)]
    np.testing.assert_array_equal(centers, wanted)


@pytest.mark.parametrize(
    "where, split, labels, length",
    [
        ("ring", "train", [6, 5, 4, 2, 2, 0], 100_000),
        ("ring", "test", [3, 4, 6, 7, 0, 1], 10_000),
        ("grid", "train", [21, 15, 12, 6, 7, 1], 100_000),
        ("grid", "test", [11, 12, 18, 23, 0, 3], 10_000),
    ],
)
def test_points_are_those_that_they_always_were(where, split, labels, length):
    source = load(Spec(where, split=split))
    assert source.length == length
    assert source.read(np.arange(6)).label.tolist() == labels
    assert source.report.held_out == (10_000 if split == "train" else 0)
    assert source.inventory().keys() == {"point", "label"}


@pytest.mark.parametrize("fields", [{"size": 8}, {"channels": 1}])
def test_points_have_neither_size_nor_channels(fields):
    with pytest.raises(
        Exception, match="grid is points in the plane and has no pixels"
    ):
        load(Spec("grid", **fields))


CENTERS = np.array([[0, 0], [10, 0], [0, 10]], np.float32)


def of(points):
    """A source whose points are stored at a tenth of what G is meant to produce."""
    read = lambda rows: Batch(points[rows] / 10, np.zeros(len(rows), np.int32))
    return Source(Spec("x"), len(points), example_struct((2,), "float32"), (), read)


@pytest.fixture
def judged():
    rng = np.random.default_rng(0)
    train, test = (
        (CENTERS[rng.integers(3, size=n)] + 0.5 * rng.normal(size=(n, 2))).astype("f")
        for n in (90, 70)
    )
    made = toys.evaluator(CENTERS, 0.5, of(train), of(test), lambda x: 10 * x, None)
    return made, train, test


def test_points_are_compared_with_those_that_are_held_out(judged):
    made, train, test = judged
    features = evaluation.points()
    assert (made.count, made.reference, made.shape) == (70, "fresh points", (2,))
    assert made.headline == FRECHET.on("points")
    samples = np.random.default_rng(1).normal(size=(300, 2)).astype(np.float32)
    scores = made.score(samples)
    reference = evaluation.reference(test, None, features.name, 5)
    wanted = evaluation.score(reference, samples)
    assert {name: scores[name] for name in wanted} == pytest.approx(wanted, rel=1e-5)
    assert [*scores] == [metric.name for metric in made.metrics]
    assert not [name for name in scores if "copies" in name]
    real = evaluation.evaluate_real(train, test, features, 70)
    assert made.real_scores() == pytest.approx(real, rel=1e-5)


def test_a_mode_is_covered_by_a_hundredth_of_the_samples_within_4_deviations(judged):
    made, _, _ = judged
    samples = np.zeros((300, 2), np.float32)
    samples[:3] = (10, 1.99)  # just within
    samples[3:6] = (0, 7.99)  # just outside
    samples[6:8] = (0, 10)  # too few
    scores = made.score(samples)
    assert scores["modes"] == 2
    assert scores["quality"] == pytest.approx(297 / 300)
    samples[8] = (1.99, 10)
    assert made.score(samples)["modes"] == 3


@pytest.mark.parametrize("where, sd", [("ring", 0.05), ("grid", 0.0125)])
def test_each_mixture_is_judged_by_its_own_modes(where, sd):
    made = load(Spec(where)).evaluator
    assert made.func is toys.evaluator and made.args[1] == sd
    np.testing.assert_array_equal(made.args[0], getattr(toys, f"{where}_centers")())
    assert toys.MAX_COMPARED == 2_000  # as scores depend on the number of points
