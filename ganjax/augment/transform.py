"""A transform of images, and the parts that one can be made of.

A transform is a function (key, image [h, w, c] in [-1, 1], p) -> image: it acts with
probability `p`, and is differentiable in the image. The step calls it for each row with
a key of that row's own. In a part, what is drawn and what that does are two functions.
"""

from collections.abc import Callable
from functools import partial, reduce
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Key

from ganjax.gan import PyTree


Image = Float[Array, "h w c"]
Transform = Callable[[Key[Array, ""], Image, Array], Image]
Shape = tuple[int, ...]  # of one image


class Part(NamedTuple):
    """What is drawn for an image, and the pure function that then changes it."""

    draw: Callable[[Key[Array, ""], Array, Shape], PyTree]  # (key, p, h w c) -> numbers
    apply: Callable[[Image, Any], Image]  # (image, those numbers) -> image


def chain(*transforms: Transform) -> Transform:
    """One transform after the other, each deciding for itself whether it acts."""

    def apply(key, image, p):
        for i, transform in enumerate(transforms):
            image = transform(jax.random.fold_in(key, i), image, p)
        return image

    return apply


def pipeline(*parts: Part) -> Transform:
    """The transform that draws for one part after the other and applies each."""

    def single(part):
        return lambda key, image, p: part.apply(image, part.draw(key, p, image.shape))

    return chain(*map(single, parts))


def sometimes(key: Key[Array, ""], chances: PyTree, drawn: PyTree) -> PyTree:
    """Each number that was drawn, with its own chance, else the one by default."""
    leaves, tree = jax.tree.flatten(chances)
    acts = jax.random.uniform(key, (len(leaves),)) < jnp.stack(leaves)
    rest = type(drawn)()
    return jax.tree.map(jnp.where, tree.unflatten(list(acts)), drawn, rest)


def either(change: Bool[Array, ""], moved: Image, image: Image) -> Image:
    """The moved image where there is something to change, else the very image."""
    return jnp.where(change, moved, image).astype(image.dtype)


def matrix(*rows: tuple[Any, ...]) -> Float[Array, "n m"]:
    """A matrix of scalars."""
    return jnp.stack([jnp.stack([jnp.float32(x) for x in row]) for row in rows])


def product(*matrices: Float[Array, "n n"]) -> Float[Array, "n n"]:
    """Their product in full precision, the last acting first."""
    multiply = partial(jnp.matmul, precision=jax.lax.Precision.HIGHEST)
    return reduce(multiply, matrices)
