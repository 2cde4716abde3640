"""The end of a network that corrects a given image: its residual and given textures.

A completion network is given an image with a smoothly filled hole, a super-resolution
network an interpolated image. Neither has fine texture. To such an image are added a
residual, which the network computes, and given textures, such as noise or the details next
to the hole, each multiplied by a map of weights that the network computes.
"""

from collections.abc import Sequence

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float


def add_residual(
    network_output: Float[Array, "b h w d"],
    image: Float[Array, "b h w c"],
    textures: Sequence[Float[Array, "b h w _"]],
) -> Float[Array, "b h w c"]:
    """Adds a network's residual and its weighted textures to an image.

    Args:
        network_output: The network's output. Its first c channels are the residual, each
            further channel is the weight of one texture: d = c + len(textures).
        image: The image to correct.
        textures: Images with c channels, or with one for all.
    """
    c = image.shape[-1]
    total = image + network_output[..., :c]
    for i, texture in enumerate(textures, start=c):
        total += network_output[..., i : i + 1] * texture
    return total


def box_blur(image: Float[Array, "b h w c"], side: int) -> Float[Array, "b h w c"]:
    """Returns the mean over the square around each pixel, with repeated borders.

    Args:
        image: Images.
        side: The side of the square in pixels, an odd number.
    """
    half = side // 2
    padded = jnp.pad(image, ((0, 0), (half, half), (half, half), (0, 0)), "edge")
    return nn.avg_pool(padded, (side, side))
