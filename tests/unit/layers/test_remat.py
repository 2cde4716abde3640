"""A network that computes twice gives the same, and keeps less in between."""

from collections.abc import Callable
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ganjax import GAN, Batch, Player, augment, losses
from ganjax.core import ONE, Turns, d_turn, init, normal
from ganjax.layers import heads
from ganjax.layers.mixed_precision import Mixed
from ganjax.layers.normalization import BatchNorm
from ganjax.layers.remat import Remat
from ganjax.layers.spectral_norm import SpectralNorm
from ganjax.models import mlp, stylegan2
from ganjax.regularizers import r1


KEY = jax.random.key(0)
LABEL = jnp.asarray([0, 1, 2, 1])
Z = jax.random.normal(KEY, (4, 5))
IMAGE = jax.random.normal(KEY, (4, 8, 8, 3))


class Forgetful(nn.Module):
    """Draws from both rngs and has statistics."""

    @nn.compact
    def __call__(self, x, label, *, train):
        x = nn.Dropout(0.5, deterministic=not train)(nn.Dense(6)(x))
        x = BatchNorm()(x, label, train=train)
        return jnp.sin(x + jax.random.normal(self.make_rng("noise"), x.shape))


def spectral(layer):
    """A layer with a state of its own that computes twice."""
    return Remat(SpectralNorm(layer))


def residual(features):
    """A block of StyleGAN2 that computes twice."""
    return Remat(stylegan2.Residual(features))


Plain = partial(Mixed, dtype=jnp.float32)  # which changes nothing but the names
style = partial(stylegan2.Discriminator, width=2, group=2)
head = partial(heads.Projection, 3)
PAIRS = {
    "whole": (Plain(Forgetful()), Remat(Forgetful()), Z),
    "block": (style(), style(block=residual), IMAGE),
    "layer": (Plain(head(SpectralNorm)), Plain(head(spectral)), Z),
}
EACH = pytest.mark.parametrize(("plain", "twice", "x"), PAIRS.values(), ids=PAIRS)


@EACH
def test_its_variables_have_the_names_that_they_had(plain, twice, x):
    trees = [
        jax.eval_shape(partial(net.init, train=False), KEY, x, LABEL)
        for net in (plain, twice)
    ]
    assert trees[0] == trees[1]


@EACH
def test_outputs_statistics_and_gradients_are_the_same(plain, twice, x):
    """And so is the gradient of a gradient."""
    given = jax.jit(partial(plain.init, train=False))(KEY, x, LABEL)
    stats = sorted(set(given) - {"params"})
    rngs = {"dropout": KEY, "noise": KEY}

    def play(net):
        def value(params, x):
            apply = partial(net.apply, train=True, mutable=stats, rngs=rngs)
            y, moved = apply({**given, "params": params}, x, LABEL)
            return jnp.sum(y**2), (y, moved)

        def steep(params):
            slope, _ = jax.grad(value, argnums=1, has_aux=True)(params, x)
            return jnp.sum(slope**2)

        params = given["params"]
        return jax.grad(value, has_aux=True)(params, x), jax.grad(steep)(params)

    wanted, ours = jax.jit(lambda: (play(plain), play(twice)))()
    for tree, other in zip(jax.tree.leaves(wanted), jax.tree.leaves(ours), strict=True):
        most = float(jnp.abs(tree).max())
        np.testing.assert_allclose(other, tree, atol=1e-5 * most)
    assert all(jnp.any(leaf != 0) for leaf in jax.tree.leaves(wanted[0]))


def kept(net, x):
    """How many numbers, but for weights and x, wait for the way back."""
    given = jax.eval_shape(partial(net.init, train=False), KEY, x, LABEL)
    run = partial(net.apply, train=True, mutable=sorted(given))
    back = lambda given: jax.vjp(lambda given: run(given, x, LABEL)[0], given)[1]
    count = lambda tree: sum(leaf.size for leaf in jax.tree.leaves(tree))
    return count(jax.eval_shape(back, given)) - count(given) - x.size


def test_a_whole_network_keeps_nothing_and_blocks_keep_what_lies_between_them():
    image = jnp.zeros((4, 32, 32, 3))
    assert kept(Remat(style()), image) <= 0
    assert 0 < kept(style(block=residual), image) < 0.6 * kept(style(), image)


class Deep(nn.Module):
    """D of four blocks of four layers each."""

    wrap: Callable[[nn.Module], nn.Module] = lambda block: block

    @nn.compact
    def __call__(self, image, label, *, train):
        x = image.reshape(len(image), -1)
        for _ in range(4):
            x = self.wrap(Block())(x)
        return x.sum(-1)


class Block(nn.Module):
    @nn.compact
    def __call__(self, x):
        for _ in range(4):
            x = jnp.tanh(nn.Dense(x.shape[-1])(x))
        return x


def taken(d):
    """Bytes in between for a turn of D with R1."""
    gan = GAN(
        g=Player(mlp.Generator((8, 8, 1), width=2, depth=0), optax.sgd(1.0)),
        d=Player(d, optax.sgd(1.0), {"r1": r1(1.0)}),
        loss=losses.relativistic(),
        augment=augment.identity(),
        prior=normal(2),
        ema=optax.constant_schedule(0.0),
    )
    batch = Batch(jnp.zeros((256, 8, 8, 1)), jnp.zeros(256, jnp.int32))
    state = jax.eval_shape(partial(init, gan), KEY, Turns(batch, batch))
    lowered = jax.jit(partial(d_turn, gan, ONE)).lower(state, (KEY, batch))
    # On a CPU alone XLA drops the barriers before it looks for equal products.
    options = {"xla_disable_hlo_passes": "cse_barrier_expander"}
    program = lowered.compile(compiler_options=options)
    return program.memory_analysis().temp_size_in_bytes


def test_a_turn_of_a_deep_d_takes_less_memory():
    assert taken(Deep(Remat)) < 0.7 * taken(Deep())
