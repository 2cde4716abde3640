"""SNDCGAN (Miyato et al., 2018, table 3): the standard network of spectral norm's paper.

Weights are drawn from N(0, 0.02), as in the authors' code. No bias stands before a batch
norm, which would take it away.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ganjax.models import heads, layers, sizes
from ganjax.models.convolution import Conv, conv
from ganjax.models.example import Example


INIT = nn.initializers.normal(0.02)


class Generator(nn.Module):
    """From z to images of `size`, 8 times a first grid: dense, three doublings, a 3x3.

    As in the table neither a norm nor a ReLU follows the dense layer. `width` counts the
    channels at the full size, of which every halving has twice as many: 64, hence 512 on
    the first grid, of 4x4 at 32 px and 6x6 at 48. Classes choose the gains and biases of
    the batch norms.
    """

    size: int = 32
    channels: int = 3
    width: int = 64
    classes: int = 0
    norm: Callable[..., Callable[..., Any]] = layers.BatchNorm

    @nn.compact
    def __call__(
        self, z: Float[Array, "b z"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b h w c"]:
        def act(x):
            return nn.relu(self.norm(classes=self.classes)(x, label, train=train))

        sizes.check("SNDCGAN's G", self.size, sizes.multiples(8))
        grid, widths = self.size // 8, [self.width * n for n in (8, 4, 2, 1)]
        dense = nn.Dense(grid**2 * widths[0], kernel_init=INIT)
        x = dense(z).reshape(-1, grid, grid, widths[0])
        for width in widths[1:]:
            x = act(layers.Up(width, kernel_init=INIT)(x))
        return jnp.tanh(Conv(self.channels, kernel_init=INIT)(x))


class Discriminator(nn.Module):
    """From images to logits [b]: 3x3 and halving 4x4 in turn, then one dense layer.

    `width` counts the first layer's channels. Classes enter by projection.
    """

    width: int = 64
    classes: int = 0
    wrap: Callable[[nn.Module], Callable[..., Any]] = layers.SpectralNorm
    head: Callable[..., Callable[..., Any]] = heads.Projection

    @nn.compact
    def __call__(
        self, image: Float[Array, "b h w c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, " b"]:
        sides = sizes.sides_of("SNDCGAN's D", image)
        sizes.check("SNDCGAN's D", sides, sizes.multiples(8))

        def layer(kind, x, width):
            wrapped = self.wrap(kind(width, kernel_init=INIT))
            return nn.leaky_relu(wrapped(x, train=train), 0.1)

        x = layer(Conv, image, self.width)
        for times in (1, 2, 4):
            x = layer(Halving, x, times * self.width)
            x = layer(Conv, x, 2 * times * self.width)
        head = self.head(self.classes, self.wrap, True, INIT, name="head")
        return head(x.reshape(len(x), -1), label, train=train)


class Halving(nn.Module):
    """The 4x4 convolution of stride 2, with a bias."""

    features: int
    kernel_init: Callable[..., Array]

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b H W d"]:
        shape = (4, 4, x.shape[-1], self.features)
        x = conv(x, self.param("kernel", self.kernel_init, shape), *layers.HALF)
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        return x + bias.reshape(1, 1, 1, -1)


TINY = {
    "g": Example(partial(Generator, 16, 2, width=3), (5,)),
    "d": Example(partial(Discriminator, width=3), (16, 16, 2)),
}
