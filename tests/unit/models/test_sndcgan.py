"""SNDCGAN against the paper's table 3."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax.errors import UsageError
from ganjax.layers.spectral_norm import identity_wrap
from ganjax.models.sndcgan import Discriminator, Generator
from tests.helpers.prints import has_fingerprint
from tests.helpers.states import seat


KEY, LABEL = jax.random.key(0), jnp.zeros(2, jnp.int32)


def count(net, x):
    variables = jax.eval_shape(lambda: net.init(KEY, x, LABEL, train=False))
    return sum(
        int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(variables["params"])
    )


@pytest.mark.parametrize("size, grid", [(32, 4), (48, 6), (64, 8), (128, 16)])
def test_the_layers_are_those_of_the_table(size, grid):
    up = [(512, 256), (256, 128), (128, 64)]
    g = 129 * grid**2 * 512 + sum(16 * a * b for a, b in up) + 9 * 64 * 3 + 3
    g += 2 * (256 + 128 + 64)  # the batch norms' gains and biases
    assert count(Generator(size), jnp.zeros((2, 128))) == g
    down = [(3, 3, 64), (4, 64, 64), (3, 64, 128), (4, 128, 128), (3, 128, 256)]
    down += [(4, 256, 256), (3, 256, 512)]
    d = sum(k * k * a * b + b for k, a, b in down) + grid**2 * 512 + 1
    assert count(Discriminator(), jnp.zeros((2, size, size, 3))) == d


def test_weights_of_an_earlier_version_give_the_same_logits():
    x = jax.random.normal(KEY, (2, 8, 16, 3))
    net = Discriminator(2, classes=3, wrap=identity_wrap)
    label = jnp.array([2, 0])
    logits = net.apply(seat(net, x, label), x, label, train=False)
    assert has_fingerprint(logits, -4.8804)


def test_every_layer_of_d_has_spectral_norm():
    x = jnp.zeros((2, 8, 8, 3))
    for net in (Discriminator(2), Discriminator(2, classes=3)):
        init = lambda net=net: net.init(KEY, x, LABEL, train=False)
        variables = jax.eval_shape(init)
        matrices = [
            leaf for leaf in jax.tree.leaves(variables["params"]) if leaf.ndim > 1
        ]
        assert len(jax.tree.leaves(variables["spectral"])) == len(matrices)


def test_a_side_that_cannot_be_halved_three_times_is_refused():
    with pytest.raises(UsageError, match="no images of 20x20 .* 16 and 24"):
        count(Generator(20), jnp.zeros((2, 8)))
    with pytest.raises(UsageError, match="no images of 20x20 .* 16 and 24"):
        count(Discriminator(), jnp.zeros((2, 20, 20, 3)))
