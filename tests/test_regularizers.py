"""Regularizers on a discriminator whose slope is known."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ganjax import GAN, Batch, Player, augment, losses
from ganjax.gan import (
    ONE,
    Look,
    Regularizer,
    Turn,
    Turns,
    init,
    normal,
    points,
)
from ganjax.models import mlp
from ganjax.regularizers import (
    approximate_r1,
    approximate_r2,
    dragan,
    gradient_penalty,
    lazily,
    r1,
    r2,
    stateless,
)
from ganjax.step import play


W = np.asarray([[1.0, -2.0], [0.5, 3.0]], np.float32)
SQUARE = float((W**2).sum())
EXACT = [r1, r2, gradient_penalty, dragan]
APPROXIMATE = [approximate_r1, approximate_r2]
EACH = pytest.mark.parametrize("term", EXACT + APPROXIMATE)


def linear(image):
    """D(x) = <w, x>: its slope is w wherever it is taken."""
    return jnp.einsum("bij,ij->b", image, jnp.asarray(W, image.dtype))


def square(image):
    """D(x) = |x|^2 / 2: its slope is x itself."""
    return jnp.sum(image**2, axis=(1, 2)) / 2


def look(d, image, label):
    slope = jax.grad(lambda image: d(image).sum())
    return Look(image, label, d(image), d, lambda: slope(image), {})


def turn(d=linear, step=0, real=None, fake=None):
    """A turn on eight random images with the discriminator `d`."""
    images = jax.random.normal(jax.random.key(0), (2, 8, 2, 2))
    images = [
        x if x is not None else y for x, y in zip((real, fake), images, strict=True)
    ]
    rows, key = len(images[0]), jax.random.key(1)
    label = jnp.zeros(rows, jnp.int32)
    looks = [look(d, image, label) for image in images]
    z, step = jnp.zeros((rows, 1)), jnp.asarray(step)
    return Turn(lambda *_: images[1], d, z, z, *looks, {}, {}, key, step, ONE)


def value(term: Regularizer, turn: Turn) -> float:
    return float(term.apply(turn, term.init())[0])


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
    image = np.asarray(getattr(turn(square), side).image, np.float64)
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


def test_dragan_stays_within_half_a_deviation_above_the_reals():
    real = turn().real.image
    moved = points_of(dragan, fake=jnp.full((8, 2, 2), np.nan)) - np.asarray(real)
    most = 0.5 * float(real.std())
    assert (moved >= -1e-6).all() and most / 2 < moved.max() <= most


def test_a_stateless_term_is_its_function_and_remembers_nothing():
    term = stateless(lambda turn: 2.0 * turn.real.logits.mean())
    paid, memory = term.apply(turn(), term.init())
    np.testing.assert_allclose(paid, 2 * linear(turn().real.image).mean(), rtol=1e-6)
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


class Plane(nn.Module):
    """D(x) = <w, x> as a network, that forgets a share of x."""

    rate: float = 0.0

    @nn.compact
    def __call__(self, image, label, *, train):
        image = nn.Dropout(self.rate, deterministic=not train)(image)
        return nn.Dense(1, use_bias=False)(image)[:, 0]


def behind(change, term, rate=0.0):
    """What `term` costs behind an augmentation, and |w|^2."""
    gan = GAN(
        g=Player(mlp.Generator(shape=(2,), width=2, depth=0), optax.sgd(1.0)),
        d=Player(Plane(rate), optax.sgd(1.0)),
        loss=losses.wasserstein(),
        augment=augment.fixed(change),
        prior=normal(1),
        ema=optax.constant_schedule(0.0),
        decode=points,
    )
    batch = Batch(jnp.ones((64, 2)), jnp.zeros(64, jnp.int32))
    state = init(gan, jax.random.key(0), Turns(batch, batch))
    draw = jax.random.key(1), batch
    cost = lambda state: term(2.0).apply(play(gan, ONE, state, draw), ())[0]
    return jax.jit(cost)(state), jnp.sum(state.d.params["Dense_0"]["kernel"] ** 2)


@pytest.mark.parametrize("term", [r1, r2])
def test_penalties_differentiate_through_the_augmentation(term):
    for scale, wanted in ((1, 1.0), (2, 4.0)):
        cost, square = behind(lambda key, x, p, scale=scale: scale * x, term)
        np.testing.assert_allclose(cost, wanted * square, rtol=1e-6)
