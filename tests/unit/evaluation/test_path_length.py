"""Path lengths of generators whose images are known functions of the path."""

import numpy as np
import pytest

from ganjax import evaluation
from ganjax.errors import UsageError
from ganjax.evaluation import path_length


def latents(seed, n=40, d=6):
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)


def square_distance(a, b):
    return np.square(np.asarray(a, np.float64) - b).sum(1)


def test_on_a_line_it_is_the_mean_square_of_its_length():
    z1, z2 = latents(0), latents(1)
    double = lambda z: 2 * z
    found = evaluation.perceptual_path_length(
        lambda w: w, z1, z2, square_distance, mapping=double, epsilon=2**-8, discard=0
    )
    wanted = np.square(2 * (z2 - z1)).sum(1).mean()
    assert found == pytest.approx(wanted, rel=1e-3)


def test_without_a_mapping_it_is_the_mean_square_of_the_angle():
    z1, z2 = latents(0), latents(1)
    unit = lambda x: x / np.linalg.norm(x, axis=1, keepdims=True)
    angle = np.arccos((unit(z1) * unit(z2)).sum(1))
    found = evaluation.perceptual_path_length(
        lambda z: z, z1, z2, square_distance, epsilon=2**-8, discard=0, batch=7
    )
    assert found == pytest.approx(np.square(angle).mean(), rel=1e-2)


def test_great_circles_begin_and_end_at_the_latents_and_stay_on_the_sphere():
    a, b = latents(0), latents(1)
    unit = lambda x: x / np.linalg.norm(x, axis=1, keepdims=True)
    for t, wanted in ((0, unit(a)), (1, unit(b))):
        found = path_length._great_circle(a, b, np.full(40, t, np.float32))
        np.testing.assert_allclose(found, wanted, atol=1e-5)
    between = path_length._great_circle(a, b, np.full(40, 0.3, np.float32))
    np.testing.assert_allclose(np.linalg.norm(between, axis=1), 1, rtol=1e-5)


def test_the_ends_are_where_paths_begin():
    """A generator that is steep between latents and flat near them is short there."""
    z1, z2 = np.zeros((20, 1), np.float32), np.ones((20, 1), np.float32)
    steep = lambda w: np.where(w > 0.3, 10 * w, w)
    measure = lambda at_ends: evaluation.perceptual_path_length(
        steep,
        z1,
        z2,
        square_distance,
        mapping=lambda z: z,
        at_ends=at_ends,
        epsilon=2**-8,
        discard=0,
    )
    assert measure(True) == pytest.approx(1, rel=1e-3) and measure(False) > 10


def test_the_smallest_and_the_largest_hundredths_are_left_out():
    z1, z2 = np.zeros((200, 1), np.float32), np.ones((200, 1), np.float32)
    z2[5] = 1e4
    found = evaluation.perceptual_path_length(
        lambda w: w, z1, z2, square_distance, mapping=lambda z: z, epsilon=2**-8
    )
    assert found == pytest.approx(1, rel=1e-2)


def test_unequal_ends_and_distances_that_are_not_finite_are_refused():
    with pytest.raises(UsageError, match="at both ends"):
        evaluation.perceptual_path_length(
            lambda z: z, latents(0), latents(1, n=9), square_distance
        )
    with pytest.raises(UsageError, match="not finite"):
        evaluation.perceptual_path_length(
            lambda z: z, latents(0), latents(1), lambda a, b: np.full(len(a), np.nan)
        )
