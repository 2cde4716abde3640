from functools import partial

import jax
import jax.extend
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax.layers.mixed_precision import Mixed
from ganjax.layers.spectral_norm import SpectralNorm
from ganjax.models import dcgan, mlp, resnet


KEY = jax.random.key(0)
LABEL = jnp.zeros(8, jnp.int32)
Z = jax.random.normal(KEY, (8, 16))
IMAGE = jax.random.normal(KEY, (8, 16, 16, 3))
NETS = pytest.mark.parametrize(
    "net, x",
    [
        (mlp.Discriminator(), Z),
        (dcgan.Discriminator(8, wrap=SpectralNorm), IMAGE),
        pytest.param(dcgan.Generator(16, width=8), Z, marks=pytest.mark.slow),
        pytest.param(resnet.Discriminator(8, classes=3), IMAGE, marks=pytest.mark.slow),
    ],
    ids=["mlp", "dcgan_d", "dcgan_g", "resnet_d"],
)


def seat(net, x):
    return jax.jit(partial(Mixed(net).init, train=False))(KEY, x, LABEL)


@NETS
def test_it_gives_what_the_network_gives_to_three_digits(net, x):
    given = seat(net, x)
    stats = sorted(set(given) - {"params"})
    run = partial(Mixed(net).apply, train=True, mutable=stats)
    y, moved = jax.jit(run)(given, x, LABEL)
    alone = {name: tree["net"] for name, tree in given.items()}
    wanted, _ = net.apply(alone, x, LABEL, train=True, mutable=stats)
    assert 1e-5 < jnp.abs(y - wanted).max() / jnp.abs(wanted).max() < 5e-2
    assert {leaf.dtype for leaf in jax.tree.leaves((y, moved, given))} == {
        np.dtype("float32")
    }


@NETS
def test_weights_and_gradients_stay_whole_and_products_do_not(net, x):
    given = seat(net, x)
    stats = sorted(set(given) - {"params"})

    def value(params):
        both = {**given, "params": params}
        return Mixed(net).apply(both, x, LABEL, train=True, mutable=stats)[0].sum()

    grads = jax.eval_shape(jax.grad(value), given["params"])
    assert {leaf.dtype for leaf in jax.tree.leaves(grads)} == {np.dtype("float32")}
    shapes = jax.tree.map(lambda leaf: leaf.shape, given["params"])
    assert jax.tree.map(lambda leaf: leaf.shape, grads) == shapes
    short = [
        out.aval.dtype
        for out in products(jax.make_jaxpr(value)(given["params"]).jaxpr)
        if out.aval.ndim > 1
    ]
    assert short and set(short) == {jnp.dtype(jnp.bfloat16)}


def products(jaxpr):
    """The outputs of all products and convolutions of a program."""
    for equation in jaxpr.eqns:
        if equation.primitive.name in ("conv_form", "dot_general"):
            yield equation.outvars[0]
        for inner in jax.extend.core.jaxprs_in_params(equation.params):
            yield from products(inner)
