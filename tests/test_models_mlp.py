from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax.models import mlp


jax.config.update("jax_numpy_rank_promotion", "raise")

KEY = jax.random.key(0)
LABEL = jnp.array([0, 1, 2, 1])
Z = jax.random.normal(KEY, (4, 5))
IMAGE = jax.random.normal(KEY, (4, 4, 4, 2))
POINTS = jax.random.normal(KEY, (4, 2))


def generator(**attributes):
    return mlp.Generator(shape=(4, 4, 2), width=8, depth=2, **attributes)


def discriminator(**attributes):
    return mlp.Discriminator(width=8, depth=2, **attributes)


BOTH = pytest.mark.parametrize(
    "net, x",
    [(generator, Z), (discriminator, IMAGE), (discriminator, POINTS)],
    ids=["g", "d", "d of points"],
)


def seat(net, x):
    """Parameters of the right shapes, without compiling their making."""
    shapes = jax.eval_shape(partial(net.init, train=False), KEY, x, LABEL)
    rng = np.random.default_rng(0)
    draw = lambda leaf: jnp.asarray(rng.normal(size=leaf.shape), leaf.dtype)
    return jax.tree.map(draw, shapes)


def test_shapes_and_ranges():
    image = generator().apply(seat(generator(), Z), Z, LABEL, train=False)
    assert image.shape == (4, 4, 4, 2)
    assert jnp.abs(image).max() <= 1
    points = mlp.Generator(shape=(2,), width=8, depth=1, output=mlp.linear)
    point = points.apply(seat(points, Z), Z, LABEL, train=False)
    assert point.shape == (4, 2)
    assert jnp.abs(point).max() > 1


@BOTH
def test_the_label_matters_only_where_there_are_classes(net, x):
    for classes, changes in ((0, False), (3, True)):
        module = net(classes=classes)
        variables = seat(module, x)
        run = jax.jit(partial(module.apply, variables, x, train=False))
        a, b = run(LABEL), run((LABEL + 1) % 3)
        assert jnp.any(a != b, axis=tuple(range(1, a.ndim))).all() == changes


@BOTH
def test_gradients_reach_every_parameter(net, x):
    module = net(classes=3)
    params = seat(module, x)["params"]
    value = lambda p: jnp.sum(module.apply({"params": p}, x, LABEL, train=True) ** 2)
    grads = jax.jit(jax.grad(value))(params)
    assert all(jnp.abs(grad).max() > 1e-6 for grad in jax.tree.leaves(grads))


def test_parameter_counts():
    """By hand: 5x8+8, 8x8+8, 8x32+32 for G; 32x8+8, 8x8+8, 8+1 for D."""
    for net, x, count in ((generator, Z, 408), (discriminator, IMAGE, 345)):
        params = seat(net(), x)["params"]
        assert sum(leaf.size for leaf in jax.tree.leaves(params)) == count


def test_both_are_functions_of_each_example_alone():
    net = discriminator(classes=3)
    variables = seat(net, IMAGE)
    whole = net.apply(variables, IMAGE, LABEL, train=True)
    part = net.apply(variables, IMAGE[1:2], LABEL[1:2], train=True)
    np.testing.assert_allclose(whole[1:2], part, rtol=1e-5)
