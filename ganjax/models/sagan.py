"""SAGAN (Zhang et al., 2019): residual networks that attend to themselves at one side.

Spectral norm in G and D, classes in G's batch norms and by projection in D. As they
stand the networks are the usual ones of 32 px, SNGAN's with all of that; the published
ones, of 128 px, are `Generator128` and `Discriminator128`. Every weight is drawn as in
the authors' code. Where that has a bias that a batch norm takes away, there is none; of
those before G's attention it would not take away all.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ganjax.models import heads, layers, sizes
from ganjax.models.attention import Attention
from ganjax.models.convolution import Conv
from ganjax.models.example import Example
from ganjax.models.resnet import GLOROT, UpBlock, halve


class Generator(nn.Module):
    """From z to images: a dense layer to 4x4, then a block that doubles it per width.

    Attention follows the block that reaches side `attend`, if one does. Classes choose
    the gains and biases of the batch norms in the blocks, not of the last one.
    """

    widths: tuple[int, ...] = (256, 256, 256)
    channels: int = 3
    classes: int = 0
    attend: int = 16
    norm: Callable[..., Callable[..., Any]] = layers.BatchNorm
    wrap: Callable[[nn.Module], Callable[..., Any]] = layers.SpectralNorm

    @nn.compact
    def __call__(
        self, z: Float[Array, "b z"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b h w c"]:
        sizes.counted("SAGAN's G", "widths", self.widths)
        dense = nn.Dense(16 * self.widths[0], kernel_init=GLOROT)
        x = self.wrap(dense)(z, train=train).reshape(-1, 4, 4, self.widths[0])
        norm = partial(self.norm, classes=self.classes)
        for width in self.widths:
            block = UpBlock(width, norm, self.wrap, (GLOROT, GLOROT))
            x = block(x, label, train=train)
            if x.shape[1] == self.attend:
                x = Attention(self.wrap)(x, train=train)
        x = nn.relu(self.norm()(x, label, train=train))
        last = Conv(self.channels, kernel_init=GLOROT)
        return jnp.tanh(self.wrap(last)(x, train=train))


class Discriminator(nn.Module):
    """From images to logits [b]: a block per width, then one sum over the pixels.

    Blocks halve their input as long as its side is above `grid`. Attention follows the
    one that reaches side `attend`, if one does. Classes enter by projection.
    """

    widths: tuple[int, ...] = (128, 128, 128, 128)
    grid: int = 8
    classes: int = 0
    attend: int = 16
    wrap: Callable[[nn.Module], Callable[..., Any]] = layers.SpectralNorm
    kernel_init: Callable[..., Array] = GLOROT
    head: Callable[..., Callable[..., Any]] = heads.Projection

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
            x = halve(h) + conv(halve(x), h.shape[-1], 1)  # a mean and a 1x1 commute
            if x.shape[1] != self.attend:
                return x
            return Attention(self.wrap, self.kernel_init)(x, train=train)

        sizes.counted("SAGAN's D", "widths", self.widths)
        sides = sizes.sides_of("SAGAN's D", image)
        possible = sizes.multiples(1 << self._halvings(sides[0]))
        sizes.check("SAGAN's D", sides, possible, "fewer widths")
        first, *others = self.widths
        x = down(image, residual(image, first))
        for width in others:
            h = residual(nn.relu(x), width)
            if x.shape[1] > self.grid:
                x = down(x, h)
            else:
                x = h + (x if x.shape[-1] == width else conv(x, width, 1))
        h = jnp.sum(nn.relu(x), axis=(1, 2))
        head = self.head(self.classes, self.wrap, True, self.kernel_init, name="head")
        return head(h, label, train=train)

    def _halvings(self, side: int) -> int:
        """How many of the blocks halve images of a side."""
        done = 1
        while done < len(self.widths) and side >> done > self.grid:
            done += 1
        return done


Generator128 = partial(Generator, widths=(1024, 512, 256, 128, 64), attend=32)
Discriminator128 = partial(
    Discriminator, widths=(64, 128, 256, 512, 1024, 1024), grid=4, attend=32
)


TINY = {
    "g": Example(partial(Generator, (8, 8), channels=2, attend=8), (5,)),
    "d": Example(partial(Discriminator, (8, 8, 16), grid=4, attend=8), (16, 16, 2)),
}
