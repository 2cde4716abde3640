"""The penalties by finite differences beside the exact ones."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax.core import Devices
from ganjax.regularizers import approximate_r1, approximate_r2, r1, r2
from tests.helpers.slopes import APPROXIMATE, behind, linear, turn, value


def curved(w, image):
    """A D of one hidden layer; w [4, 2, 2]."""
    return jnp.tanh(jnp.einsum("bij,kij->bk", image, w)).sum(1)


def expected(term, turn, draws=8192):
    """The mean of a term over its noise."""
    keys = jax.random.split(jax.random.key(3), draws)
    paid = jax.vmap(lambda key: term.apply(turn._replace(key=key), ())[0])
    return float(jax.jit(paid)(keys).mean())


WEIGHTS = jax.random.normal(jax.random.key(4), (4, 2, 2))
PAIRS = pytest.mark.parametrize(
    ("term", "exact"), [(approximate_r1, r1), (approximate_r2, r2)]
)


@PAIRS
@pytest.mark.parametrize("d", [linear, partial(curved, WEIGHTS)], ids=["line", "curve"])
def test_over_the_noise_the_approximation_costs_as_much_as_the_exact_penalty(
    term, exact, d
):
    wanted = value(exact(3.0), turn(d))
    np.testing.assert_allclose(expected(term(3.0), turn(d)), wanted, rtol=0.03)


@pytest.mark.parametrize("term", APPROXIMATE)
def test_of_a_linear_d_sigma_does_not_matter(term):
    one, two = value(term(1.0, 0.01), turn()), value(term(1.0, 1.0), turn())
    np.testing.assert_allclose(one, two, rtol=1e-3)


@PAIRS
def test_the_approximation_s_gradient_points_where_the_exact_one_s_does(term, exact):
    images = jax.random.normal(jax.random.key(5), (2, 1024, 2, 2))

    def slope(term):
        def cost(w):
            return term(1.0).apply(turn(partial(curved, w), 0, *images), ())[0]

        return jax.jit(jax.grad(cost))(WEIGHTS).ravel()

    ours, theirs = slope(term), slope(exact)
    cosine = ours @ theirs / jnp.linalg.norm(ours) / jnp.linalg.norm(theirs)
    assert cosine > 0.9
    assert 0.7 < jnp.linalg.norm(ours) / jnp.linalg.norm(theirs) < 1.4


@pytest.mark.parametrize("term", APPROXIMATE)
def test_the_noise_of_a_row_does_not_depend_on_the_devices(term):
    def half(index):
        rows = slice(4 * index, 4 * index + 4)
        cut = lambda look: look._replace(
            x=look.x[rows], label=look.label[rows], logits=look.logits[rows]
        )
        on = Devices(index=lambda: index)
        return whole._replace(real=cut(whole.real), fake=cut(whole.fake), on=on)

    whole = turn()
    mean = (value(term(1.0), half(0)) + value(term(1.0), half(1))) / 2
    np.testing.assert_allclose(mean, value(term(1.0), whole), rtol=1e-5)


@pytest.mark.parametrize("term", APPROXIMATE)
def test_the_second_look_is_through_the_augmentation_and_dropout_of_the_first(term):
    """Another draw of either would be a rise of the order of 1 / sigma^2 = 10^4."""
    move = lambda key, image, p: image + jax.random.normal(key, image.shape)
    cost, square = behind(move, term, rate=0.5)
    assert square / 2 < cost < 8 * square


@pytest.mark.parametrize("term", APPROXIMATE)
def test_sigma_follows_its_schedule(term):
    d = partial(curved, WEIGHTS)
    scheduled = value(term(2.0, lambda step: step / 10), turn(d, step=5))
    fixed = value(term(2.0, 0.5), turn(d))
    np.testing.assert_allclose(scheduled, fixed, rtol=1e-6)
    assert abs(fixed / value(term(2.0), turn(d)) - 1) > 1e-3
