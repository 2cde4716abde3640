"""What points are compared with, and by what."""

import numpy as np
import pytest
from PIL import Image

from ganjax.core import Batch
from ganjax.data.source import Source, Spec, example_struct
from ganjax.errors import UsageError
from ganjax.evaluation import evaluate_real, pixels, points as coordinates
from ganjax.evaluation.frechet import FRECHET
from ganjax.modalities import POINTS, points as module
from ganjax.modalities.points import scatter


def source(count, center, seed):
    """Points around a center, and a function that gives them."""
    points = (
        np.random.default_rng(seed).normal(center, 1, (count, 3)).astype(np.float32)
    )
    read = lambda rows: Batch(points[rows], np.zeros(len(rows), np.int32))
    return Source(
        Spec("mine"), count, example_struct((3,), np.float32), (), read
    ), points


TRAIN, FRESH = source(60, 0.0, 0), source(50, 100.0, 1)


def test_points_are_compared_with_those_that_are_held_out():
    judged = POINTS.evaluator(TRAIN[0], FRESH[0], POINTS.decode)
    assert judged.count == 50 and judged.reference == "fresh points"
    assert judged.shape == (3,) and judged.headline == FRECHET.on("points")
    scores = judged.score(FRESH[1])
    assert abs(scores["frechet/points"]) < 1e-6 and scores["copies/ratio/points"] == 1
    assert judged.real_scores()["frechet/points"] > 10_000


def test_without_held_out_points_they_are_compared_with_those_of_training():
    judged = POINTS.evaluator(TRAIN[0], None, POINTS.decode)
    assert judged.count == 60 and judged.reference == "the training points"
    scores = judged.score(TRAIN[1])
    assert abs(scores["frechet/points"]) < 1e-6
    assert not [name for name in scores if "copies" in name]
    assert 0 < judged.real_scores()["frechet/points"] < 1


def test_other_features_of_points_are_a_mistake():
    with pytest.raises(UsageError, match="remove --features"):
        POINTS.evaluator(TRAIN[0], FRESH[0], POINTS.decode, pixels())


def test_at_most_some_points_are_compared_always_the_same(monkeypatch):
    monkeypatch.setattr(module, "MAX_COMPARED", 40)
    judged = POINTS.evaluator(TRAIN[0], FRESH[0], POINTS.decode)
    assert judged.count == 40 and judged.shape == (3,)
    again = POINTS.evaluator(TRAIN[0], FRESH[0], POINTS.decode)
    made = np.random.default_rng(2).normal(50, 1, (40, 3)).astype(np.float32)
    assert judged.score(made) == again.score(made)
    assert {metric.name for metric in judged.metrics} == judged.score(made).keys()


def test_real_scores_are_those_of_training_points_among_the_fresh_ones():
    judged = POINTS.evaluator(TRAIN[0], FRESH[0], lambda x: 2 * x)
    near = POINTS.evaluator(TRAIN[0], FRESH[0], POINTS.decode)
    # Twice as far apart is four times the squared distance.
    name = "frechet/points"
    assert judged.real_scores()[name] == pytest.approx(4 * near.real_scores()[name])
    assert judged.score(2 * FRESH[1])[name] == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("fresh", [FRESH, None])
def test_as_many_real_points_are_scored_as_samples_by_the_same_metrics(fresh):
    judged = POINTS.evaluator(TRAIN[0], fresh and fresh[0], POINTS.decode)
    test = fresh and fresh[1]
    wanted = evaluate_real(TRAIN[1], test, coordinates(), judged.count)
    assert judged.real_scores() == pytest.approx(wanted)
    names = {metric.name for metric in judged.metrics}
    assert names == judged.score(TRAIN[1][: judged.count]).keys()


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((1,), "points of 1 number"),
        ((2,), "points of 2 numbers"),
        ((2, 3), "examples of shape (2, 3)"),
    ],
)
def test_points_are_described_by_how_many_numbers_they_have(shape, words):
    assert POINTS.describe(shape) == words


def colors(picture):
    """The page, and where it is of the color of samples and of real points."""
    page = np.asarray(picture).astype(int)
    red, green, blue = np.moveaxis(page, -1, 0)
    return page, (blue - red > 60), (abs(blue - red) < 20) & (green < 215)


def test_samples_are_drawn_over_real_points_that_are_pale():
    x = np.array([[0.75, -0.75]], np.float32)
    _, blue, pale = colors(POINTS.render(x, 8, real=-x))
    side = module.PLOT_SIDE
    for found, place in ((blue, (3, 3)), (pale, (1, 1))):
        rows, columns = np.nonzero(found)
        center = np.array([rows.mean(), columns.mean()])
        assert np.abs(center - np.array(place) * side / 4).max() < 1
        # A disk of the radius that is told.
        assert abs(found.sum() - np.pi * module.DOT_RADIUS**2) < 6
    _, blue, pale = colors(POINTS.render(x, real=x))
    assert blue.sum() > 9 and pale.sum() == 0
    _, _, pale = colors(POINTS.render(x))
    assert pale.sum() == 0


def test_a_plot_has_its_axes_in_the_middle_and_a_frame():
    page = np.asarray(scatter(np.array([[90.0, 90.0]], np.float32)))
    side, half = module.PLOT_SIDE, module.PLOT_SIDE // 2
    assert page.shape == (side, side, 3)
    lined = (page < 255).all(-1)
    for line in (lined, lined.T):
        assert line[half - 1 : half + 1].any(0).all()  # an axis
        assert line[0].all() and line[-1].all()  # the frame
        assert not line[2 : half - 1, 2 : half - 1].any()


def test_a_dot_at_the_border_is_seen_and_one_far_beyond_it_is_not_drawn():
    bare = np.asarray(scatter(np.array([[90.0, 90.0]], np.float32)))
    for x, seen in ((1.5, True), (-1.505, True), (1.6, False), (3.1, False)):
        drawn = np.asarray(scatter(np.array([[x, 0.3]], np.float32)))
        assert (drawn != bare).any() == seen


def test_points_are_written_as_a_plot_or_as_arrays(tmp_path):
    samples, labels = TRAIN[1][:7, :2], np.arange(7)
    assert POINTS.name == "points" and POINTS.max_samples == {}
    assert POINTS.preview(0) == POINTS.preview(8) == 2000
    assert POINTS.summary(TRAIN[0]) == "60 points of 3 numbers"
    assert POINTS.remedy((2,), (3,)).startswith("change the data or the networks")
    assert {*POINTS.files} == {".png", ".npz"}
    for ending, save in POINTS.files.items():
        save(tmp_path / f"a{ending}", samples, labels)
    with Image.open(tmp_path / "a.png") as drawn:
        np.testing.assert_array_equal(np.asarray(drawn), np.asarray(scatter(samples)))
    with np.load(tmp_path / "a.npz") as arrays:
        np.testing.assert_array_equal(arrays["x"], samples)
        np.testing.assert_array_equal(arrays["label"], labels)
