"""Terms of the weights alone, and what else sits beside the optimizer.

Optax transformations, each a link of an `optax.chain`: those that add to the gradient
stand before the optimizer, those that bound or hold weights behind it.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array

from ganjax.gan import PyTree


Which = Callable[[str], bool]  # of a weight's path, as "Conv_0/kernel"


def orthogonal(
    weight: float = 1e-4, exempt: Which = lambda path: False
) -> optax.GradientTransformation:
    """The gradient of weight/2 |W'W o (1 - I)|^2 of each matrix (Brock et al., 2019, 3.1).

    Its columns, one for each output, become orthogonal, of whatever length; convolutions
    count as matrices [h w c, d], vectors do not count. The authors exempt G's embedding
    of the classes. Stands before the optimizer.
    """

    def update(path, grad, w):
        if w.ndim < 2 or exempt(_name(path)):
            return grad
        matrix = w.reshape(-1, w.shape[-1])
        gram = matrix.T @ matrix
        away = matrix @ (gram - jnp.diag(jnp.diag(gram)))
        return grad + 2 * weight * away.reshape(w.shape)

    return optax.stateless(partial(jax.tree_util.tree_map_with_path, update))


def clip_weights(bound: float = 0.01) -> optax.GradientTransformation:
    """Weights within -bound..bound after the step (Arjovsky et al., 2017, algorithm 1).

    Stands behind the optimizer.
    """
    return project(lambda path, w: jnp.clip(w, -bound, bound))


def project(onto: Callable[[str, Array], Array]) -> optax.GradientTransformation:
    """Each weight as `onto(path, weight)` has it after the step.

    With `models.magnitude.forced` this is forced weight normalisation (Karras et al.,
    2024, EDM2, configuration E). Stands behind the optimizer.
    """
    put = lambda path, update, w: onto(_name(path), w + update) - w
    return optax.stateless(partial(jax.tree_util.tree_map_with_path, put))


def freeze(frozen: Which) -> optax.GradientTransformation:
    """Weights whose path is `frozen` stay as they are: FreezeD (Mo et al., 2020).

    Stands behind the optimizer.
    """
    hold = lambda path, x: jnp.zeros_like(x) if frozen(_name(path)) else x
    return optax.stateless(
        lambda updates, _: jax.tree_util.tree_map_with_path(hold, updates)
    )


class Mean(NamedTuple):
    """What `historical_averaging` remembers."""

    count: Array  # scalar int32
    mean: PyTree  # of the weights of all steps so far


def historical_averaging(weight: float = 1.0) -> optax.GradientTransformation:
    """The gradient of weight |w - mean of all past w|^2 (Salimans et al., 2016, 3.3).

    Stands before the optimizer.
    """

    def init(params):
        return Mean(jnp.zeros((), jnp.int32), jax.tree.map(jnp.zeros_like, params))

    def update(updates, state, params=None):
        count = state.count + 1
        mean = jax.tree.map(lambda m, w: m + (w - m) / count, state.mean, params)
        add = lambda grad, w, m: grad + 2 * weight * (w - m)
        return jax.tree.map(add, updates, params, mean), Mean(count, mean)

    return optax.GradientTransformation(init, update)


def lazy_adam(
    rate: optax.ScalarOrSchedule, b1: float = 0.0, b2: float = 0.99, every: int = 16
) -> optax.GradientTransformation:
    """Adam as StyleGAN2 has it where one step in `every` is a regularizer's (2020, B).

    With c = every / (every + 1) the rate is c times `rate`, and the betas are to the
    power c, so that it moves as fast as without those steps.
    """
    c = every / (every + 1)
    scaled = (lambda count: c * rate(count)) if callable(rate) else c * rate
    return optax.adam(scaled, b1=b1**c, b2=b2**c, eps=1e-8)


def _name(path: tuple[Any, ...]) -> str:
    return jax.tree_util.keystr(path, simple=True, separator="/")
