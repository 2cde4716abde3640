"""What points are compared with, and by what."""

import numpy as np
import pytest

from ganjax.core import Batch
from ganjax.data.source import Source, Spec, example_struct
from ganjax.errors import UsageError
from ganjax.evaluation import pixels
from ganjax.evaluation.frechet import FRECHET
from ganjax.modalities import POINTS


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
