"""Running moments are those of all vectors at once, however these are divided."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from ganjax import evaluation
from ganjax.errors import UsageError


ROWS = (100 + np.random.default_rng(0).normal(size=(96, 5))).astype(np.float32)


def of(rows):
    return evaluation.update_moments(evaluation.empty_moments(rows.shape[1]), rows)


def check(moments, rows, rtol=1e-12):
    mean, covariance = evaluation.mean_and_covariance(moments)
    wide = rows.astype(np.float64)
    np.testing.assert_allclose(mean, wide.mean(0), rtol=rtol)
    np.testing.assert_allclose(covariance, np.cov(wide, rowvar=False), rtol=1e-9)


def test_batches_of_any_size_give_the_moments_of_all():
    moments = evaluation.empty_moments(5)
    for batch in np.split(ROWS, [1, 3, 40]):
        moments = evaluation.update_moments(moments, batch)
    check(moments, ROWS)
    assert moments.mean.dtype == jnp.float64 and float(moments.count) == 96


def test_a_mean_that_is_large_costs_no_digits():
    """In float32, or by E[x^2] - E[x]^2, the covariance would have none left."""
    rows = (1e4 + 1e-2 * np.random.default_rng(1).normal(size=(200, 3))).astype("f4")
    moments = of(rows[:150])
    check(evaluation.update_moments(moments, rows[150:]), rows)


def test_merged_moments_are_those_of_the_union_and_the_empty_ones_change_nothing():
    a, b = of(ROWS[:30]), of(ROWS[30:])
    check(evaluation.merge_moments(a, b), ROWS)
    empty = evaluation.empty_moments(5)
    for merged in (
        evaluation.merge_moments(a, empty),
        evaluation.merge_moments(empty, a),
    ):
        check(merged, ROWS[:30])
    nothing = evaluation.merge_moments(empty, empty)
    assert float(nothing.count) == 0 and np.isfinite(np.asarray(nothing.mean)).all()


def test_stacked_moments_of_several_processes_are_merged_at_once():
    parts = [of(ROWS[:10]), evaluation.empty_moments(5), of(ROWS[10:70]), of(ROWS[70:])]
    with jax.enable_x64(True):
        stacked = jax.tree.map(lambda *x: jnp.stack(x), *parts)
    check(evaluation.merge_stacked_moments(stacked), ROWS)


def test_rows_of_weight_zero_do_not_count_and_of_weight_two_count_twice():
    weight = np.arange(96.0) % 3
    moments = evaluation.update_moments(evaluation.empty_moments(5), ROWS, weight)
    check(moments, np.repeat(ROWS, weight.astype(int), axis=0))
    same = evaluation.update_moments(moments, ROWS, np.zeros(96))
    check(same, np.repeat(ROWS, weight.astype(int), axis=0))


def test_rows_on_eight_devices_give_the_moments_of_one():
    mesh = Mesh(np.array(jax.devices()[:8]), ("rows",))
    sharded = jax.device_put(ROWS, NamedSharding(mesh, PartitionSpec("rows")))
    assert len(sharded.sharding.device_set) == 8
    check(of(sharded), ROWS)


def test_moments_are_in_float64_within_a_compiled_function_of_float32():
    add = jax.jit(lambda moments, rows: evaluation.update_moments(moments, rows))
    moments = add(evaluation.empty_moments(5), ROWS[:50])
    assert moments.scatter.dtype == jnp.float64
    check(add(moments, ROWS[50:]), ROWS)


def test_moments_are_enough_for_the_frechet_distance():
    other = 1.3 * ROWS[::-1] - 20
    distance = evaluation.frechet_from_moments(
        *evaluation.mean_and_covariance(of(ROWS)),
        *evaluation.mean_and_covariance(of(other)),
    )
    assert distance == pytest.approx(evaluation.frechet_distance(ROWS, other), rel=1e-9)


def test_unequal_widths_and_too_few_vectors_are_refused():
    for fails, says in (
        (partial(evaluation.update_moments, of(ROWS), ROWS[:, :3]), "width 3"),
        (partial(evaluation.merge_moments, of(ROWS), of(ROWS[:, :3])), "5 and 3"),
        (partial(evaluation.mean_and_covariance, of(ROWS[:1])), "1 samples .* give 2"),
    ):
        with pytest.raises(UsageError, match=says):
            fails()
