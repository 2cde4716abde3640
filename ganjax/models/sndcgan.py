"""SNDCGAN (Miyato et al., 2018, table 3): the "standard CNN" of the spectral norm paper.

Weights are drawn from a normal distribution of standard deviation 0.02, as in the authors'
code. Layers before a batch norm have no bias: the norm would subtract it again.
"""

from functools import partial

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ganjax.layers import heads, resampling, sizes
from ganjax.layers.example import Example
from ganjax.layers.normalization import BatchNorm, Norm
from ganjax.layers.spectral_norm import SpectralNorm, Wrap
from ganjax.ops.convolution import Conv, conv


INIT = nn.initializers.normal(0.02)


class Generator(nn.Module):
    """Maps z to images: a dense layer to a small grid, three doublings, a 3x3 convolution.

    As in the table neither a norm nor a ReLU follows the dense layer. Classes choose gains
    and biases of the batch norms.

    Attributes:
        size: side of the images, 8 times that of the first grid: 4x4 for 32 px, 6x6 for 48.
        channels: channels of the images.
        width: channels at the full size. Each smaller size has twice as many as the next,
            which is 8 times `width` at the first grid.
        classes: number of classes, 0 for an unconditional generator.
        norm: makes a normalization layer, `norm(classes=...)`.
    """

    size: int = 32
    channels: int = 3
    width: int = 64
    classes: int = 0
    norm: Norm = BatchNorm

    @nn.compact
    def __call__(
        self, z: Float[Array, "b z"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b h w c"]:
        def act(x):
            return nn.relu(self.norm(classes=self.classes)(x, label, train=train))

        sizes.check("SNDCGAN's G", self.size, sizes.multiples(8))
        grid = self.size // 8
        # 512, 256, 128 and 64 channels with the default width, as in table 3.
        first, *widths = [self.width * n for n in (8, 4, 2, 1)]
        dense = nn.Dense(grid**2 * first, kernel_init=INIT)
        x = dense(z).reshape(-1, grid, grid, first)
        # Each transposed convolution doubles the sides and halves the channels.
        for width in widths:
            x = act(resampling.Up(width, kernel_init=INIT)(x))
        return jnp.tanh(Conv(self.channels, kernel_init=INIT)(x))


class Discriminator(nn.Module):
    """Maps images to logits [b]: alternating 3x3 and strided 4x4 layers, then a dense one.

    Classes enter by projection.

    Attributes:
        width: channels of the first layer; each halving of the sides doubles them.
        classes: number of classes, 0 for an unconditional discriminator.
        wrap: wraps each layer, such as `SpectralNorm`.
        head: makes the last layer; see `ganjax.layers.heads`.
    """

    width: int = 64
    classes: int = 0
    wrap: Wrap = SpectralNorm
    head: heads.Head = heads.Projection

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
        # Each 4x4 convolution halves the sides, the 3x3 after it doubles the channels.
        for multiplier in (1, 2, 4):
            x = layer(Halving, x, multiplier * self.width)
            x = layer(Conv, x, 2 * multiplier * self.width)
        head = self.head(self.classes, self.wrap, True, INIT, name="head")
        return head(x.reshape(len(x), -1), label, train=train)


class Halving(nn.Module):
    """A 4x4 convolution of stride 2, with a bias."""

    features: int
    kernel_init: nn.initializers.Initializer

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b H W d"]:
        shape = (4, 4, x.shape[-1], self.features)
        kernel = self.param("kernel", self.kernel_init, shape)
        x = conv(x, kernel, resampling.HALVING_PADDING, resampling.HALVING_STRIDE)
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        return x + bias.reshape(1, 1, 1, -1)


TINY = {
    "g": Example(partial(Generator, 16, 2, width=3), (5,)),
    "d": Example(partial(Discriminator, width=3), (16, 16, 2)),
}
