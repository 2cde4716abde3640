"""Normalization layers: what they normalize, and what classes choose."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax.layers.normalization import AdaIN, BatchNorm, InstanceNorm, Shift


jax.config.update("jax_numpy_rank_promotion", "raise")

KEY = jax.random.key(0)


def normal(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def test_batch_norm_standardizes_and_keeps_averages():
    norm = BatchNorm(momentum=0.8)
    x, label = 3 + 2 * normal(1, 64, 4, 4, 3), jnp.zeros(64, jnp.int32)
    variables = norm.init(KEY, x, label, train=False)
    train = partial(norm.apply, train=True, mutable="batch_stats")
    y, moved = jax.jit(train)(variables, x, label)
    np.testing.assert_allclose(y.mean((0, 1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(y.std((0, 1, 2)), 1, atol=1e-4)
    mean = moved["batch_stats"]["BatchNorm_0"]["mean"]
    np.testing.assert_allclose(mean, 0.2 * x.mean((0, 1, 2)), rtol=1e-4)


def test_batch_norm_keeps_nine_tenths_of_an_average_and_evaluates_with_it():
    norm, label = BatchNorm(), jnp.zeros(4, jnp.int32)
    x = 3 + 2 * normal(1, 4, 2, 3)
    stats = {"mean": jnp.array([1.0, 2.0, 3.0]), "var": jnp.array([4.0, 1e-5, 0.25])}
    params = {"gain": jnp.zeros((1, 3)), "bias": jnp.zeros((1, 3))}
    given = {"params": params, "batch_stats": {"BatchNorm_0": stats}}
    y, moved = norm.apply(given, x, label, train=True, mutable="batch_stats")
    for name, now in (("mean", np.mean(x, (0, 1))), ("var", np.var(x, (0, 1)))):
        wanted = 0.9 * np.asarray(stats[name]) + 0.1 * now
        found = moved["batch_stats"]["BatchNorm_0"][name]
        np.testing.assert_allclose(found, wanted, rtol=1e-4)
    wanted = (np.asarray(x) - [1, 2, 3]) / np.sqrt(np.array([4, 1e-5, 0.25]) + 1e-5)
    ours = norm.apply(given, x, label, train=False)
    np.testing.assert_allclose(ours, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("norm", [InstanceNorm(), AdaIN()])
def test_a_faint_image_is_not_made_as_strong_as_others(norm):
    """Of a variance of 1e-5 half is left of the strength, of a far larger one all."""
    x, label = np.asarray(normal(1, 2, 5, 6, 1)), jnp.zeros(2, jnp.int32)
    x = (x - x.mean((1, 2), keepdims=True)) / x.std((1, 2), keepdims=True)
    x = x * np.sqrt(np.reshape([1e-5, 1.0], (2, 1, 1, 1)))
    y, _ = norm.init_with_output(KEY, jnp.float32(x), label, train=False)
    np.testing.assert_allclose(np.std(y, (1, 2, 3)), [np.sqrt(0.5), 1], rtol=1e-3)


@pytest.mark.parametrize("module", [BatchNorm, Shift, AdaIN])
def test_one_class_is_no_class(module):
    x, label = normal(1, 8, 4, 4, 3), jnp.zeros(8, jnp.int32)
    plain, one = module(), module(classes=1)
    variables = plain.init(KEY, x, label, train=False)
    chosen = one.init(KEY, x, label, train=False)
    jax.tree.map(np.testing.assert_array_equal, variables, chosen)
    call = partial(one.apply, variables, x, label, train=False)
    a = plain.apply(variables, x, label + 7, train=False)
    np.testing.assert_array_equal(a, call())


@pytest.mark.parametrize("module", [BatchNorm, Shift])
def test_each_class_has_its_own_gain_and_bias(module):
    norm, x, label = module(classes=3), normal(1, 3, 5), jnp.arange(3)
    variables = norm.init(KEY, x, label, train=False)
    fill = lambda table: table + jnp.arange(3.0)[:, None]
    params = jax.tree.map(fill, variables["params"])
    y = norm.apply({**variables, "params": params}, x, label, train=False)
    before = norm.apply(variables, x, label, train=False)
    np.testing.assert_array_equal(y[0], before[0])
    assert jnp.all(y[1:] != before[1:])


TABLES = {
    "batch norm": (BatchNorm, {"gain", "bias"}),
    "shift": (Shift, {"bias"}),
    "instance norm": (InstanceNorm, {"gain", "bias"}),
    "AdaIN": (AdaIN, {"gain", "bias"}),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_class_multiplies_by_its_gain_and_then_adds_its_bias(name):
    """Each table by itself, so that neither can take the place of the other."""
    module, tables = TABLES[name]
    norm, label = module(classes=3), jnp.array([2, 0, 1, 2])
    x = normal(1, 4, 5, 5, 2)
    variables = norm.init(KEY, x, label, train=False)
    assert set(variables["params"]) == tables
    call = lambda params: norm.apply(
        {**variables, "params": params}, x, label, train=False
    )
    zeros = jax.tree.map(jnp.zeros_like, variables["params"])
    plain, table = call(zeros), jnp.array([[0.5, -1.0], [2.0, 3.0], [-4.0, 0.25]])
    chosen = table[label][:, None, None]
    np.testing.assert_allclose(call(zeros | {"bias": table}), plain + chosen, rtol=1e-5)
    if "gain" in tables:
        found = call(zeros | {"gain": table})
        np.testing.assert_allclose(found, plain * (1 + chosen), rtol=1e-5)
