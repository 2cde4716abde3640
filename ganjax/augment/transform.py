"""The type of a transform, and the stages that ADA's transforms are built from.

A `Transform` maps `(key, image, p)` to an image. It acts with probability `p` and is
differentiable in the image, because G learns through it. The training step maps it over a
batch with one key per row, so that a row's augmentation does not depend on how the batch is
laid out on devices.

A `Stage` splits a transform in two: `draw` samples the parameters of the change (an angle,
a shift), `apply` is the deterministic change itself. The tests can therefore apply the very
parameters that the released code drew. `pipeline` joins stages to a transform.

Parameters are dataclasses of arrays or numbers. Their fields are annotated as `PyTree`,
since JAX also builds such dataclasses with other leaves, such as axes of `vmap`.
"""

from collections.abc import Callable
from functools import partial, reduce
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Key

from ganjax.core import PyTree


Image = Float[Array, "h w c"]
Shape = tuple[int, ...]  # of one image: (h, w, c)


@runtime_checkable
class Transform(Protocol):
    """A random change of one image."""

    def __call__(self, key: Key[Array, ""], image: Image, p: Array, /) -> Image:
        """Returns the image, changed with probability `p`.

        Args:
            key: the source of all randomness; equal keys give equal changes.
            image: one image [h, w, c] in [-1, 1].
            p: the probability that the transform acts, a scalar in [0, 1]. With 0 the image
                is returned bit by bit.
        """
        ...


class Stage(NamedTuple):
    """A random change whose parameters are drawn apart from their application.

    Attributes:
        draw: (key, p, shape of the image) -> parameters, which are those of the identity
            where the change does not act.
        apply: (image, parameters) -> image.
    """

    draw: Callable[[Key[Array, ""], Array, Shape], PyTree]
    apply: Callable[[Image, PyTree], Image]


def chain(*transforms: Transform) -> Transform:
    """Applies transforms in order. Each draws on its own whether it acts."""

    def apply(key, image, p):
        for i, transform in enumerate(transforms):
            # Unlike with `split`, another transform at the end does not change what the
            # others draw.
            image = transform(jax.random.fold_in(key, i), image, p)
        return image

    return apply


def pipeline(*stages: Stage) -> Transform:
    """Joins stages, in order, to one transform."""

    def as_transform(stage):
        def apply(key, image, p):
            return stage.apply(image, stage.draw(key, p, image.shape))

        return apply

    return chain(*map(as_transform, stages))


def keep_with_probability(
    key: Key[Array, ""], probabilities: PyTree, drawn: PyTree
) -> PyTree:
    """Keeps each drawn parameter with its own probability, independently.

    Args:
        key: decides which parameters are kept.
        probabilities: a dataclass as `drawn`, of one probability for each parameter.
        drawn: a dataclass of parameters whose defaults are those of the identity.

    Returns:
        `drawn`, with the default in place of each parameter that is not kept.
    """
    leaves, tree = jax.tree.flatten(probabilities)
    is_kept = jax.random.uniform(key, (len(leaves),)) < jnp.stack(leaves)
    # The defaults of the dataclass are the identity's parameters.
    identity = type(drawn)()
    return jax.tree.map(jnp.where, tree.unflatten(list(is_kept)), drawn, identity)


def where_changed(changed: Bool[Array, ""], new: Image, image: Image) -> Image:
    """Returns `new` if anything was changed, else `image` itself.

    Without this an image would not be the same to the bit at p = 0, as even a product with
    the identity matrix rounds.

    Args:
        changed: whether the parameters are not those of the identity.
        new: the transformed image.
        image: the image before.
    """
    return jnp.where(changed, new, image).astype(image.dtype)


def matrix(*rows: tuple[Any, ...]) -> Float[Array, "n m"]:
    """Builds a float32 matrix [n, m] from n rows of m numbers or traced scalars."""
    return jnp.stack([jnp.stack([jnp.float32(x) for x in row]) for row in rows])


def product(*matrices: Float[Array, "n n"]) -> Float[Array, "n n"]:
    """Multiplies matrices in full float32 precision. As maps, the last one acts first."""
    multiply = partial(jnp.matmul, precision=jax.lax.Precision.HIGHEST)
    return reduce(multiply, matrices)
