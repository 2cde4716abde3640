"""Unrolled GANs against their arithmetic, on players with one vector each."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ganjax import GAN, Player, augment, game, losses
from ganjax.games import unrolled
from ganjax.gan import normal, points
from tests.support import same
from tests.test_games_lazy import RATE, Point, Slope, turns


def made():
    sgd = optax.sgd(RATE)
    return GAN(
        g=Player(Point(), sgd),
        d=Player(Slope(), sgd),
        loss=losses.wasserstein(),
        augment=augment.identity(),
        prior=normal(2),
        ema=optax.constant_schedule(0.0),
        decode=points,
    )


@pytest.mark.parametrize("k", [1, 3])
def test_g_moves_against_d_as_it_will_be(k):
    """D's k moves add k rate (real - p); G's slope passes through the p in them."""
    each = made()
    play = unrolled(each, k)
    batch = turns()
    batch = batch._replace(g=batch.g._replace(image=2.0 + batch.g.image))
    state = play.init(jax.random.key(0), batch)
    point = np.asarray(state.g.params["point"], np.float64)
    slope = np.asarray(state.d.params["slope"], np.float64)
    state, _ = jax.jit(play.step)(state, batch)
    slope = slope + RATE * (np.asarray(batch.d.image[0]).mean(0) - point)
    real = np.asarray(batch.g.image).mean(0)
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
