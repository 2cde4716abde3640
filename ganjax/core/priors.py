"""Priors for `GAN.prior`: functions from a key to one latent z."""

from collections.abc import Callable

import jax
from jaxtyping import Array, Float, Key


def normal(dim: int) -> Callable[[Key[Array, ""]], Float[Array, " z"]]:
    """Returns the standard normal prior over R^dim.

    Args:
        dim: the number of entries of z.

    Returns:
        A function from a key to one z [dim], without a batch axis.
    """
    return lambda key: jax.random.normal(key, (dim,))


def uniform(dim: int) -> Callable[[Key[Array, ""]], Float[Array, " z"]]:
    """Returns the uniform prior over [-1, 1)^dim, as in DCGAN's released code.

    Args:
        dim: the number of entries of z.

    Returns:
        A function from a key to one z [dim], without a batch axis.
    """
    return lambda key: jax.random.uniform(key, (dim,), minval=-1.0, maxval=1.0)
