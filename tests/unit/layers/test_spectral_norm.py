"""Spectral normalization: its value, its gradient and its state."""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax.layers import resampling
from ganjax.layers.spectral_norm import SpectralNorm, identity_wrap


jax.config.update("jax_numpy_rank_promotion", "raise")

KEY = jax.random.key(0)


def normal(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


class Wrapped(nn.Module):
    layer: nn.Module
    wrap: object = SpectralNorm

    @nn.compact
    def __call__(self, x, *, train):
        return self.wrap(self.layer)(x, train=train)


SPECTRAL = pytest.mark.parametrize(
    "layer, x, weight",
    [
        (nn.Dense(5), normal(1, 2, 4), "kernel"),
        (nn.Conv(5, (3, 3)), normal(1, 2, 4, 4, 3), "kernel"),
        (resampling.Down(5), normal(1, 2, 4, 4, 3), "kernel"),
        (nn.Embed(6, 5), jnp.arange(6), "embedding"),
    ],
    ids=["dense", "conv", "down", "embed"],
)


@SPECTRAL
def test_spectral_norm_divides_by_the_largest_singular_value(layer, x, weight):
    net = Wrapped(layer)
    variables = net.init(KEY, x, train=False)
    plain = Wrapped(layer, identity_wrap).init(KEY, x, train=False)
    jax.tree.map(np.testing.assert_array_equal, variables["params"], plain["params"])

    @jax.jit
    def step(variables, _):
        _, moved = net.apply(variables, x, train=True, mutable="spectral")
        return {**variables, **moved}, None

    variables, _ = jax.lax.scan(step, variables, length=100)
    y = net.apply(variables, x, train=False)
    matrix = variables["params"]["layer"][weight]
    sigma = jnp.linalg.norm(matrix.reshape(-1, matrix.shape[-1]), 2)
    params = {"layer": {**variables["params"]["layer"], weight: matrix / sigma}}
    expected = Wrapped(layer, identity_wrap).apply({"params": params}, x, train=False)
    np.testing.assert_allclose(y, expected, atol=1e-5)


def test_spectral_gradient_passes_through_sigma_and_not_through_its_vectors():
    """Miyato et al. (2018), equation 12, with the u and v of this very call."""
    net, x = Wrapped(nn.Dense(5, use_bias=False)), normal(1, 3, 4)
    variables = net.init(KEY, x, train=False)
    kernel = variables["params"]["layer"]["kernel"]
    target = normal(2, 3, 5)

    @jax.jit
    @jax.grad
    def ours(kernel):
        given = {**variables, "params": {"layer": {"kernel": kernel}}}
        y, _ = net.apply(given, x, train=True, mutable="spectral")
        return jnp.sum(y * target)

    (u,) = jax.tree.leaves(variables["spectral"])
    unit = lambda a: a / jnp.linalg.norm(a)
    v = unit(kernel @ u)
    u = unit(v @ kernel)
    sigma, seen = v @ kernel @ u, x.T @ target
    expected = (seen - jnp.sum(kernel * seen) / sigma * jnp.outer(v, u)) / sigma
    np.testing.assert_allclose(ours(kernel), expected, atol=1e-5)


def test_spectral_norm_keeps_its_vector_only_in_training_and_vmaps():
    net, x = Wrapped(nn.Dense(5)), normal(1, 3, 4)
    variables = jax.vmap(lambda key: net.init(key, x, train=False))(
        jax.random.split(KEY, 2)
    )

    @partial(jax.vmap, in_axes=(0, None))
    @partial(jax.jit, static_argnums=1)
    def run(variables, train):
        return net.apply(variables, x, train=train, mutable="spectral")

    still, kept = run(variables, False)
    moving, moved = run(variables, True)
    np.testing.assert_array_equal(still, moving)
    jax.tree.map(np.testing.assert_array_equal, kept["spectral"], variables["spectral"])
    for a, b in zip(*map(jax.tree.leaves, (kept, moved)), strict=True):
        assert jnp.all(a != b)
