"""What chance brings to a turn of ganjax, for a released program to play the same."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from ganjax.core import ONE, normal


START = jax.random.key(0)  # the state's key
PATH_STREAM = 5  # streams had numbers when the fixtures were made


def of_step(step: int) -> Key[Array, ""]:
    """The key that a step folds its number into."""
    return jax.random.fold_in(START, step)


def latents(key: Key[Array, ""], n: int, size: int) -> Float[np.ndarray, "n z"]:
    """The z of the turn that `key` is drawn for."""
    first = jax.random.split(key, 6)[0]
    return np.asarray(jax.vmap(normal(size))(ONE.keys(first, n)))


def path_noise(
    key: Key[Array, ""], n: int, shape: tuple[int, ...]
) -> Float[np.ndarray, "n *s"]:
    """The y of `regularizers.path_length` in that turn, before its division."""
    own = jax.random.fold_in(jax.random.split(key, 6)[5], PATH_STREAM)
    draw = lambda key: jax.random.normal(key, shape, jnp.float32)
    return np.asarray(jax.vmap(draw)(ONE.keys(own, n)))
