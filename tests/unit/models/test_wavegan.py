from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax.layers import signal
from ganjax.models import wavegan
from tests.helpers.states import seat


jax.config.update("jax_numpy_rank_promotion", "raise")

KEY = jax.random.key(0)
LABEL = jnp.array([0, 1, 2, 1])
Z = jax.random.normal(KEY, (4, 5))
SOUND = jax.random.normal(KEY, (4, 256, 2))

generator = partial(wavegan.Generator, length=256, channels=2, width=4)
discriminator = partial(wavegan.Discriminator, width=4)


def normal(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def shapes(net, x):
    init = partial(net.init, train=False)
    return jax.eval_shape(init, KEY, x, LABEL)["params"]


def test_signals_lie_between_minus_one_and_one():
    net = generator()
    run = jax.jit(partial(net.apply, train=False))
    sound = run(seat(net, Z, LABEL), 100 * Z, LABEL)
    assert sound.shape == (4, 256, 2)
    assert 0.9 < jnp.abs(sound).max() <= 1


def test_quartering_is_the_definition_of_a_convolution():
    """Sample i sees the 25 samples from 4i - 11 on, and zeros beyond the ends."""
    x, kernel = normal(1, 2, 16, 3), normal(2, 25, 3, 5)
    padded = np.pad(x, ((0, 0), (11, 10), (0, 0)))
    seen = np.stack([padded[:, 4 * i : 4 * i + 25] for i in range(4)], 1)
    y = jax.jit(signal.down)(x, kernel)
    np.testing.assert_allclose(y, np.einsum("bikc,kcd->bid", seen, kernel), atol=1e-4)


def test_up_is_the_adjoint_of_down():
    x, y, kernel = normal(1, 2, 4, 3), normal(2, 2, 16, 5), normal(3, 25, 3, 5)
    back = kernel[::-1].swapaxes(1, 2)

    @jax.jit
    def both(x, y):
        return jnp.vdot(signal.up(x, kernel), y), jnp.vdot(x, signal.down(y, back))

    np.testing.assert_allclose(*both(x, y), rtol=1e-4)


def test_phase_shuffle_shifts_each_signal_by_itself_and_reflects_its_ends():
    x, shuffle = normal(1, 64, 9, 2), signal.PhaseShuffle(2)
    y = shuffle.apply({}, x, train=True, rngs={"dropout": KEY})
    padded = np.pad(x, ((0, 0), (2, 2), (0, 0)), mode="reflect")
    shifted = np.stack([padded[:, i : i + 9] for i in range(5)])
    found = (shifted == np.asarray(y)).all((2, 3))
    np.testing.assert_array_equal(found.sum(0), 1)
    assert found.any(1).all()


@pytest.mark.parametrize("radius, train", [(2, False), (0, True)])
def test_phase_shuffle_rests_in_evaluation_and_at_radius_0(radius, train):
    x = normal(1, 2, 9, 2)
    y = signal.PhaseShuffle(radius).apply({}, x, train=train)
    np.testing.assert_array_equal(y, x)


def test_the_discriminator_shuffles_in_training_alone():
    net = discriminator()
    variables = seat(net, SOUND, LABEL)

    @partial(jax.jit, static_argnums=1)
    def run(key, train):
        given = {"rngs": {"dropout": key}, "train": train}
        return net.apply(variables, SOUND, LABEL, **given)

    other = jax.random.key(1)
    assert jnp.any(run(KEY, True) != run(other, True))
    np.testing.assert_array_equal(run(KEY, False), run(other, False))


# Of the authors' networks, for z of 100: a dense layer to 16 * 1024, kernels of 25 from
# 1024 channels to 512, 256, 128, 64 and 1, and D's the other way round to one logit.
KERNELS = 25 * (1024 * 512 + 512 * 256 + 256 * 128 + 128 * 64 + 64)
COUNTS = [
    (wavegan.Generator(), (4, 100), 101 * 16384 + KERNELS + 960 + 1),
    (wavegan.Discriminator(), (4, 16384, 1), KERNELS + 1984 + 16384 + 1),
]


@pytest.mark.parametrize("net, shape, count", COUNTS, ids=["g", "d"])
def test_parameter_counts_are_the_published_ones(net, shape, count):
    leaves = jax.tree.leaves(shapes(net, jnp.zeros(shape)))
    assert sum(leaf.size for leaf in leaves) == count
