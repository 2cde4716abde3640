"""Makes players' networks of functions and of Flax NNX modules.

A player's network is a Linen module that is called as `net(z or x, label, train=...)`. Most
users of other libraries have a pair of functions, or an NNX module; these wrap them.
"""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
from flax import nnx

from ganjax.core import PyTree


def from_functions(
    init: Callable[..., PyTree], apply: Callable[..., jax.Array]
) -> nn.Module:
    """Returns a network that is made of two functions.

    Args:
        init: (key, z or x, label) -> the weights, any pytree of arrays.
        apply: (weights, z or x, label) -> images, or logits.

    Example:
        >>> init = lambda key, z, label: {"w": jax.random.normal(key, (z.shape[-1], 2))}
        >>> g = ganjax.from_functions(init, lambda params, z, label: z @ params["w"])
    """
    return FromFunctions(init, apply)


def from_nnx(make: Callable[[nnx.Rngs], nnx.Module]) -> nn.Module:
    """Returns a network that is made of a Flax NNX module.

    The module is called as `module(z or x, label)`. Its `nnx.Param`s are what the optimizer
    updates; all other variables, such as those of batch norm, are statistics. In training
    `module.train()` is called before, and `module.eval()` otherwise. What it draws, as in
    dropout, follows from the key of the step.

    Args:
        make: makes the module, given its `nnx.Rngs`.

    Example:
        >>> class Generator(nnx.Module):
        ...     def __init__(self, rngs):
        ...         self.linear = nnx.Linear(16, 2, rngs=rngs)
        ...     def __call__(self, z, label):
        ...         return self.linear(z)
        >>> g = ganjax.from_nnx(lambda rngs: Generator(rngs=rngs))
    """
    return FromNNX(make)


class FromFunctions(nn.Module):
    """See `from_functions`."""

    init_weights: Callable[..., PyTree]
    apply_weights: Callable[..., jax.Array]

    @nn.compact
    def __call__(self, x: Any, label: Any, train: bool = False) -> jax.Array:
        weights = self.param("weights", lambda key: self.init_weights(key, x, label))
        return self.apply_weights(weights, x, label)


class FromNNX(nn.Module):
    """See `from_nnx`."""

    make: Callable[[nnx.Rngs], nnx.Module]

    @nn.compact
    def __call__(self, x: Any, label: Any, train: bool = False) -> jax.Array:
        # The graph has no arrays, so that it need not be stored.
        graph = nnx.graphdef(nnx.eval_shape(lambda: self.make(nnx.Rngs(0))))

        def split(key: jax.Array) -> tuple[PyTree, PyTree]:
            _, params, _, stats = nnx.split(
                self.make(nnx.Rngs(key)), nnx.Param, nnx.RngState, ...
            )
            return nnx.to_pure_dict(params), nnx.to_pure_dict(stats)

        params = self.param("weights", lambda key: split(key)[0])
        # Statistics are made by the same function as the weights; their first values do
        # not depend on the key.
        stats = self.variable("stats", "nnx", lambda: split(jax.random.key(0))[1])
        # The states of random generators are made anew from the key of the step.
        # The weights that are made with them are not used, so that XLA removes them.
        key = self.make_rng("dropout") if self.has_rng("dropout") else jax.random.key(0)
        _, like_params, rngs, like_stats = nnx.split(
            self.make(nnx.Rngs(key)), nnx.Param, nnx.RngState, ...
        )
        nnx.replace_by_pure_dict(like_params, params)
        nnx.replace_by_pure_dict(like_stats, stats.value)
        module = nnx.merge(graph, like_params, rngs, like_stats)
        module.train() if train else module.eval()
        output = module(x, label)  # pyright: ignore[reportCallIssue]
        if train and not self.is_initializing() and self.is_mutable_collection("stats"):
            _, _, _, after = nnx.split(module, nnx.Param, nnx.RngState, ...)
            stats.value = nnx.to_pure_dict(after)
        return output
