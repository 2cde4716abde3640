"""Filling of holes by a smooth surface and mirrored texture, without learning.

Each hidden pixel is filled from its mirror image at the nearest known pixel. The difference
between the result and its local mean is a texture that fits the border of the hole; a
network may add it with a weight (`residual_textures`). This takes the place of the
attention of contextual residual aggregation (Yi et al., 2020).

In all masks 1 is hidden and 0 is known.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ganjax.ops import pyramid
from ganjax.ops.residual_textures import box_blur


FAR_AWAY = 2**14  # pixels, more than any image is wide
TEXTURE_SIDE = 5  # the side of the square whose mean is subtracted, in pixels
SWEEPS = 4  # the argument `sweeps` of `pyramid.fill`


def fill(
    image: Float[Array, "b h w c"], mask: Float[Array, "b h w 1"]
) -> Float[Array, "b h w c_2"]:
    """Returns images with their holes filled smoothly, and texture for the holes.

    The values of hidden pixels have no influence, and known pixels are unchanged.

    Args:
        image: Images.
        mask: 1 where a pixel is hidden, 0 where it is known.

    Returns:
        2 c channels: the filled images, then the texture, which is 0 at known pixels.
    """
    smooth = pyramid.fill(image, mask, sweeps=SWEEPS)
    filled = mirror(jnp.where(mask > 0, 0.0, image), mask)
    texture = jnp.where(mask > 0, filled - box_blur(filled, TEXTURE_SIDE), 0.0)
    return jnp.concatenate([smooth, texture], axis=-1)


def mirror(
    image: Float[Array, "b h w c"], mask: Float[Array, "b h w 1"]
) -> Float[Array, "b h w c"]:
    """Fills each hidden pixel from its mirror image at the nearest known pixel.

    Where the mirror image is hidden, too, the nearest known pixel itself is taken.

    Args:
        image: Images.
        mask: 1 where a pixel is hidden, 0 where it is known.
    """
    b, h, w, _ = image.shape
    last = jnp.array([h - 1, w - 1]).reshape(1, 1, 1, 2)
    # The mirror image of pixel p at the known pixel q is 2 q - p.
    nearest = jnp.clip(nearest_known(mask), 0, last)
    mirrored = jnp.clip(2 * nearest - pixel_grid(h, w), 0, last)
    return _take(image, jnp.where(_take(mask, mirrored) > 0, nearest, mirrored))


def nearest_known(mask: Float[Array, "b h w 1"]) -> Int[Array, "b h w 2"]:
    """Returns the row and column of the known pixel that is nearest to each pixel.

    Where no pixel is known they are far outside the image.

    Args:
        mask: 1 where a pixel is hidden, 0 where it is known.
    """
    # First, along rows: the column of the nearest known pixel in each pixel's own row.
    is_known = mask[..., 0] <= 0
    _, h, w = is_known.shape
    column = jnp.arange(w)[None, None]
    row = jnp.arange(h)[None, :, None]
    left = jax.lax.cummax(jnp.where(is_known, column, -FAR_AWAY), axis=2)
    right = jax.lax.cummin(jnp.where(is_known, column, FAR_AWAY), axis=2, reverse=True)
    in_row = jnp.where(column - left <= right - column, left, right)

    # Then, for all rows y in turn: whether the pixel that was found in row y, for the same
    # column, is closer than the closest one so far. Distances are squared.
    def compare(best, candidate):
        best_distance, best_y = best
        y, x = candidate
        distance = (row - y) ** 2 + ((x - column[0]) ** 2)[:, None]
        closer = distance < best_distance
        best_distance = jnp.where(closer, distance, best_distance)
        return (best_distance, jnp.where(closer, y, best_y)), None

    farthest = (jnp.full_like(in_row, 2 * FAR_AWAY**2), jnp.zeros_like(in_row))
    candidates = (jnp.arange(h), jnp.moveaxis(in_row, 1, 0))
    (_, y), _ = jax.lax.scan(compare, farthest, candidates)
    return jnp.stack([y, jnp.take_along_axis(in_row, y, axis=1)], axis=-1)


def pixel_grid(h: int, w: int) -> Int[Array, "1 h w 2"]:
    """Returns the row and column of each pixel of images of h x w pixels."""
    return jnp.stack(jnp.mgrid[:h, :w], axis=-1)[None]


def _take(
    image: Float[Array, "b h w c"], positions: Int[Array, "b h w 2"]
) -> Float[Array, "b h w c"]:
    """Returns for each pixel the pixel at the row and column that are given for it."""
    b, h, w, c = image.shape
    index = (positions[..., 0] * w + positions[..., 1]).reshape(b, h * w, 1)
    taken = jnp.take_along_axis(image.reshape(b, h * w, c), index, axis=1)
    return taken.reshape(image.shape)
