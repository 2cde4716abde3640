"""InfoGAN: what z's codes mean is to be readable from the image."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from ganjax.gan import Number, Turn, at
from ganjax.regularizers.terms import Pair, stateless


def coded(
    prior: Callable[[Key[Array, ""]], Float[Array, " z"]],
    discrete: int = 1,
    values: int = 10,
    continuous: int = 2,
) -> Callable[[Key[Array, ""]], Float[Array, " z"]]:
    """Another prior and InfoGAN's codes at its end (Chen et al., 2016, section 7).

    `discrete` one-hot choices of one of `values`, then `continuous` numbers of U(-1, 1).
    """

    def draw(key):
        noise, choice, number = jax.random.split(key, 3)
        chosen = jax.random.randint(choice, (discrete,), 0, values)
        numbers = jax.random.uniform(number, (continuous,), minval=-1.0)
        one_hot = jax.nn.one_hot(chosen, values).ravel()
        return jnp.concatenate([prior(noise), one_hot, numbers])

    return draw


def information(weight: Number = 1.0, continuous_weight: Number = 0.1) -> Pair:
    """Both players raise Q's likelihood of the codes (Chen et al., 2016, eq. 5-6).

    Needs a z that ends with the codes, `coded`, and the head `Codes`, which is Q.
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
