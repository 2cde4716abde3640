"""LOGAN against its arithmetic, on a linear G and a linear D."""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ganjax import GAN, Player, augment, game, losses
from ganjax.core import ONE, make_turn, uniform
from ganjax.games import logan
from ganjax.games.logan import optimize_latents
from tests.helpers.points import DIM, RATE, Slope, turns
from tests.helpers.states import same


ALPHA, BETA, WEIGHT, KEY = 0.3, 0.5, 0.7, jax.random.key(0)


class Matrix(nn.Module):
    """G(z) = z W."""

    @nn.compact
    def __call__(self, z, label, *, train):
        return z @ self.param("w", nn.initializers.normal(1.0), (z.shape[-1], DIM))


def made():
    sgd = optax.sgd(RATE)
    return GAN(
        g=Player(Matrix(), sgd),
        d=Player(Slope(), sgd),
        loss=losses.wasserstein(),
        augment=augment.identity(),
        prior=uniform(2),
        ema=optax.constant_schedule(0.0),
    )


def objectives(start, w, slope, real):
    """What D and G minimize, of their weights, in float64."""
    g = w @ slope
    step = ALPHA * g / (BETA + g @ g)
    z = np.clip(start + step, -1, 1)
    cost = WEIGHT * ((z - start) ** 2).sum(1).mean()
    fake = (z @ w @ slope).mean()
    return fake - (real @ slope).mean() + cost, -fake + cost


def slopes(value, at, by=1e-6):
    """Central differences."""
    found = np.zeros_like(at)
    for i in np.ndindex(at.shape):
        step = np.zeros_like(at)
        step[i] = by
        found[i] = (value(at + step) - value(at - step)) / (2 * by)
    return found


def test_both_gradients_pass_through_the_step_of_z():
    gan = logan(made(), ALPHA, BETA, fraction=1.0, weight=WEIGHT)
    batch = turns()
    before = game(gan).init(KEY, batch)
    after, logs = jax.jit(game(gan).step)(before, batch)

    d_key, g_key = jax.random.split(jax.random.fold_in(before.key, before.step))
    draw = jax.random.split(d_key, 1)[0], jax.tree.map(lambda x: x[0], batch.d)
    real = np.asarray(batch.d.x[0], np.float64)
    w, slope = (
        np.asarray(x, np.float64)
        for x in (before.g.params["w"], before.d.params["slope"])
    )
    start = np.asarray(make_turn(gan, ONE, before, draw).z_drawn, np.float64)
    moved = slope - RATE * slopes(lambda s: objectives(start, w, s, real)[0], slope)
    np.testing.assert_allclose(after.d.params["slope"], moved, rtol=1e-4, atol=1e-6)

    start = np.asarray(
        make_turn(gan, ONE, before, (g_key, batch.g)).z_drawn, np.float64
    )
    real = np.zeros((6, DIM))
    moved = w - RATE * slopes(lambda w: objectives(start, w, moved, real)[1], w)
    np.testing.assert_allclose(after.g.params["w"], moved, rtol=1e-4, atol=1e-6)
    assert logs["d"]["moved"] > 0 and logs["g"]["moved"] > 0


@pytest.mark.parametrize("fraction", [0.0, 0.5, 1.0])
def test_a_fraction_of_the_latents_moves_within_the_bounds(fraction):
    keys = jax.random.split(KEY, 4000)
    z = jax.random.uniform(KEY, (4000, 2), minval=-1.0)
    slope = jnp.array([3.0, -1.0])
    there = optimize_latents(0.9, 0.1, fraction, keys, z, lambda z: z @ slope)
    assert jnp.abs(there).max() <= 1
    gone = jnp.any(there != z, axis=1)
    assert abs(gone.mean() - fraction) < 0.03
    step = 0.9 * slope / (0.1 + 10)
    wanted = jnp.clip(z + step[None], -1, 1)
    np.testing.assert_allclose(there, jnp.where(gone[:, None], wanted, z), rtol=1e-6)


def test_latents_that_stay_are_the_usual_game():
    gan, still = made(), logan(made(), fraction=0.0)
    usual, other = (game(each).init(KEY, turns()) for each in (gan, still))
    usual, _ = jax.jit(game(gan).step)(usual, turns())
    other, _ = jax.jit(game(still).step)(other, turns())
    same(usual.g.params, other.g.params)
    same(usual.d.params, other.d.params)


def test_images_are_sampled_from_latents_as_drawn():
    gan = made()
    state = game(gan).init(KEY, turns())
    label = jnp.zeros(5, jnp.int32)
    draw = partial(game(logan(gan)).sample, state, KEY, label)
    np.testing.assert_array_equal(draw(), game(gan).sample(state, KEY, label))
