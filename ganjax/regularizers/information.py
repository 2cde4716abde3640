"""InfoGAN: what z's codes mean is to be readable from the image."""

import jax
import jax.numpy as jnp

from ganjax.gan import Number, Turn, at
from ganjax.regularizers.terms import Pair, stateless


def information(weight: Number = 1.0, continuous_weight: Number = 0.1) -> Pair:
    """Both players raise Q's likelihood of the codes (Chen et al., 2016, eq. 5-6).

    Needs a z that ends with the codes, `gan.coded`, and the head `Codes`, which is Q.
    """

    def value(turn: Turn):
        said = turn.fake.heads
        codes, mean, variance = (said[name] for name in ("codes", "mean", "variance"))
        last = codes[0].size + mean.shape[1]  # numbers of z
        chosen, number = jnp.split(turn.z[:, -last:], (codes[0].size,), axis=1)
        chosen = chosen.reshape(codes.shape)
        choice = -jnp.sum(jax.nn.log_softmax(codes) * chosen, axis=(1, 2)).mean()
        square = (number - mean) ** 2 / variance + jnp.log(2 * jnp.pi * variance)
        weights = at(weight, turn.step), at(continuous_weight, turn.step)
        return weights[0] * choice + weights[1] * jnp.sum(square, axis=1).mean() / 2

    return Pair(stateless(value), stateless(value))
