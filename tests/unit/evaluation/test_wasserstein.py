"""MIND against sorted projections in float64, SciPy, and sets whose distance is known."""

import jax
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from scipy.stats import wasserstein_distance

from ganjax import evaluation
from ganjax.errors import UsageError
from ganjax.evaluation import wasserstein


def draw(n=64, f=6, seed=0):
    return np.random.default_rng(seed).normal(size=(n, f)).astype(np.float32)


def test_equal_numbers_are_compared_in_their_order():
    x, y = draw(), 1.5 * draw(seed=1) + 0.3
    u = np.random.default_rng(3).normal(size=(6, 40))
    u /= np.linalg.norm(u, axis=0)
    sorted_x, sorted_y = (
        np.sort(rows.astype(np.float64) @ u, axis=0) for rows in (x, y)
    )
    wanted = 3 * 6 * np.square(sorted_x - sorted_y).mean()
    found = evaluation.mind(x, y, projections=40, seed=3)
    assert found == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize(("n", "m"), [(12, 18), (7, 5), (1, 9), (10, 30)])
def test_unequal_numbers_are_compared_by_their_quantile_functions(n, m):
    x, y = draw(n, 1), draw(m, 1, seed=1)
    # Each vector as often as makes both sets equally many.
    many_x, many_y = np.repeat(x, m, axis=0), np.repeat(y, n, axis=0)
    found = evaluation.mind(x, y, projections=2)
    assert found == pytest.approx(
        evaluation.mind(many_x, many_y, projections=2), rel=1e-5
    )
    rows_x, rows_y, share = wasserstein._steps(n, m)
    first_power = share @ np.abs(np.sort(x, 0)[rows_x] - np.sort(y, 0)[rows_y])[:, 0]
    wanted = wasserstein_distance(x[:, 0], y[:, 0])
    assert first_power == pytest.approx(wanted, rel=1e-5)


def test_a_shift_counts_three_times_its_square():
    shift = np.linspace(-1, 2, 6, dtype=np.float32)
    x = draw(300)
    found = evaluation.mind(x, x + shift, projections=4000)
    assert found == pytest.approx(3 * np.square(shift).sum(), rel=0.05)


def test_a_set_and_itself_in_another_order_are_equal():
    x = draw()
    assert evaluation.mind(x, x[::-1]) == 0
    assert evaluation.mind(x, x + np.float32(0)) == 0


def test_features_far_from_zero_lose_no_digits():
    x, y = draw(), draw(seed=1)
    x, y = np.round(x * 64) / 64, np.round(y * 64) / 64  # exact after the shift, too
    moved = evaluation.mind(x + 1024, y + 1024)
    assert moved == pytest.approx(evaluation.mind(x, y), rel=1e-4)


def test_the_seed_chooses_the_directions():
    x, y = draw(), draw(seed=1)
    again = [evaluation.mind(x, y, projections=5, seed=seed) for seed in (0, 0, 1)]
    assert again[0] == again[1] != again[2]
    u = wasserstein.unit_vectors(6, 50, 0)
    np.testing.assert_allclose(np.linalg.norm(u, axis=0), 1, rtol=1e-6)
    assert abs(u.mean()) < 0.1


def test_features_on_eight_devices_have_the_distance_of_one():
    x, y = draw(), 1.2 * draw(48, seed=1)
    mesh = Mesh(np.array(jax.devices()[:8]), ("rows",))
    place = NamedSharding(mesh, PartitionSpec("rows"))
    found = evaluation.mind(*(jax.device_put(rows, place) for rows in (x, y)))
    assert found == pytest.approx(evaluation.mind(x, y), rel=1e-6)


@pytest.mark.parametrize(
    ("fails", "says"),
    [
        (lambda x: evaluation.mind(x, x[:, :2]), "width 6 and 2"),
        (lambda x: evaluation.mind(x, x[:0]), "0 generated"),
        (lambda x: evaluation.mind(x, x, projections=0), "one projection"),
        (lambda x: evaluation.mind(x, np.where(x > 2, np.nan, x)), "NaN"),
        (lambda x: evaluation.mind(x, jax.numpy.where(x > 2, np.inf, x)), "NaN"),
    ],
)
def test_what_has_no_distance_is_refused(fails, says):
    x = draw()
    x[0] = 3
    with pytest.raises(UsageError, match=says):
        fails(x)
