"""Fully connected networks, for points of the plane and for very small images."""

from collections.abc import Callable
from math import prod

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int


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
        x = _with_class(z, label, self.classes)
        for _ in range(self.depth):
            x = nn.leaky_relu(nn.Dense(self.width)(x), self.slope)
        x = self.output(nn.Dense(prod(self.shape))(x))
        return x.reshape(-1, *self.shape)


class Discriminator(nn.Module):
    """From images or points, flattened beside a one-hot label, to logits [b]."""

    width: int = 256
    depth: int = 3
    classes: int = 0
    slope: float = 0.2

    @nn.compact
    def __call__(
        self, image: Float[Array, "b ..."], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, " b"]:
        x = _with_class(image.reshape(len(image), -1), label, self.classes)
        for _ in range(self.depth):
            x = nn.leaky_relu(nn.Dense(self.width)(x), self.slope)
        return nn.Dense(1)(x)[:, 0]


def linear(x: Array) -> Array:
    """No activation."""
    return x


def _with_class(x: Array, label: Array, classes: int) -> Array:
    """[b, d] and a one-hot label side by side (Mirza & Osindero, 2014)."""
    one_hot = jax.nn.one_hot(label, classes, dtype=x.dtype)
    return jnp.concatenate([x, one_hot], axis=-1)
