"""Fully connected networks, for points of the plane and for very small images."""

from collections.abc import Callable
from functools import partial
from math import prod
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ganjax.models import heads
from ganjax.models.example import Example


class Generator(nn.Module):
    """From z to `shape`, (h, w, c) or (d,), through `depth` hidden layers of `width`.

    `output` is what the last layer passes through: tanh for images, `linear` for
    points. Classes enter as a one-hot label beside z.
    """

    shape: tuple[int, ...] = (8, 8, 1)
    width: int = 256
    depth: int = 3
    classes: int = 0
    slope: float = 0.2
    output: Callable[[Array], Array] = jnp.tanh

    @nn.compact
    def __call__(
        self, z: Float[Array, "b z"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b ..."]:
        one_hot = jax.nn.one_hot(label, self.classes, dtype=z.dtype)
        x = jnp.concatenate([z, one_hot], axis=-1)
        for _ in range(self.depth):
            x = nn.leaky_relu(nn.Dense(self.width)(x), self.slope)
        x = self.output(nn.Dense(prod(self.shape))(x))
        return x.reshape(-1, *self.shape)


class Discriminator(nn.Module):
    """From images or points, flattened, to logits [b]. Classes enter by projection."""

    width: int = 256
    depth: int = 3
    classes: int = 0
    slope: float = 0.2
    head: Callable[..., Callable[..., Any]] = heads.Projection

    @nn.compact
    def __call__(
        self, image: Float[Array, "b ..."], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, " b"]:
        x = image.reshape(len(image), -1)
        for _ in range(self.depth):
            x = nn.leaky_relu(nn.Dense(self.width)(x), self.slope)
        return self.head(self.classes, name="head")(x, label, train=train)


def linear(x: Array) -> Array:
    """No activation."""
    return x


TINY = {
    "g": Example(partial(Generator, (4, 4, 2), width=8, depth=2), (5,)),
    "d": Example(partial(Discriminator, width=8, depth=2), (4, 4, 2)),
}
