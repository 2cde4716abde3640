"""Regularizers on a discriminator whose slope is known."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ganjax.core import Devices, Regularizer
from ganjax.regularizers import (
    dragan,
    gradient_penalty,
    lazily,
    max_gradient_penalty,
    r1,
    r2,
    stateless,
)
from tests.helpers.slopes import (
    APPROXIMATE,
    W,
    behind,
    linear,
    square,
    turn,
    value,
)


SQUARE = float((W**2).sum())
EXACT = [r1, r2, gradient_penalty, dragan]
EACH = pytest.mark.parametrize("term", EXACT + APPROXIMATE)


@EACH
def test_a_penalty_grows_with_its_coefficient_and_follows_its_schedule(term):
    scheduled = term(optax.linear_schedule(2.0, 0.0, 10))
    one = value(term(1.0), turn())
    assert one > 0
    for step, weight in ((0, 2.0), (5, 1.0), (10, 0.0)):
        paid = value(scheduled, turn(step=step))
        np.testing.assert_allclose(paid, weight * one, rtol=1e-6)


@pytest.mark.parametrize("term", EXACT)
def test_of_a_linear_d_it_does_not_matter_where_the_slope_is_taken(term):
    other = turn(real=jnp.ones((8, 2, 2)))._replace(key=jax.random.key(2))
    one, two = value(term(1.0), turn()), value(term(1.0), other)
    np.testing.assert_allclose(one, two, rtol=1e-6)


@pytest.mark.parametrize("term", [r1, r2])
def test_r1_and_r2_are_half_gamma_times_the_squared_slope(term):
    np.testing.assert_allclose(value(term(3.0), turn()), 1.5 * SQUARE, rtol=1e-6)


@pytest.mark.parametrize(("term", "side"), [(r1, "real"), (r2, "fake")])
def test_r1_looks_at_the_real_images_and_r2_at_the_fakes(term, side):
    image = np.asarray(getattr(turn(square), side).x, np.float64)
    wanted = (image**2).sum(axis=(1, 2)).mean() / 2
    np.testing.assert_allclose(value(term(1.0), turn(square)), wanted, rtol=1e-6)


@pytest.mark.parametrize("term", [gradient_penalty, dragan])
def test_the_bent_penalties_want_a_slope_of_one(term):
    wanted = 10 * (np.sqrt(SQUARE) - 1) ** 2
    np.testing.assert_allclose(value(term(10.0), turn()), wanted, rtol=1e-5)
    assert value(term(10.0, np.sqrt(SQUARE)), turn()) < 1e-9


@pytest.mark.parametrize("term", [gradient_penalty, dragan])
def test_a_flat_d_has_a_finite_gradient(term):
    def cost(w):
        return term(1.0).apply(turn(lambda image: w * linear(image)), ())[0]

    paid, slope = jax.value_and_grad(cost)(0.0)
    np.testing.assert_allclose(paid, 1.0, rtol=1e-5)
    assert np.isfinite(slope)


def points_of(term, **images):
    """Where a bent penalty takes the slope, seen by a D that tells: [b, 2, 2]."""
    seen = []

    def d(image):
        jax.debug.callback(lambda x: seen.append(np.asarray(x)), image)
        return linear(image)

    value(term(1.0), turn(d, **images))
    jax.effects_barrier()
    return seen[-1]


def test_the_gradient_penalty_lies_on_the_line_from_each_fake_to_its_real():
    real, fake = jnp.ones((8, 2, 2)), -jnp.ones((8, 2, 2))
    between = points_of(gradient_penalty, real=real, fake=fake)
    share = between.reshape(8, -1)
    assert (np.abs(share) < 1).all()
    np.testing.assert_array_equal(share, share[:, :1].repeat(4, axis=1))
    assert len(np.unique(share)) == 8


def test_each_row_of_the_gradient_penalty_lies_a_share_of_its_own_way():
    seen = turn()
    real, fake = (np.asarray(look.x).reshape(8, 4) for look in (seen.real, seen.fake))
    share = (points_of(gradient_penalty).reshape(8, 4) - fake) / (real - fake)
    np.testing.assert_allclose(share, share[:, :1].repeat(4, axis=1), rtol=1e-3)
    assert (share > 0).all() and (share < 1).all()


def test_dragan_stays_within_half_a_deviation_above_the_reals():
    real = turn().real.x
    moved = points_of(dragan, fake=jnp.full((8, 2, 2), np.nan)) - np.asarray(real)
    most = 0.5 * float(real.std())
    assert (moved >= -1e-6).all() and most / 2 < moved.max() <= most


@EACH
def test_replicas_agree_on_what_the_whole_batch_costs(term):
    """Each row's draws and the batch's deviation are those of the whole batch."""
    whole = turn(square, real=3 * turn().real.x)
    parts = lambda x: x.reshape(2, 4, *x.shape[1:])
    mean = partial(jax.lax.pmean, axis_name="data")
    index = partial(jax.lax.axis_index, "data")

    def replica(real, fake):
        part = turn(square, real=real, fake=fake)
        part = part._replace(key=whole.key, on=Devices(mean, index, count=2))
        return mean(term(1.0).apply(part, ())[0])

    both = jax.vmap(replica, axis_name="data")
    found = both(parts(whole.real.x), parts(whole.fake.x))
    np.testing.assert_allclose(found, value(term(1.0), whole), rtol=1e-5)


def test_a_stateless_term_is_its_function_and_remembers_nothing():
    term = stateless(lambda turn: 2.0 * turn.real.logits.mean())
    paid, memory = term.apply(turn(), term.init())
    np.testing.assert_allclose(paid, 2 * linear(turn().real.x).mean(), rtol=1e-6)
    assert memory == term.init() == ()


def test_lazily_costs_the_same_on_average_and_remembers_only_when_it_pays():
    count = Regularizer(
        init=lambda: jnp.zeros(()),
        apply=lambda turn, memory: (2.0 + memory, memory + 1),
    )
    term, memory, paid, kept = lazily(4, count), jnp.zeros(()), [], []
    for step in range(8):
        cost, memory = term.apply(turn(step=step), memory)
        paid.append(float(cost))
        kept.append(float(memory))
    assert paid == [8, 0, 0, 0, 12, 0, 0, 0]
    assert kept == [1, 1, 1, 1, 2, 2, 2, 2]


def test_lazily_every_step_changes_nothing():
    for step in (0, 1, 2):
        each = turn(step=step)
        np.testing.assert_allclose(
            value(lazily(1, r1(1.0)), each), value(r1(1.0), each)
        )


@EACH
def test_a_penalty_s_own_gradient_agrees_with_finite_differences(term):
    """In D's parameters, hence of the second order."""

    def cost(w):
        images = jnp.linspace(-1.0, 2.0, 64, dtype=w.dtype).reshape(2, 8, 2, 2)
        d = lambda image: jnp.tanh(jnp.einsum("bij,ij->b", image, w)) ** 2
        return term(1.0).apply(turn(d, 0, *images), ())[0]

    with jax.enable_x64(True):
        w = jnp.asarray(W, jnp.float64) / 4
        bumps = 1e-5 * jnp.eye(4).reshape(4, 2, 2)
        grad, cost = jax.jit(jax.grad(cost)), jax.jit(cost)
        slopes = [float(cost(w + b) - cost(w - b)) / 2e-5 for b in bumps]
        assert max(np.abs(slopes)) > 1e-3
        np.testing.assert_allclose(grad(w).ravel(), slopes, rtol=1e-3, atol=1e-8)


