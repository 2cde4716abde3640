"""Unrolled GANs against their arithmetic, on players with one vector each."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ganjax import GAN, Player, augment, game, losses
from ganjax.core import normal
from ganjax.games import unrolled
from tests.helpers.points import DIM, RATE, Point, Slope, turns
from tests.helpers.states import apart, same


def made():
    sgd = optax.sgd(RATE)
    return GAN(
        g=Player(Point(), sgd),
        d=Player(Slope(), sgd),
        loss=losses.wasserstein(),
        augment=augment.identity(),
        prior=normal(2),
        ema=optax.constant_schedule(0.0),
    )


@pytest.mark.parametrize("k", [1, 3])
def test_g_moves_against_d_as_it_will_be(k):
    """D's k moves add k rate (real - p); G's slope passes through the p in them."""
    each = made()
    play = unrolled(each, k)
    batch = turns()
    batch = batch._replace(g=batch.g._replace(x=2.0 + batch.g.x))
    state = play.init(jax.random.key(0), batch)
    point = np.asarray(state.g.params["point"], np.float64)
    slope = np.asarray(state.d.params["slope"], np.float64)
    state, _ = jax.jit(play.step)(state, batch)
    slope = slope + RATE * (np.asarray(batch.d.x[0]).mean(0) - point)
    real = np.asarray(batch.g.x).mean(0)
    gradient = -(slope + k * RATE * (real - point)) + k * RATE * point
    np.testing.assert_allclose(state.d.params["slope"], slope, rtol=1e-5)
    np.testing.assert_allclose(
        state.g.params["point"], point - RATE * gradient, rtol=1e-5, atol=1e-6
    )


def test_without_a_look_ahead_it_is_the_usual_game():
    state = game(made()).init(jax.random.key(0), turns())
    usual, _ = jax.jit(game(made()).step)(state, turns())
    other, _ = jax.jit(unrolled(made(), 0).step)(state, turns())
    same(usual, other)
    assert jnp.isfinite(usual.g.params["point"]).all()


class Aging(nn.Module):
    """D(x) = (1 + calls) <slope, x>, where calls are those before this one."""

    @nn.compact
    def __call__(self, image, label, *, train):
        calls = self.variable("stats", "calls", jnp.zeros, ())
        times = 1 + calls.value
        if train:
            calls.value += 1
        return times * (image @ self.param("slope", nn.initializers.ones, (DIM,)))


def test_what_d_notices_while_it_looks_ahead_is_forgotten():
    """D does not learn, so that its statistics alone could tell the two games apart."""
    gan = made()._replace(d=Player(Aging(), optax.sgd(0.0)))
    state = game(gan).init(jax.random.key(0), turns())
    usual, _ = jax.jit(game(gan).step)(state, turns())
    ahead, _ = jax.jit(unrolled(gan, 3).step)(state, turns())
    assert usual.d.stats["stats"]["calls"] == ahead.d.stats["stats"]["calls"] == 2
    assert max(apart(usual, ahead).values()) < 1e-6
