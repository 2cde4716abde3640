"""Losses: what each player's gradient does, and the values of the papers."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax import losses


ALL = {
    name: make
    for name, make in inspect.getmembers(losses, inspect.isfunction)
    if make.__module__ == losses.__name__
}
RNG = np.random.default_rng(0)
REAL, FAKE = RNG.normal(size=(2, 16)) * 2
softplus = lambda x: np.log1p(np.exp(-np.abs(x))) + np.maximum(x, 0)
sigmoid = lambda x: 1 / (1 + np.exp(-x))
VALUES = {  # in float64: D's loss and G's
    "minimax": (
        -np.log(sigmoid(REAL)).mean() - np.log(1 - sigmoid(FAKE)).mean(),
        np.log(1 - sigmoid(FAKE)).mean(),
    ),
    "non_saturating": (
        -np.log(sigmoid(REAL)).mean() - np.log(1 - sigmoid(FAKE)).mean(),
        -np.log(sigmoid(FAKE)).mean(),
    ),
    "hinge": (
        np.maximum(0, 1 - REAL).mean() + np.maximum(0, 1 + FAKE).mean(),
        -FAKE.mean(),
    ),
    "wasserstein": (FAKE.mean() - REAL.mean(), -FAKE.mean()),
    "least_squares": (
        ((REAL - 1) ** 2).mean() / 2 + (FAKE**2).mean() / 2,
        ((FAKE - 1) ** 2).mean() / 2,
    ),
    "relativistic": (
        -np.log(sigmoid(REAL - FAKE)).mean(),
        -np.log(sigmoid(FAKE - REAL)).mean(),
    ),
}


@pytest.mark.parametrize("make", ALL.values(), ids=ALL.keys())
def test_each_player_pulls_its_own_way(make):
    real, fake = jnp.zeros(4) - 0.5, jnp.zeros(4) + 0.5
    for_real, for_fake = jax.grad(make().d, (0, 1))(real, fake)
    assert (for_real < 0).all() and (for_fake > 0).all()
    assert (jax.grad(make().g, 1)(real, -fake) < 0).all()


@pytest.mark.parametrize("make", ALL.values(), ids=ALL.keys())
def test_a_repeated_batch_costs_the_same(make):
    real, fake = jnp.asarray(REAL, jnp.float32), jnp.asarray(FAKE, jnp.float32)
    for player in make():
        once, twice = player(real, fake), player(jnp.tile(real, 2), jnp.tile(fake, 2))
        np.testing.assert_allclose(once, twice, rtol=1e-6)


@pytest.mark.parametrize("name", VALUES)
def test_the_value_is_the_paper_s(name):
    real, fake = jnp.asarray(REAL, jnp.float32), jnp.asarray(FAKE, jnp.float32)
    for player, wanted in zip(ALL[name](), VALUES[name], strict=True):
        np.testing.assert_allclose(player(real, fake), wanted, rtol=1e-6, atol=1e-6)


def test_hinge_asks_nothing_beyond_the_margin():
    far = jnp.asarray([1.5, 3.0])
    for grads in jax.grad(losses.hinge().d, (0, 1))(far, -far):
        assert (grads == 0).all()
