"""Standing statistics against the statistics of the batches themselves."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ganjax import GAN, Player, augment, game, losses
from ganjax.core import ONE, normal
from ganjax.games import standing
from ganjax.games.standing import standing_statistics
from ganjax.models import mlp
from tests.helpers.points import turns
from tests.helpers.states import same


class Normed(nn.Module):
    """z shifted by its class, times what is learned, through one batch norm."""

    momentum: float

    @nn.compact
    def __call__(self, z, label, *, train):
        x = z * self.param("scale", nn.initializers.ones, (3,))[None] + label[:, None]
        return nn.BatchNorm(not train, momentum=self.momentum)(x)


def made(net):
    adam = optax.adam(1e-2)
    return GAN(
        g=Player(net, adam),
        d=Player(mlp.Discriminator(width=4, depth=1), adam),
        loss=losses.hinge(),
        augment=augment.identity(),
        prior=normal(3),
        ema=optax.constant_schedule(0.9),
    )


@pytest.mark.parametrize("momentum", [0.5, 0.99])
def test_statistics_are_the_mean_over_the_batches(momentum):
    gan = made(Normed(momentum))
    state = game(gan).init(jax.random.key(0), turns())
    state = state.replace(
        ema=state.ema | {"params": state.ema["params"] | {"scale": jnp.full(3, 2.0)}}
    )
    label = jnp.arange(40).reshape(5, 8) % 4
    found = jax.jit(lambda state: standing_statistics(gan, state, label))(state)
    means, variances = [], []
    for i in range(5):
        key = jax.random.split(jax.random.fold_in(state.key, i))[0]
        z = np.asarray(jax.vmap(gan.prior)(ONE.keys(key, 8)), np.float64)
        x = 2 * z + np.asarray(label[i])[:, None]
        means.append(x.mean(0))
        variances.append(x.var(0))
    stats = found.ema["batch_stats"]["BatchNorm_0"]
    np.testing.assert_allclose(stats["mean"], np.mean(means, 0), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(stats["var"], np.mean(variances, 0), rtol=1e-3)
    same(found.ema["params"], state.ema["params"])
    same(found.g, state.g)


def test_samples_use_them_and_training_does_not():
    gan = made(Normed(0.9))
    usual, stood = game(gan), standing(gan, classes=2, batches=4, rows=16)
    state = usual.init(jax.random.key(0), turns())
    label = jnp.zeros(64, jnp.int32)
    image = stood.sample(state, jax.random.key(1), label)
    assert jnp.abs(image - usual.sample(state, jax.random.key(1), label)).max() > 0.1
    same(*(jax.jit(each.step)(state, turns())[0] for each in (usual, stood)))


def test_a_network_without_batch_norm_is_left_alone():
    gan = made(mlp.Generator(shape=(3,), width=4, depth=1))
    state = game(gan).init(jax.random.key(0), turns())
    assert standing_statistics(gan, state, jnp.zeros((2, 4), jnp.int32)) is state
