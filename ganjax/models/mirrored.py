"""What a hole may be filled with without learning: a smooth surface, and texture for it.

Each hidden pixel looks beyond the nearest known one, as far as it is away itself. What
stands there, less its local mean, is added by as much as a network likes, as in contextual
residual aggregation (Yi et al., 2020), where attention says what stands where.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ganjax.models import pyramid
from ganjax.models.textures import blurred


FAR = 2**14  # pixels: farther than any image is wide
BLUR = 5  # pixels over which texture has the mean 0


def fill(
    image: Float[Array, "b h w c"], mask: Float[Array, "b h w 1"]
) -> Float[Array, "b h w c_2"]:
    """Of masks 1 where hidden: images without holes, and as many channels of texture.

    What is hidden has no part in them. Known pixels are kept to the bit, and have no
    texture.
    """
    smooth = pyramid.fill(image, mask, sweeps=4)
    seen = mirror(jnp.where(mask > 0, 0.0, image), mask)
    texture = jnp.where(mask > 0, seen - blurred(seen, BLUR), 0.0)
    return jnp.concatenate([smooth, texture], axis=-1)


def mirror(
    image: Float[Array, "b h w c"], mask: Float[Array, "b h w 1"]
) -> Float[Array, "b h w c"]:
    """Images whose hidden pixels are those beyond the nearest known ones.

    Where that one is hidden, too, it is the nearest known pixel itself.
    """
    b, h, w, _ = image.shape
    most = jnp.array([h - 1, w - 1]).reshape(1, 1, 1, 2)
    near = jnp.clip(nearest(mask), 0, most)
    beyond = jnp.clip(2 * near - places(h, w), 0, most)
    return _at(image, jnp.where(_at(mask, beyond) > 0, near, beyond))


def nearest(mask: Float[Array, "b h w 1"]) -> Int[Array, "b h w 2"]:
    """The row and column of each pixel's nearest known one, far away where none is."""
    known = mask[..., 0] <= 0
    _, h, w = known.shape
    column, row = jnp.arange(w)[None, None], jnp.arange(h)[None, :, None]
    left = jax.lax.cummax(jnp.where(known, column, -FAR), axis=2)
    right = jax.lax.cummin(jnp.where(known, column, FAR), axis=2, reverse=True)
    beside = jnp.where(column - left <= right - column, left, right)  # in its own row

    def look(best, other):
        far, y = best
        its_y, its_x = other
        its_far = (row - its_y) ** 2 + ((its_x - column[0]) ** 2)[:, None]
        closer = its_far < far
        return (jnp.where(closer, its_far, far), jnp.where(closer, its_y, y)), None

    first = jnp.full_like(beside, 2 * FAR**2), jnp.zeros_like(beside)
    rows = jnp.arange(h), jnp.moveaxis(beside, 1, 0)
    (_, y), _ = jax.lax.scan(look, first, rows)
    return jnp.stack([y, jnp.take_along_axis(beside, y, axis=1)], axis=-1)


def places(h: int, w: int) -> Int[Array, "1 h w 2"]:
    """The row and column of each pixel."""
    return jnp.stack(jnp.mgrid[:h, :w], axis=-1)[None]


def _at(image: Float[Array, "b h w c"], where: Int[Array, "b h w 2"]) -> Array:
    """The pixels that stand at other places."""
    b, h, w, c = image.shape
    index = (where[..., 0] * w + where[..., 1]).reshape(b, h * w, 1)
    moved = jnp.take_along_axis(image.reshape(b, h * w, c), index, axis=1)
    return moved.reshape(image.shape)
