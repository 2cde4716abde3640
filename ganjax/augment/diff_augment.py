"""DiffAugment: differentiable augmentation for training on few images (Zhao et al., 2020).

`diff_augment` is the published combination; its three transforms and the left-right flip
can also be used alone or be combined by `chain`.
"""

import jax
import jax.numpy as jnp

from ganjax.augment.transform import Transform, chain


def diff_augment() -> Transform:
    """Color, translation and cutout in turn, as in Zhao et al. (2020, section 4)."""
    return chain(color(), translation(), cutout())


def flip() -> Transform:
    """Mirrors left and right, with probability p / 2."""

    def apply(key, image, p):
        return jnp.where(jax.random.bernoulli(key, p / 2), image[:, ::-1], image)

    return apply


def color() -> Transform:
    """Changes brightness, saturation and contrast, all three with probability p.

    Brightness changes by -0.5 to 0.5, saturation by a factor of 0 to 2 and contrast by a
    factor of 0.5 to 1.5.
    """

    def apply(key, image, p):
        brightness_key, saturation_key, contrast_key, act_key = jax.random.split(key, 4)
        changed = image + jax.random.uniform(brightness_key, minval=-0.5, maxval=0.5)

        # Saturation scales the distance from each pixel's gray, contrast the distance from
        # the image's mean.
        gray = changed.mean(axis=-1, keepdims=True)
        saturation = jax.random.uniform(saturation_key, maxval=2.0)
        changed = gray + (changed - gray) * saturation
        mean = changed.mean()
        contrast = jax.random.uniform(contrast_key, minval=0.5, maxval=1.5)
        changed = mean + (changed - mean) * contrast
        return jnp.where(jax.random.bernoulli(act_key, p), changed, image)

    return apply


def translation(ratio: float = 0.125) -> Transform:
    """Shifts images by whole pixels along both axes; the gaps are filled with zeros.

    Args:
        ratio: the largest shift, as a fraction of the image's size.
    """

    def shift_matrix(key, length):
        largest = int(length * ratio + 0.5)
        shift = jax.random.randint(key, (), -largest, largest + 1)
        # One-hot rows select the source pixel; if it is beyond the image, the row is zero.
        return jax.nn.one_hot(jnp.arange(length) + shift, length)

    def apply(key, image, p):
        # A shift by a traced number is computed as a product with selection matrices, which
        # `vmap` can batch.
        row_key, column_key, act_key = jax.random.split(key, 3)
        shifted = jnp.einsum(
            "ij,jkc,lk->ilc",
            shift_matrix(row_key, image.shape[0]),
            image,
            shift_matrix(column_key, image.shape[1]),
            precision=jax.lax.Precision.HIGHEST,
        )
        return jnp.where(jax.random.bernoulli(act_key, p), shifted, image)

    return apply


def cutout(ratio: float = 0.5) -> Transform:
    """Sets a rectangle, centered anywhere in the image, to zero.

    Args:
        ratio: the rectangle's sides, as a fraction of the image's.
    """

    def inside(key, length):
        size = int(length * ratio + 0.5)
        # Near the border the rectangle is cut off, as in the authors' code.
        center = jax.random.randint(key, (), 0, length + 1 - size % 2)
        offset = jnp.arange(length) - center + size // 2
        return (offset >= 0) & (offset < size)

    def apply(key, image, p):
        row_key, column_key, act_key = jax.random.split(key, 3)
        rows = inside(row_key, image.shape[0])
        columns = inside(column_key, image.shape[1])
        hole = rows[:, None, None] & columns[None, :, None]
        return jnp.where(hole & jax.random.bernoulli(act_key, p), 0.0, image)

    return apply
