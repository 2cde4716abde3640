"""What a GAN is made of: numbers that follow the step, priors, states and samples."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ganjax import GAN, Batch, Player, augment, losses
from ganjax.core import (
    Turns,
    at,
    half_life,
    init,
    normal,
    pixels,
    points,
    uniform,
)
from ganjax.games import game
from ganjax.models import mlp
from ganjax.regularizers import r1
from tests.helpers.states import apart, same


class Noisy(nn.Module):
    """Batch norm, a class, and noise of each row's own: all that a G may hold."""

    @nn.compact
    def __call__(self, z, label, *, train):
        x = nn.Dense(2)(jnp.concatenate([z, jax.nn.one_hot(label, 3)], axis=-1))
        x = nn.BatchNorm(not train, momentum=0.5)(x)
        return x + jax.random.normal(self.make_rng("noise"), x.shape)


def made(**parts):
    adam = optax.adam(1e-2)
    gan = GAN(
        g=Player(Noisy(), adam),
        d=Player(mlp.Discriminator(width=2, depth=1), adam, {"r1": r1(1.0)}),
        loss=losses.hinge(),
        augment=augment.fixed(lambda key, image, p: image, 0.25),
        prior=normal(3),
        ema=optax.constant_schedule(0.5),
    )
    return gan._replace(**parts)


def turns(fill=0.0, batch=4):
    label = jnp.zeros(batch, jnp.int32)
    g = Batch(jnp.full((batch, 2), fill), label)
    return Turns(jax.tree.map(lambda x: x[None], g), g)


@pytest.fixture(scope="module")
def state():
    return init(made(), jax.random.key(0), turns())


def test_a_number_is_a_constant_or_a_schedule():
    assert at(3.0, jnp.asarray(5)) == 3
    assert at(lambda step: 2 * step, jnp.asarray(5)) == 10


def test_half_life_is_in_images():
    """A weight halves while `images` go by, whatever the batch."""
    for batch in (10, 50, 1000):
        decay = half_life(1000, batch)(jnp.asarray(7))
        np.testing.assert_allclose(decay ** (1000 / batch), 0.5, rtol=1e-5)


def test_half_life_begins_as_a_share_of_the_images_seen():
    decay = half_life(1000, batch=10, ramp=0.05)
    assert decay(jnp.asarray(0)) == 0
    for step, life in ((1, 0.5), (100, 50), (2000, 1000), (10**6, 1000)):
        wanted = 0.5 ** (10 / life)
        np.testing.assert_allclose(decay(jnp.asarray(step)), wanted, rtol=1e-5)


def test_normal_and_uniform_are_what_they_say():
    keys = jax.random.split(jax.random.key(0), 4096)
    gauss, flat = (np.asarray(jax.vmap(prior(3))(keys)) for prior in (normal, uniform))
    for z, deviation in ((gauss, 1.0), (flat, 3**-0.5)):
        assert z.shape == (4096, 3) and z.dtype == np.float32
        assert (np.abs(z.mean(axis=0)) < 0.08).all()
        np.testing.assert_allclose(z.std(axis=0), deviation, rtol=0.05)
        assert np.abs(np.corrcoef(z.T) - np.eye(3)).max() < 0.08
    assert -1 <= flat.min() < -0.99 and 0.99 < flat.max() < 1
    assert np.abs(gauss).max() > 3


def test_pixels_go_from_minus_one_to_one():
    stored = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    image = pixels(stored)
    assert image.shape == stored.shape and image.dtype == jnp.float32
    assert image.min() == -1 and image.max() == 1
    np.testing.assert_allclose(np.diff(image.ravel()), 1 / 127.5, rtol=1e-4)


def test_points_stay_as_they_are():
    stored = np.float32([[1.5, -300.0]])
    np.testing.assert_array_equal(points(stored), stored)


def test_no_two_arrays_of_a_new_state_share_memory(state):
    """Or the state could not be donated."""
    raw = [jax.random.key_data(state.key), *jax.tree.leaves(state.replace(key=()))]
    places = [x.unsafe_buffer_pointer() for x in raw]
    assert len(set(places)) == len(places)


def test_a_new_state_holds_both_players_and_an_average_that_equals_g(state):
    assert state.step == 0 and state.step.dtype == jnp.int32
    same(state.ema, {"params": state.g.params, **state.g.stats})
    assert set(state.g.stats) == {"batch_stats"} and state.d.stats == {}
    assert state.g.memory == {} and state.d.memory == {"r1": ()}
    assert state.g.opt[0].count == 0 and state.augment.p == 0.25


def test_a_new_state_follows_from_the_key_and_the_shapes_alone(state):
    same(init(made(), jax.random.key(0), turns(fill=jnp.nan)), state)
    other = init(made(), jax.random.key(1), turns())
    for player in ("g", "d"):
        gap = apart(getattr(other, player).params, getattr(state, player).params)
        assert gap["['Dense_0']['kernel']"] > 0
    assert (jax.random.key_data(other.key) != jax.random.key_data(state.key)).any()


def test_two_players_of_one_network_begin_with_weights_of_their_own():
    player = Player(mlp.Discriminator(width=2, depth=1), optax.adam(1e-2))
    state = init(made(g=player, d=player, prior=normal(2)), jax.random.key(0), turns())
    gaps = apart(state.g.params, state.d.params)
    assert min(by for path, by in gaps.items() if "kernel" in path) > 0


def test_row_i_of_a_sample_follows_from_the_key_and_i_alone(state):
    label, key = jnp.asarray([0, 1, 2, 0, 1, 2, 0, 1]), jax.random.key(5)
    eight, three = (game(made()).sample(state, key, x) for x in (label, label[:3]))
    assert eight.shape == (8, 2)
    np.testing.assert_allclose(eight[:3], three, rtol=1e-5, atol=1e-6)
    changed = game(made()).sample(state, key, label.at[1].set(0))
    np.testing.assert_array_equal((changed != eight).all(axis=1), np.arange(8) == 1)
    other = game(made()).sample(state, jax.random.key(6), label)
    assert (other != eight).all() and len(np.unique(eight, axis=0)) == 8


def test_samples_come_from_the_average_and_not_from_g(state):
    label, key = jnp.zeros(2, jnp.int32), jax.random.key(5)
    before = game(made()).sample(state, key, label)
    broken = jax.tree.map(lambda x: x * jnp.nan, state.g.params)
    moved = state.replace(g=state.g.replace(params=broken))
    np.testing.assert_array_equal(game(made()).sample(moved, key, label), before)
    moved = state.replace(ema=jax.tree.map(lambda x: x + 1, state.ema))
    assert (game(made()).sample(moved, key, label) != before).all()
