"""What a network adds to an image it is given: its own, and textures to choose from."""

from collections.abc import Sequence

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float


def added(
    made: Float[Array, "b h w d"],
    image: Float[Array, "b h w c"],
    textures: Sequence[Float[Array, "b h w _"]],
) -> Float[Array, "b h w c"]:
    """The image, the first c channels that a network made, and each texture by the next.

    Textures are of c channels, or of one for all; of n there are c + n channels `made`.
    """
    c = image.shape[-1]
    total = image + made[..., :c]
    for i, texture in enumerate(textures, start=c):
        total += made[..., i : i + 1] * texture
    return total


def blurred(image: Float[Array, "b h w c"], side: int) -> Float[Array, "b h w c"]:
    """The mean over a square of odd `side` around each pixel, the border repeated."""
    half = side // 2
    padded = jnp.pad(image, ((0, 0), (half, half), (half, half), (0, 0)), "edge")
    return nn.avg_pool(padded, (side, side))
