"""DiffAugment: colour, translation and cutout (Zhao et al., 2020); and the flip."""

import jax
import jax.numpy as jnp

from ganjax.augment.transform import Transform, chain


def diff_augment() -> Transform:
    """Colour, translation and cutout, as published (Zhao et al., 2020, section 4)."""
    return chain(colour(), translation(), cutout())


def flip() -> Transform:
    """Mirrors left and right half of the times that it acts."""

    def apply(key, image, p):
        return jnp.where(jax.random.bernoulli(key, p / 2), image[:, ::-1], image)

    return apply


def colour() -> Transform:
    """Brightness +-0.5, saturation x0..2, contrast x0.5..1.5 (Zhao et al., 2020)."""

    def apply(key, image, p):
        brightness, saturation, contrast, act = jax.random.split(key, 4)
        moved = image + jax.random.uniform(brightness, minval=-0.5, maxval=0.5)
        grey = moved.mean(axis=-1, keepdims=True)
        moved = grey + (moved - grey) * jax.random.uniform(saturation, maxval=2.0)
        mean = moved.mean()
        factor = jax.random.uniform(contrast, minval=0.5, maxval=1.5)
        moved = mean + (moved - mean) * factor
        return jnp.where(jax.random.bernoulli(act, p), moved, image)

    return apply


def translation(share: float = 0.125) -> Transform:
    """Shifts by whole pixels, up to `share` of the size, black (0) moving in."""

    def shift(key, length):
        most = int(length * share + 0.5)
        by = jax.random.randint(key, (), -most, most + 1)
        return jax.nn.one_hot(jnp.arange(length) + by, length)

    def apply(key, image, p):
        down, right, act = jax.random.split(key, 3)
        moved = jnp.einsum(
            "ij,jkc,lk->ilc",
            shift(down, image.shape[0]),
            image,
            shift(right, image.shape[1]),
            precision=jax.lax.Precision.HIGHEST,
        )
        return jnp.where(jax.random.bernoulli(act, p), moved, image)

    return apply


def cutout(share: float = 0.5) -> Transform:
    """Blanks to 0 a rectangle of `share` of each side, centred anywhere."""

    def inside(key, length):
        size = int(length * share + 0.5)
        centre = jax.random.randint(key, (), 0, length + 1 - size % 2)
        place = jnp.arange(length) - centre + size // 2
        return (place >= 0) & (place < size)

    def apply(key, image, p):
        row, column, act = jax.random.split(key, 3)
        rows, columns = inside(row, image.shape[0]), inside(column, image.shape[1])
        hole = rows[:, None, None] & columns[None, :, None]
        return jnp.where(hole & jax.random.bernoulli(act, p), 0.0, image)

    return apply
