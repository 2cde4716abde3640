from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax.models import mlp
from tests.helpers.states import seat


jax.config.update("jax_numpy_rank_promotion", "raise")

KEY = jax.random.key(0)
LABEL = jnp.array([0, 1, 2, 1])
Z = jax.random.normal(KEY, (4, 5))
IMAGE = jax.random.normal(KEY, (4, 4, 4, 2))


def generator(**attributes):
    return mlp.Generator(shape=(4, 4, 2), width=8, depth=2, **attributes)


def discriminator(**attributes):
    return mlp.Discriminator(width=8, depth=2, **attributes)


def test_shapes_and_ranges():
    image = generator().apply(seat(generator(), Z, LABEL), Z, LABEL, train=False)
    assert image.shape == (4, 4, 4, 2)
    assert jnp.abs(image).max() <= 1
    points = mlp.Generator(shape=(2,), width=8, depth=1, output=mlp.linear)
    point = points.apply(seat(points, Z, LABEL), Z, LABEL, train=False)
    assert point.shape == (4, 2)
    assert jnp.abs(point).max() > 1


@pytest.mark.parametrize("net, x", [(generator, Z), (discriminator, IMAGE)])
def test_without_classes_the_label_does_not_matter(net, x):
    run = jax.jit(partial(net().apply, seat(net(), x, LABEL), x, train=False))
    np.testing.assert_array_equal(run(LABEL), run((LABEL + 1) % 3))


def test_parameter_counts():
    """By hand: 5x8+8, 8x8+8, 8x32+32 for G; 32x8+8, 8x8+8, 8+1 for D."""
    for net, x, count in ((generator, Z, 408), (discriminator, IMAGE, 345)):
        params = seat(net(), x, LABEL)["params"]
        assert sum(leaf.size for leaf in jax.tree.leaves(params)) == count


def test_both_are_functions_of_each_example_alone():
    net = discriminator(classes=3)
    variables = seat(net, IMAGE, LABEL)
    whole = net.apply(variables, IMAGE, LABEL, train=True)
    part = net.apply(variables, IMAGE[1:2], LABEL[1:2], train=True)
    np.testing.assert_allclose(whole[1:2], part, rtol=1e-5)
