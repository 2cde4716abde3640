"""CycleGAN's pool: D is also shown images that G made some time ago.

Shrivastava et al. (2017, section 2.3), by the rule of CycleGAN's code (Zhu et al., 2017),
where it holds 50.
"""

import flax.struct
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from ganjax.gan import PyTree


@flax.struct.dataclass
class Pool:
    """Images that were made before; those after the first `count` are not yet any."""

    images: PyTree  # [n, ...]
    count: PyTree  # int32 scalar


def empty(image: Float[Array, "*s"], size: int = 50) -> Pool:
    """A pool for `size` images, at least one, like this one."""
    images = jnp.zeros((size, *image.shape), image.dtype)
    return Pool(images, jnp.zeros((), jnp.int32))


def shown(
    pool: Pool, images: Float[Array, "b *s"], keys: Key[Array, " b"]
) -> tuple[Pool, Float[Array, "b *s"]]:
    """The pool after a batch, and what D is shown in the batch's place.

    One row after the other: while the pool is not full the image joins it and is shown;
    then, by a fair coin, either it is shown or a random one of the pool, whose place it
    takes. Every device must see the whole batch for the pool to be the same on all.
    """
    size = len(pool.images)

    def one(pool, row):
        image, key = row
        coin, place = draw(key, size)
        full = pool.count >= size
        place = jnp.where(full, place, pool.count)
        old = pool.images[place]
        kept = pool.images.at[place].set(jnp.where(full & ~coin, old, image))
        count = jnp.minimum(pool.count + 1, size)
        return Pool(kept, count), jnp.where(full & coin, old, image)

    return jax.lax.scan(one, pool, (images, keys))


def draw(key: Key[Array, ""], size: int) -> tuple[Array, Int[Array, ""]]:
    """Whether an image is exchanged for one of a full pool, and for which."""
    coin, place = jax.random.split(key)
    return jax.random.bernoulli(coin), jax.random.randint(place, (), 0, size)
