"""SAGAN (Zhang et al., 2019): residual networks with self-attention at one image size.

Spectral norm in both G and D; classes enter by conditional batch norms in G and by
projection in D. The default sizes are the usual ones for 32 px: SNGAN's networks with
these additions. `Generator128` and `Discriminator128` are the published ones, for 128 px.

Weights are initialized as in the authors' code. Unlike there, layers before a batch norm
have no bias: the norm would subtract it again. (This holds only in part for the layers
before G's attention, which is not linear.)
"""

from functools import partial

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ganjax.layers import heads, sizes
from ganjax.layers.attention import Attention
from ganjax.layers.example import Example
from ganjax.layers.normalization import BatchNorm, Norm
from ganjax.layers.spectral_norm import SpectralNorm, Wrap
from ganjax.models.resnet import GLOROT, UpBlock, halve
from ganjax.ops.convolution import Conv


class Generator(nn.Module):
    """Maps z to images: a dense layer to 4x4, then residual blocks that double the sides.

    Classes choose gains and biases of the batch norms in the blocks, but not of the last
    batch norm.

    Attributes:
        widths: channels of each block. Images have a side of 4 * 2^(blocks) pixels.
        channels: channels of the images.
        classes: number of classes, 0 for an unconditional generator.
        attention_resolution: side of the block's output that attention follows. There is
            none if no block has it.
        norm: makes a normalization layer, `norm(classes=...)`.
        wrap: wraps each layer, such as `SpectralNorm`.
    """

    widths: tuple[int, ...] = (256, 256, 256)
    channels: int = 3
    classes: int = 0
    attention_resolution: int = 16
    norm: Norm = BatchNorm
    wrap: Wrap = SpectralNorm

    @nn.compact
    def __call__(
        self, z: Float[Array, "b z"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b h w c"]:
        sizes.check_positive("SAGAN's G", "widths", self.widths)
        # z becomes a 4x4 feature map, whose sides each block doubles.
        dense = nn.Dense(16 * self.widths[0], kernel_init=GLOROT)
        x = self.wrap(dense)(z, train=train).reshape(-1, 4, 4, self.widths[0])
        norm = partial(self.norm, classes=self.classes)
        for width in self.widths:
            block = UpBlock(width, norm, self.wrap, (GLOROT, GLOROT))
            x = block(x, label, train=train)
            if x.shape[1] == self.attention_resolution:
                x = Attention(self.wrap)(x, train=train)
        x = nn.relu(self.norm()(x, label, train=train))
        last = Conv(self.channels, kernel_init=GLOROT)
        return jnp.tanh(self.wrap(last)(x, train=train))


class Discriminator(nn.Module):
    """Maps images to logits [b]: residual blocks, then a sum over the pixels.

    Classes enter by projection (Miyato & Koyama, 2018).

    Attributes:
        widths: channels of each block.
        grid: blocks halve their input while its side is larger than this.
        classes: number of classes, 0 for an unconditional discriminator.
        attention_resolution: side of the block's output that attention follows. There is
            none if no block has it.
        wrap: wraps each layer, such as `SpectralNorm`.
        kernel_init: initializer of all weights.
        head: makes the last layer; see `ganjax.layers.heads`.
    """

    widths: tuple[int, ...] = (128, 128, 128, 128)
    grid: int = 8
    classes: int = 0
    attention_resolution: int = 16
    wrap: Wrap = SpectralNorm
    kernel_init: nn.initializers.Initializer = GLOROT
    head: heads.Head = heads.Projection

    @nn.compact
    def __call__(
        self, image: Float[Array, "b h w c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, " b"]:
        def conv(x, width, size):
            layer = Conv(width, size, kernel_init=self.kernel_init)
            return self.wrap(layer)(x, train=train)

        def residual(x, width):
            return conv(nn.relu(conv(x, width, 3)), width, 3)

        def down(x, h):
            # The skip connection averages first: a mean and a 1x1 convolution commute.
            x = halve(h) + conv(halve(x), h.shape[-1], 1)
            if x.shape[1] != self.attention_resolution:
                return x
            return Attention(self.wrap, self.kernel_init)(x, train=train)

        sizes.check_positive("SAGAN's D", "widths", self.widths)
        sides = sizes.sides_of("SAGAN's D", image)
        # D halves until the side is at most `grid`, or until its blocks end.
        possible = sizes.multiples(1 << self._halvings(sides[0]))
        sizes.check("SAGAN's D", sides, possible, "fewer widths")

        # The first block sees pixels, so no ReLU comes before its convolutions.
        first, *others = self.widths
        x = down(image, residual(image, first))
        for width in others:
            # Pre-activation blocks. At a side of `grid` they stop halving, and the skip
            # connection needs no convolution where the width stays the same.
            h = residual(nn.relu(x), width)
            if x.shape[1] > self.grid:
                x = down(x, h)
            elif x.shape[-1] == width:
                x = h + x
            else:
                x = h + conv(x, width, 1)
        # Global sum pooling, as in SNGAN.
        h = jnp.sum(nn.relu(x), axis=(1, 2))
        head = self.head(self.classes, self.wrap, True, self.kernel_init, name="head")
        return head(h, label, train=train)

    def _halvings(self, side: int) -> int:
        """Returns how many of the blocks halve images of this side."""
        count = 1
        while count < len(self.widths) and side >> count > self.grid:
            count += 1
        return count


# The published networks, for 128 px.
Generator128 = partial(
    Generator, widths=(1024, 512, 256, 128, 64), attention_resolution=32
)
Discriminator128 = partial(
    Discriminator,
    widths=(64, 128, 256, 512, 1024, 1024),
    grid=4,
    attention_resolution=32,
)


TINY = {
    "g": Example(partial(Generator, (8, 8), channels=2, attention_resolution=8), (5,)),
    "d": Example(
        partial(Discriminator, (8, 8, 16), grid=4, attention_resolution=8), (16, 16, 2)
    ),
}
