"""Optax transformations that regularize, bound or freeze weights, and StyleGAN2's Adam.

They depend on the weights alone, unlike `ganjax.regularizers`, which see images and logits.
Each is a link of an `optax.chain`, before or after the optimizer:

- `orthogonal` and `historical_averaging` add the gradient of a penalty, before it.
- `clip_weights`, `project` and `freeze` change the update, after it.

Example::

    optax.chain(orthogonal(1e-4), optax.adam(2e-4, b1=0.0), clip_weights(0.01))
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array

from ganjax.core import PyTree


PathPredicate = Callable[[str], bool]
"""Selects weights by their path in the parameter tree, such as "Conv_0/kernel"."""


def _no_path(path: str) -> bool:
    return False


def orthogonal(
    weight: float = 1e-4, exempt: PathPredicate = _no_path
) -> optax.GradientTransformation:
    """Adds the gradient of BigGAN's orthogonal regularization (Brock et al., 2019, 3.1).

    The penalty is weight/2 |W'W o (1 - I)|^2, which makes the columns of a weight matrix
    orthogonal but leaves their lengths free. A column belongs to an output: convolutions
    count as matrices [h w c, d]. Vectors are not penalized. Place it before the optimizer.

    Args:
        weight: the weight of the penalty.
        exempt: which weights are not penalized. The authors exempt G's class embedding.
    """

    def update(path, grad, w):
        if w.ndim < 2 or exempt(_path_name(path)):
            return grad
        # One column for each output: Flax has outputs on a kernel's last axis.
        matrix = w.reshape(-1, w.shape[-1])
        gram = matrix.T @ matrix
        off_diagonal = gram - jnp.diag(jnp.diag(gram))
        penalty_grad = matrix @ off_diagonal
        return grad + 2 * weight * penalty_grad.reshape(w.shape)

    return optax.stateless(partial(jax.tree_util.tree_map_with_path, update))


def clip_weights(bound: float = 0.01) -> optax.GradientTransformation:
    """Clips weights to [-bound, bound] after the step (Arjovsky et al., 2017, algorithm 1).

    Place it after the optimizer.
    """
    return project(lambda path, w: jnp.clip(w, -bound, bound))


def project(onto: Callable[[str, Array], Array]) -> optax.GradientTransformation:
    """Replaces each weight, after the step, by its projection.

    With `layers.magnitude.forced_weight_normalization` this is forced weight
    normalization (Karras et al., 2024, EDM2, configuration E). Place it after the
    optimizer.

    Args:
        onto: (path, weight after the step) -> the weight to be stored.
    """

    def projected_update(path, update, w):
        # Optax will add this to the weight.
        return onto(_path_name(path), w + update) - w

    return optax.stateless(partial(jax.tree_util.tree_map_with_path, projected_update))


def freeze(frozen: PathPredicate) -> optax.GradientTransformation:
    """Sets the updates of some weights to zero, as FreezeD does (Mo et al., 2020).

    Place it after the optimizer.

    Args:
        frozen: which weights do not change.
    """

    def update(path, x):
        return jnp.zeros_like(x) if frozen(_path_name(path)) else x

    return optax.stateless(
        lambda updates, _: jax.tree_util.tree_map_with_path(update, updates)
    )


class HistoricalAveragingState(NamedTuple):
    """The state of `historical_averaging`."""

    count: Array  # scalar int32, steps so far
    mean: PyTree  # mean of the weights over these steps


def historical_averaging(weight: float = 1.0) -> optax.GradientTransformation:
    """Adds the gradient of weight |w - mean of all past w|^2 (Salimans et al., 2016, 3.3).

    Place it before the optimizer.
    """

    # The mean starts at zero; the first update replaces it, as it then divides by 1.
    def init(params):
        mean = jax.tree.map(jnp.zeros_like, params)
        return HistoricalAveragingState(jnp.zeros((), jnp.int32), mean)

    def update(updates, state, params=None):
        count = state.count + 1
        mean = jax.tree.map(lambda m, w: m + (w - m) / count, state.mean, params)
        # The mean includes the current weights, but its gradient is not taken.
        updates = jax.tree.map(
            lambda grad, w, m: grad + 2 * weight * (w - m), updates, params, mean
        )
        return updates, HistoricalAveragingState(count, mean)

    return optax.GradientTransformation(init, update)


def lazy_adam(
    learning_rate: optax.ScalarOrSchedule,
    b1: float = 0.0,
    b2: float = 0.99,
    every: int = 16,
) -> optax.GradientTransformation:
    """Adam for lazy regularization, as in StyleGAN2 (Karras et al., 2020, appendix B).

    Where one in `every` + 1 updates belongs to a regularizer (`ganjax.games.lazy`), the
    learning rate is multiplied by c = every / (every + 1) and the betas are raised to the
    power c, so that training moves as fast as without these updates.

    Args:
        learning_rate: the learning rate without lazy regularization, or a schedule.
        b1: the decay of the first moment, before it is raised to the power c.
        b2: the decay of the second moment, likewise.
        every: how many steps pass between two of the regularizer.
    """
    c = every / (every + 1)

    # Optax counts all updates, the regularizer's too, when it reads a schedule.
    if callable(learning_rate):
        scaled = lambda count: c * learning_rate(count)
    else:
        scaled = c * learning_rate
    return optax.adam(scaled, b1=b1**c, b2=b2**c, eps=1e-8)


def _path_name(path: tuple[Any, ...]) -> str:
    return jax.tree_util.keystr(path, simple=True, separator="/")
