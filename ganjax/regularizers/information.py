"""InfoGAN: the codes, a part of z, should be predictable from the image.

`coded_prior` is a prior with codes, `mutual_information` the term by which Q, a head of D,
learns to predict them and G learns to express them in images (Chen et al., 2016).
"""

from collections.abc import Callable
from math import prod

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from ganjax.core import Number, Turn, at
from ganjax.regularizers.terms import PerPlayer, stateless


def coded_prior(
    prior: Callable[[Key[Array, ""]], Float[Array, " z"]],
    num_discrete: int = 1,
    num_values: int = 10,
    num_continuous: int = 2,
) -> Callable[[Key[Array, ""]], Float[Array, " z"]]:
    """Returns a prior whose z ends with InfoGAN's codes (Chen et al., 2016, section 7).

    Args:
        prior: the prior of the noise that precedes the codes.
        num_discrete: how many discrete codes there are, each of which is one-hot.
        num_values: how many values each discrete code has.
        num_continuous: how many codes are numbers of U(-1, 1); they come last.

    Returns:
        A function from a key to one z, of the noise and num_discrete * num_values +
        num_continuous further numbers.
    """

    def draw(key):
        noise_key, discrete_key, continuous_key = jax.random.split(key, 3)
        values = jax.random.randint(discrete_key, (num_discrete,), 0, num_values)
        one_hot = jax.nn.one_hot(values, num_values).ravel()
        continuous = jax.random.uniform(continuous_key, (num_continuous,), minval=-1.0)
        return jnp.concatenate([prior(noise_key), one_hot, continuous])

    return draw


def mutual_information(
    weight: Number = 1.0, continuous_weight: Number = 0.1
) -> PerPlayer:
    """Both players maximize Q's likelihood of the codes (Chen et al., 2016, eq. 5-6).

    This is a lower bound of the mutual information of codes and images. Needs the prior
    `coded_prior`, and the head `Codes`, which is Q.

    Args:
        weight: the weight of the discrete codes' negative log likelihood.
        continuous_weight: the weight of the continuous codes' negative log likelihood.
    """

    def value(turn: Turn):
        logits = turn.fake.heads["codes"]  # [b, num_discrete, num_values]
        mean = turn.fake.heads["mean"]  # [b, num_continuous]
        variance = turn.fake.heads["variance"]
        # The codes are the last numbers of z.
        num_one_hot = prod(logits.shape[1:])
        codes = turn.z[:, -(num_one_hot + mean.shape[1]) :]
        one_hot, continuous = jnp.split(codes, (num_one_hot,), axis=1)
        one_hot = one_hot.reshape(logits.shape)
        discrete_nll = -jnp.sum(
            jax.nn.log_softmax(logits) * one_hot, axis=(1, 2)
        ).mean()
        # Twice the negative log likelihood of a Gaussian.
        squares = (continuous - mean) ** 2 / variance
        doubled_nll = squares + jnp.log(2 * jnp.pi * variance)
        doubled_nll = jnp.sum(doubled_nll, axis=1).mean()
        return (
            at(weight, turn.step) * discrete_nll
            + at(continuous_weight, turn.step) * doubled_nll / 2
        )

    return PerPlayer(stateless(value), stateless(value))
