"""StyleGAN2's wish that a step in w moves the image as far wherever it is taken."""

from functools import partial
from math import prod, sqrt

import jax
import jax.numpy as jnp

from ganjax.gan import Number, Regularizer, at
from ganjax.regularizers.terms import normal


def path_length(
    weight: Number = 2.0, decay: Number = 0.01, shrink: int = 1
) -> Regularizer:
    """weight E (|J^T y| - a)^2 with y ~ N(0, I) (Karras et al., 2020, eq. 4).

    J is the slope of G's `synthesis` at w = `mapping` of z, [b, n, w_dim], in G's own
    noise. As in the released code the length is the root mean square over the n layers,
    y is divided by the root of the number of pixels, and a, the memory, moves towards
    the mean length by `decay` before it is compared. Only one row in `shrink` pays, in
    that code one in two.
    """

    def apply(turn, mean):
        z, label = turn.z[::shrink], turn.fake.label[::shrink]
        w = turn.g(z, label, method="mapping")
        image, back = jax.vjp(partial(turn.g, method="synthesis"), w)
        y = normal(turn, 5, image)[::shrink] / sqrt(prod(image.shape[1:-1]))
        (slope,) = back(y)
        length = jnp.sqrt(jnp.sum(slope**2, axis=2).mean(1) + 1e-12)
        mean += at(decay, turn.step) * (turn.on.mean(length.mean()) - mean)
        return at(weight, turn.step) * jnp.mean((length - mean) ** 2), mean

    return Regularizer(init=lambda: jnp.zeros(()), apply=apply)
