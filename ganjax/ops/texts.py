"""Texts as one-hot vectors [b, n, v]: where they end."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float


PADDING = 0  # the number of the token that follows the last one of a text


def is_written(text: Float[Array, "b n v"]) -> Bool[Array, "b n"]:
    """Returns which places belong to a text: all up to its first padding, and that one.

    The first padding is the end of the text, which a network has to choose as it chooses
    any token; what follows it means nothing.
    """
    is_padding = (text.argmax(-1) == PADDING).astype(jnp.int32)
    return jnp.cumsum(is_padding, 1) - is_padding == 0
