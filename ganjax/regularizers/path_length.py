"""StyleGAN2's path-length regularization: equal steps in w should change images equally."""

from functools import partial
from math import prod, sqrt

import jax
import jax.numpy as jnp

from ganjax.core import Number, Regularizer, at
from ganjax.regularizers.terms import normal


def path_length(
    weight: Number = 2.0, decay: Number = 0.01, shrink: int = 1
) -> Regularizer:
    """For G: weight E (|J^T y| - a)^2 with y ~ N(0, I) (Karras et al., 2020, eq. 4).

    J is the Jacobian of the image with respect to w, which is [b, n, w_dim] for n layers,
    and a is a moving average of the lengths |J^T y|. G needs the methods `mapping` and
    `synthesis`. As in the released code, the squares of the n lengths of an image are
    averaged, and y is divided by the square root of the number of pixels.

    Args:
        weight: the coefficient.
        decay: the share by which a moves towards the batch's mean length, before they are
            compared.
        shrink: only one row in `shrink` is used; 2 in the released code.
    """

    def apply(turn, mean):
        # One more pass through G, as the turn's pass does not return w.
        z = turn.z[::shrink]
        label = turn.fake.label[::shrink]
        w = turn.g(z, label, method="mapping")
        image, back = jax.vjp(partial(turn.g, method="synthesis"), w)
        # Drawn for every row, so that y of a row does not depend on `shrink`.
        y = normal(turn, "path_length", image)[::shrink] / sqrt(prod(image.shape[1:-1]))
        (gradient,) = back(y)  # J^T y
        # The small number keeps the square root differentiable at 0.
        length = jnp.sqrt(jnp.sum(gradient**2, axis=2).mean(1) + 1e-12)
        # As in the released code, the gradient also passes through this batch's share.
        mean += at(decay, turn.step) * (turn.on.mean(length.mean()) - mean)
        return at(weight, turn.step) * jnp.mean((length - mean) ** 2), mean

    return Regularizer(init=lambda: jnp.zeros(()), apply=apply)
