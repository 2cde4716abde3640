"""Fully connected networks, for points in the plane and for very small images."""

from collections.abc import Callable
from functools import partial
from math import prod

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ganjax.layers import heads
from ganjax.layers.example import Example


class Generator(nn.Module):
    """Maps z [b, z] to examples [b, *shape].

    Attributes:
        shape: shape of one example: (h, w, c) for images, (d,) for points.
        width: units in each hidden layer.
        depth: number of hidden layers.
        classes: number of classes; the label is concatenated to z as a one-hot vector.
        slope: negative slope of the leaky ReLU.
        output: activation of the last layer: tanh for images, `linear` for points.
        kernel_init: initializer of all kernels.
    """

    shape: tuple[int, ...] = (8, 8, 1)
    width: int = 256
    depth: int = 3
    classes: int = 0
    slope: float = 0.2
    output: Callable[[Array], Array] = jnp.tanh
    kernel_init: nn.initializers.Initializer = nn.initializers.lecun_normal()

    @nn.compact
    def __call__(
        self, z: Float[Array, "b z"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b ..."]:
        # Without classes the one-hot vector has length 0, and x is z.
        one_hot = jax.nn.one_hot(label, self.classes, dtype=z.dtype)
        x = jnp.concatenate([z, one_hot], axis=-1)
        for _ in range(self.depth):
            h = nn.Dense(self.width, kernel_init=self.kernel_init)(x)
            x = nn.leaky_relu(h, self.slope)
        last = nn.Dense(prod(self.shape), kernel_init=self.kernel_init)
        x = self.output(last(x))
        return x.reshape(-1, *self.shape)


class Discriminator(nn.Module):
    """Maps examples [b, ...], which it flattens, to logits [b], or as another head does.

    Attributes:
        width: units in each hidden layer.
        depth: number of hidden layers.
        classes: number of classes, which enter through `head`.
        slope: negative slope of the leaky ReLU.
        head: makes the last layer, one of `layers.heads`, or of `layers.autoencoders` for
            an encoder.
        kernel_init: initializer of the kernels of the hidden layers.
    """

    width: int = 256
    depth: int = 3
    classes: int = 0
    slope: float = 0.2
    head: heads.Head = heads.Projection
    kernel_init: nn.initializers.Initializer = nn.initializers.lecun_normal()

    @nn.compact
    def __call__(
        self, image: Float[Array, "b ..."], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b *outputs"]:
        x = image.reshape(len(image), -1)
        for _ in range(self.depth):
            h = nn.Dense(self.width, kernel_init=self.kernel_init)(x)
            x = nn.leaky_relu(h, self.slope)
        return self.head(self.classes, name="head")(x, label, train=train)


def linear(x: Array) -> Array:
    """Returns x: no activation, for outputs without bounds."""
    return x


TINY = {
    "g": Example(partial(Generator, (4, 4, 2), width=8, depth=2), (5,)),
    "d": Example(partial(Discriminator, width=8, depth=2), (4, 4, 2)),
}
