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


# What the released `apply_phaseshuffle` makes of 0..8, written down for every shift of a
# radius of 2: later samples move to the right where it is positive.
SHIFTED = {
    -2: [2, 3, 4, 5, 6, 7, 8, 7, 6],
    -1: [1, 2, 3, 4, 5, 6, 7, 8, 7],
    0: [0, 1, 2, 3, 4, 5, 6, 7, 8],
    1: [1, 0, 1, 2, 3, 4, 5, 6, 7],
    2: [2, 1, 0, 1, 2, 3, 4, 5, 6],
}


def test_phase_shuffle_makes_every_shift_of_the_released_program_and_no_other():
    x = jnp.broadcast_to(jnp.arange(9.0).reshape(1, 9, 1), (200, 9, 1))
    y = signal.PhaseShuffle(2).apply({}, x, train=True, rngs={"dropout": KEY})
    found = [tuple(row) for row in np.asarray(y[..., 0], int)]
    counts = {shift: found.count(tuple(row)) for shift, row in SHIFTED.items()}
    assert sum(counts.values()) == 200
    # Each has a fifth of 200, give or take four standard deviations.
    assert min(counts.values()) > 40 - 4 * 5.7 and max(counts.values()) < 40 + 4 * 5.7


def released(length, dim, channels):
    """Parameters of the released networks, G of 100 latents and D, layer by layer.

    `WaveGANGenerator` of 16,384 samples begins with 16 * dim channels, of 65,536 with 32
    * dim, and has a kernel of 25 and a bias in every layer; D has the same the other way
    round.
    """
    widths = [dim * 2**i for i in range(6 if length == 65_536 else 5)][::-1]
    g = 100 * 16 * widths[0] + 16 * widths[0]
    for before, after in zip(widths, [*widths[1:], channels], strict=True):
        g += 25 * before * after + after
    d = 16 * widths[0] + 1
    for before, after in zip([channels, *widths[::-1]], widths[::-1], strict=False):
        d += 25 * before * after + after
    return g, d


# The first is that of the paper; the others are flags of the released program.
SETTINGS = [(16_384, 64, 1), (16_384, 32, 2), (65_536, 32, 1), (65_536, 64, 2)]


@pytest.mark.parametrize("length, dim, channels", SETTINGS)
def test_parameter_counts_are_the_released_ones(length, dim, channels):
    g = wavegan.Generator(length, channels, dim)
    d = wavegan.Discriminator(dim)
    given = (g, (4, 100)), (d, (4, length, channels))
    found = [
        sum(leaf.size for leaf in jax.tree.leaves(shapes(net, jnp.zeros(shape))))
        for net, shape in given
    ]
    assert tuple(found) == released(length, dim, channels)
    if (length, dim, channels) == SETTINGS[0]:
        assert found == [19_065_345, 17_427_969]
