"""Spectral normalization of a layer's weights (Miyato et al., 2018).

Networks have a field `wrap`, either `SpectralNorm` or `identity_wrap`. `wrap(layer)` is
called as `wrap(layer)(x, train=train)`.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array


# The type of the field `wrap`: layer -> what is called in its place.
Wrap = Callable[[nn.Module], Callable[..., Any]]


class SpectralNorm(nn.Module):
    """A layer with every weight matrix divided by an estimate of its spectral norm.

    Each call takes one step of power iteration (Miyato et al., 2018, algorithm 1) from the
    vector u that is stored in the collection "spectral"; only a call with `train=True`
    replaces the stored vector. As in the authors' code the step is taken in evaluation,
    too, so that the same variables give the same output whatever `train` is. The gradient
    flows through sigma = v^T W u, but not through u and v (equations 11 and 12).

    The kernel of a convolution counts as a matrix [h w c, d], and u has as many entries as
    the layer has outputs; for an embedding, u has as many entries as the table has rows.
    Biases are left alone.

    Attributes:
        layer: The layer.
        epsilon: Added to the lengths that u and v are divided by.
    """

    layer: nn.Module
    epsilon: float = 1e-12

    @nn.compact
    def __call__(self, *args: Any, train: bool) -> Any:
        def call(layer):
            return layer(*args)

        def normalize(params):
            divide = partial(self._divide, train)
            return jax.tree_util.tree_map_with_path(divide, params)

        # Inside `map_variables` the layer would store weights that are already divided, so
        # it is initialized by a call outside.
        if self.is_initializing():
            call(self.layer)
        return nn.map_variables(call, "params", normalize)(self.layer)

    def _divide(self, train: bool, path: tuple, weight: Array) -> Array:
        if weight.ndim < 2:
            return weight
        # All but the last axis become rows: [h w c, d] for a convolution.
        matrix = weight.reshape(-1, weight.shape[-1])
        matrix = matrix.T if path[-1].key == "embedding" else matrix
        name = ".".join(entry.key for entry in path if entry.key != "params")
        stored = self.variable("spectral", name, self._initial_u, matrix.shape[-1:])
        # One step of power iteration: v from the stored u, then the new u from v.
        constant = jax.lax.stop_gradient(matrix)
        u = jax.lax.stop_gradient(stored.value)
        v = self._unit(constant @ u)
        u = self._unit(v @ constant)
        if train:
            stored.value = u
        # The gradient passes through this occurrence of the matrix alone.
        sigma = v @ matrix @ u
        return weight / sigma.astype(weight.dtype)

    def _initial_u(self, shape: tuple[int, ...]) -> Array:
        return jax.random.normal(self.make_rng("params"), shape)

    def _unit(self, x: Array) -> Array:
        return x / (jnp.linalg.norm(x) + self.epsilon)


def identity_wrap(layer: nn.Module) -> Callable[..., Any]:
    """Returns the layer itself, called as `SpectralNorm(layer)` would be."""
    return lambda *args, train: layer(*args)