@pytest.mark.parametrize("term", [r1, r2])
def test_penalties_differentiate_through_the_augmentation(term):
    for scale, wanted in ((1, 1.0), (2, 4.0)):
        cost, square = behind(lambda key, x, p, scale=scale: scale * x, term)
        np.testing.assert_allclose(cost, wanted * square, rtol=1e-6)


@pytest.mark.parametrize("term", [gradient_penalty, dragan, max_gradient_penalty])
def test_between_images_d_is_augmented_as_the_reals_were(term):
    unused = lambda *_: pytest.fail("only D as it saw the reals has the slope")
    seen = turn()
    real = seen.real._replace(d=lambda image: linear(3 * image))
    seen = seen._replace(real=real, fake=seen.fake._replace(d=unused), d=unused)
    norm = 3 * np.sqrt(SQUARE)
    wanted = norm**2 if term is max_gradient_penalty else (norm - 1) ** 2
    np.testing.assert_allclose(value(term(1.0), seen), wanted, rtol=1e-5)


def test_dragan_moves_each_image_by_a_share_of_noise_of_its_own_for_each_pixel():
    seen, c = turn(), 0.8
    noise = lambda key: jax.random.uniform(key, (2, 2))
    noise = np.asarray(jax.vmap(noise)(seen.keys("dragan_noise")))
    share = np.asarray(jax.vmap(jax.random.uniform)(seen.keys("dragan_share")))
    real = np.asarray(seen.real.x)
    wanted = real + share[:, None, None] * c * real.std() * noise
    found = points_of(lambda weight: dragan(weight, c=c))
    np.testing.assert_allclose(found, wanted, rtol=1e-5)
