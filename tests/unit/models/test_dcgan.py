from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax.layers.normalization import Shift
from ganjax.models import dcgan
from tests.helpers.states import seat


jax.config.update("jax_numpy_rank_promotion", "raise")

KEY = jax.random.key(0)
LABEL = jnp.array([0, 1, 2, 1])
Z = jax.random.normal(KEY, (4, 5))
IMAGE = jax.random.normal(KEY, (4, 16, 16, 2))

generator = partial(dcgan.Generator, size=16, channels=2, width=6)
discriminator = partial(dcgan.Discriminator, width=6)


def test_a_generator_of_one_class_is_one_without_classes():
    plain, one = generator(), generator(classes=1)
    variables = seat(plain, Z, LABEL)

    @jax.jit
    def both(variables):
        a = plain.apply(variables, Z, LABEL, train=False)
        return a, one.apply(variables, Z, jnp.zeros_like(LABEL), train=False)

    np.testing.assert_allclose(*both(variables), atol=1e-6)


def test_dropout_acts_in_training_only():
    net, image = discriminator(dropout=0.3, norm=Shift), IMAGE[:, :8, :8]
    variables = seat(net, image, LABEL)

    @jax.jit
    def both(variables):
        calm = net.apply(variables, image, LABEL, train=False)
        rngs = {"dropout": KEY}
        return calm, net.apply(variables, image, LABEL, train=True, rngs=rngs)

    calm, loud = both(variables)
    assert jnp.all(calm != loud)


@pytest.mark.parametrize("size, grid, channels", [(32, 4, 3), (64, 4, 1), (32, 8, 3)])
def test_every_size_and_grid(size, grid, channels):
    net = dcgan.Generator(size=size, grid=grid, channels=channels, width=2)
    make = lambda: net.init_with_output(KEY, Z, LABEL, train=False)
    image, _ = jax.eval_shape(make)
    assert image.shape == (4, size, size, channels)


def test_parameter_counts_of_the_paper():
    """The 64 px networks of Radford et al. (2016), figure 1, by hand.

    G: 100 x 16384 in the dense layer, 16 (1024 x 512 + 512 x 256 + 256 x 128 + 128 x 3)
    in the convolutions, two numbers for each unit or channel that is normalized.
    D: 16 (3 x 128 + 128 x 256 + 256 x 512 + 512 x 1024), 16384, and the norms.
    """
    g = 1_638_400 + 16 * (524_288 + 131_072 + 32_768 + 384) + 2 * (16_384 + 896)
    d = 16 * (384 + 32_768 + 131_072 + 524_288) + 16_384 + 2 * 1_792
    cases = [
        (dcgan.Generator(size=64), jnp.zeros((4, 100)), g),
        (dcgan.Discriminator(), jnp.zeros((4, 64, 64, 3)), d),
        (dcgan.Generator(size=64, classes=10), Z[:, :1], g - 99 * 16_384 + 18 * 17_280),
        (dcgan.Discriminator(classes=10), jnp.zeros((4, 64, 64, 3)), d + 163_840),
    ]
    for net, x, count in cases:
        variables = jax.eval_shape(partial(net.init, train=False), KEY, x, LABEL)
        leaves = jax.tree.leaves(variables["params"])
        assert sum(leaf.size for leaf in leaves) == count


def test_initial_weights_are_those_of_the_paper():
    net = dcgan.Generator(size=8, width=64)
    make = jax.jit(partial(net.init, train=False))
    params = make(KEY, jnp.zeros((4, 100)), LABEL)["params"]
    kernel, gain = params["Dense_0"]["kernel"], params["BatchNorm_0"]["gain"]
    np.testing.assert_allclose(kernel.std(), 0.02, rtol=0.05)
    np.testing.assert_allclose(gain.std(), 0.02, rtol=0.1)
