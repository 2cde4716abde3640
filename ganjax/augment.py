"""What stands in front of the discriminator, for real and fake alike.

A transform is a function (key, image [h, w, c] in [-1, 1], p) -> image: it acts with
probability `p`, and is differentiable in the image. The step calls it for each row with
a key of that row's own.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from ganjax.gan import Augment, Number, at


Image = Float[Array, "h w c"]
Transform = Callable[[Key[Array, ""], Image, Array], Image]


def identity() -> Augment:
    """Nothing: D sees the images as they are."""
    return Augment(
        init=lambda: (),
        apply=lambda state, key, image: image,
        update=lambda state, sign, step: state,
    )


def fixed(transform: Transform, p: Number = 1.0) -> Augment:
    """`transform` with a probability known beforehand, constant or a schedule."""
    return Augment(
        init=lambda: jnp.asarray(at(p, jnp.zeros((), jnp.int32)), jnp.float32),
        apply=lambda p, key, image: transform(key, image, p),
        update=lambda _, sign, step: jnp.asarray(at(p, step + 1), jnp.float32),
    )


def adaptive(
    transform: Transform, batch: int, target: Number = 0.6, images: float = 500e3
) -> Augment:
    """ADA: p rises while D is too sure of the real images (Karras et al., 2020, eq. 1).

    After each turn on `batch` images, p moves by `batch / images` towards the mean sign
    of D on them being `target`; `images` is how many it takes from p = 0 to 1.
    """

    def update(p, sign, step):
        towards = jnp.sign(sign - at(target, step))
        return jnp.clip(p + batch / images * towards, 0.0, 1.0)

    return Augment(
        init=lambda: jnp.zeros(()),
        apply=lambda p, key, image: transform(key, image, p),
        update=update,
    )


def chain(*transforms: Transform) -> Transform:
    """One transform after the other, each deciding for itself whether it acts."""

    def apply(key, image, p):
        for i, transform in enumerate(transforms):
            image = transform(jax.random.fold_in(key, i), image, p)
        return image

    return apply


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
