"""Regularizers on a discriminator whose slope is known."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ganjax import regularizers
from ganjax.gan import ONE, Look, Turn


W = jnp.asarray([[1.0, -2.0], [0.5, 3.0]])
SQUARE = float((W**2).sum())


def turn(d=lambda image: (image * W[None]).sum((1, 2)), step=0):
    """A turn on eight random images with the discriminator `d`, linear by default."""
    real, fake = jax.random.normal(jax.random.key(0), (2, 8, 2, 2))
    label, key = jnp.zeros(8, jnp.int32), jax.random.key(1)
    looks = (Look(image, label, d(image), d) for image in (real, fake))
    step = jnp.asarray(step)
    z = jnp.zeros((8, 1))
    return Turn(lambda *a: fake, lambda x, _: d(x), z, *looks, {}, {}, key, step, ONE)


def value(term, turn):
    return float(term.apply(turn, term.init())[0])


@pytest.mark.parametrize("term", [regularizers.r1, regularizers.r2])
def test_r1_and_r2_are_half_gamma_times_the_squared_slope(term):
    np.testing.assert_allclose(value(term(3.0), turn()), 1.5 * SQUARE, rtol=1e-6)


@pytest.mark.parametrize("term", [regularizers.gradient_penalty, regularizers.dragan])
def test_the_bent_penalties_want_a_slope_of_one(term):
    wanted = 10 * (np.sqrt(SQUARE) - 1) ** 2
    np.testing.assert_allclose(value(term(10.0), turn()), wanted, rtol=1e-5)
    assert value(term(10.0, np.sqrt(SQUARE)), turn()) < 1e-9


def test_a_coefficient_may_follow_a_schedule():
    term = regularizers.r1(optax.linear_schedule(2.0, 0.0, 10))
    for step, gamma in ((0, 2.0), (5, 1.0), (10, 0.0)):
        np.testing.assert_allclose(value(term, turn(step=step)), gamma / 2 * SQUARE)


def test_lazily_costs_the_same_on_average_and_remembers_only_when_it_pays():
    count = regularizers.Regularizer(
        init=lambda: jnp.zeros(()),
        apply=lambda turn, memory: (jnp.asarray(2.0), memory + 1),
    )
    term, memory, values = regularizers.lazily(4, count), jnp.zeros(()), []
    for step in range(8):
        paid, memory = term.apply(turn(step=step), memory)
        values.append(float(paid))
    assert values == [8, 0, 0, 0] * 2
    assert float(memory) == 2


def test_its_own_gradient_agrees_with_finite_differences():
    def cost(w):
        d = lambda image: jnp.tanh(image * w[None]).sum((1, 2)) ** 2
        return regularizers.r1(1.0).apply(turn(d), ())[0]

    with jax.enable_x64(True):
        w = jnp.asarray(W, jnp.float64)
        grads = jax.grad(cost)(w)
        for place in np.ndindex(2, 2):
            bump = jnp.zeros((2, 2)).at[place].set(1e-6)
            slope = (cost(w + bump) - cost(w - bump)) / 2e-6
            np.testing.assert_allclose(grads[place], slope, rtol=1e-3)
