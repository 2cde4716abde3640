"""CycleGAN's image pool: D is also shown images that G made some time ago.

A history of generated images keeps D from forgetting G's earlier failures (Shrivastava et
al., 2017, section 2.3). The rule is that of CycleGAN's code (Zhu et al., 2017), where the
pool holds 50 images.
"""

import flax.struct
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from ganjax.core import PyTree
from ganjax.core.brief import brief_state


@flax.struct.dataclass
class Pool:
    """A buffer of images that G made before."""

    images: PyTree  # [n, ...], of which the first `count` are filled
    count: PyTree  # int32 scalar

    def __repr__(self) -> str:
        return brief_state(self)


def empty(image: Float[Array, "*s"], size: int = 50) -> Pool:
    """Makes an empty pool for `size` images of the shape of `image`; at least one."""
    images = jnp.zeros((size, *image.shape), image.dtype)
    return Pool(images, jnp.zeros((), jnp.int32))


def query(
    pool: Pool, images: Float[Array, "b *s"], keys: Key[Array, " b"]
) -> tuple[Pool, Float[Array, "b *s"]]:
    """Exchanges some images of a batch for older ones.

    While the pool is not full, an image is stored and shown. Afterwards a fair coin
    decides: either the image is shown, or a random one of the pool, whose place it takes.

    Args:
        pool: the pool before the batch.
        images: the whole batch on every device (`multiplayer.all_rows`), as the pool is
            part of the state and must be the same on all.
        keys: one key per image.

    Returns:
        The pool after the batch, and the images that D is shown.
    """
    size = len(pool.images)

    # Row after row, as a later image of the batch may be exchanged for an earlier one.
    def one(pool, row):
        image, key = row
        coin, place = draw_exchange(key, size)
        full = pool.count >= size
        place = jnp.where(full, place, pool.count)
        old = pool.images[place]
        # Without an exchange the old image is written back to its own place.
        kept = pool.images.at[place].set(jnp.where(full & ~coin, old, image))
        count = jnp.minimum(pool.count + 1, size)
        return Pool(kept, count), jnp.where(full & coin, old, image)

    return jax.lax.scan(one, pool, (images, keys))


def draw_exchange(key: Key[Array, ""], size: int) -> tuple[Array, Int[Array, ""]]:
    """Draws whether an image is exchanged for one of a full pool, and for which."""
    coin, place = jax.random.split(key)
    return jax.random.bernoulli(coin), jax.random.randint(place, (), 0, size)
