"""What every network of ganjax.models must do.

A network is a module that is called as `net(z or image, label, train=train)`; each has a
small example here.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from functools import cache, partial
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ganjax.models
from ganjax.models import (
    biggan,
    dcgan,
    layers,
    mlp,
    r3gan,
    resnet,
    sagan,
    stylegan2,
    tabular,
    wavegan,
)
from tests.support import seat


jax.config.update("jax_numpy_rank_promotion", "raise")

KEY = jax.random.key(0)
LABEL = jnp.array([0, 1, 2, 1])
SPANS = *tabular.number(4), *tabular.category(3)
R3GAN = {"widths": (8, 4), "cardinalities": (4, 2), "blocks": 1}
SPECTRAL = {"norm": layers.Shift, "wrap": layers.SpectralNorm}


class Small(NamedTuple):
    """A small network but for its classes, and the shape of an example for it."""

    net: Callable[..., nn.Module]
    shape: tuple[int, ...]


NETS = {
    "mlp g": Small(partial(mlp.Generator, (4, 4, 2), width=8, depth=2), (5,)),
    "mlp d": Small(partial(mlp.Discriminator, width=8, depth=2), (4, 4, 2)),
    "mlp d of points": Small(partial(mlp.Discriminator, width=8, depth=2), (2,)),
    "dcgan g": Small(partial(dcgan.Generator, 16, 2, width=6), (5,)),
    "dcgan g without norm": Small(
        partial(dcgan.Generator, 16, 2, width=6, norm=layers.Shift), (5,)
    ),
    "dcgan d": Small(partial(dcgan.Discriminator, width=6), (16, 16, 2)),
    "dcgan d spectral": Small(
        partial(dcgan.Discriminator, width=6, **SPECTRAL), (16, 16, 2)
    ),
    "resnet g": Small(partial(resnet.Generator, 8, 2, width=8), (5,)),
    "resnet d": Small(partial(resnet.Discriminator, width=8), (8, 8, 2)),
    "resnet critic": Small(partial(resnet.Critic, width=8), (8, 8, 2)),
    "sagan g": Small(partial(sagan.Generator, (8, 8), channels=2, attend=8), (5,)),
    "sagan d": Small(
        partial(sagan.Discriminator, (8, 8, 12), grid=4, attend=4), (8, 8, 2)
    ),
    "biggan g": Small(partial(biggan.Generator, channels=2, ch=2, shared=3), (8,)),
    "biggan d": Small(partial(biggan.Discriminator, ch=2), (32, 32, 2)),
    "stylegan2 g": Small(
        partial(stylegan2.Generator, 8, 2, width=6, w_dim=7, depth=2), (5,)
    ),
    "stylegan2 d": Small(
        partial(stylegan2.Discriminator, width=6, group=2, depth=2), (8, 8, 2)
    ),
    "stylegan2 orig": Small(
        partial(stylegan2.Orig, width=6, group=2, depth=2), (8, 8, 2)
    ),
    "r3gan g": Small(partial(r3gan.Generator, channels=2, **R3GAN), (5,)),
    "r3gan d": Small(partial(r3gan.Discriminator, **R3GAN), (8, 8, 2)),
    "wavegan g": Small(partial(wavegan.Generator, 256, 2, width=4), (5,)),
    "wavegan d": Small(partial(wavegan.Discriminator, width=4), (256, 2)),
    "tabular g": Small(partial(tabular.Generator, SPANS, widths=(8, 8)), (5,)),
    "tabular d": Small(partial(tabular.Discriminator, widths=(8, 8)), (8,)),
}
EACH = pytest.mark.parametrize("name", NETS)


@cache
def play(name):
    """All that the tests below want to see of a network of three classes."""
    net, shape = NETS[name].net(classes=3), NETS[name].shape
    x = 3 * jax.random.normal(KEY, (4, *shape))
    variables = seat(net, x, LABEL)
    stats = {key: value for key, value in variables.items() if key != "params"}
    rngs = {"dropout": KEY, "noise": KEY}
    apply = partial(net.apply, rngs=rngs, mutable=list(stats))

    @jax.jit
    def run(variables):
        look = lambda label: apply(variables, x, label, train=False)
        still = jax.lax.map(look, jnp.stack([LABEL, (LABEL + 1) % 3]))

        def value(params):
            given = {**variables, "params": params}
            y, moved = apply(given, x, LABEL, train=True)
            return jnp.sum(jnp.sin(y + jnp.arange(y.size).reshape(y.shape))), moved

        grads, moved = jax.grad(value, has_aux=True)(variables["params"])
        return still, grads, moved

    return stats, *run(variables)


@EACH
def test_training_moves_the_statistics_and_evaluation_does_not(name):
    stats, (_, kept), _, moved = play(name)
    assert stats.keys() == moved.keys()
    for a, b in zip(*map(jax.tree.leaves, (stats, kept)), strict=True):
        np.testing.assert_array_equal(a, b[0])
    for a, b in zip(*map(jax.tree.leaves, (stats, moved)), strict=True):
        assert jnp.any(a != b)


@EACH
def test_the_label_changes_every_output(name):
    _, ((a, b), _), _, _ = play(name)
    assert jnp.any(a != b, axis=tuple(range(1, a.ndim))).all()


@EACH
def test_gradients_reach_every_parameter(name):
    """A bias that a batch norm takes away would have a gradient of rounding noise."""
    _, _, grads, _ = play(name)
    sizes = [jnp.abs(grad).max() for grad in jax.tree.leaves(grads)]
    assert min(sizes) > 1e-4 * max(sizes)


def test_no_network_is_left_out():
    found, parts = set(), {stylegan2.Mapping}
    for module in pkgutil.iter_modules(ganjax.models.__path__, "ganjax.models."):
        for _, kind in inspect.getmembers(importlib.import_module(module.name)):
            if inspect.isclass(kind) and issubclass(kind, nn.Module):
                called = list(inspect.signature(kind.__call__).parameters)[1:]
                if called in (["z", "label", "train"], ["image", "label", "train"]):
                    found.add(kind)
    assert len(found) > 10
    assert found - parts == {type(small.net(classes=3)) for small in NETS.values()}
