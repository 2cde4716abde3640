"""R3GAN (Huang et al., 2024): residual stages without normalisation.

As in the paper's final configuration (section 3, config E) and the authors' code: blocks
of 1x1, grouped 3x3 and 1x1 convolutions (Xie et al., 2017) that start as the identity,
their weights scaled by the number of blocks (Zhang et al., 2019), between resamplings by
a low-pass filter. Biases stand before the activations only. The defaults are CIFAR-10's.
"""

from collections.abc import Callable
from functools import partial
from math import sqrt
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ganjax.errors import Mistake
from ganjax.models import filters, heads, sizes
from ganjax.models.convolution import Conv, conv, same
from ganjax.models.example import Example


TAPS = 1.0, 3.0, 3.0, 1.0  # [1, 2, 1] on pixels that stand twice
GAIN = sqrt(2 / (1 + 0.2**2))  # of a leaky ReLU of slope 0.2 (He et al., 2015)


def normal(gain: float) -> nn.initializers.Initializer:
    """N(0, gain^2 / fan-in); of gain 0 all zeros."""
    if not gain:
        return nn.initializers.zeros
    return nn.initializers.variance_scaling(gain**2, "fan_in", "normal")


class Generator(nn.Module):
    """From z to images: a learned 4x4 pattern, then stages that double it.

    `widths` and `cardinalities` (the numbers of groups) are those of the stages, from
    4x4 up. Classes enter as a vector as wide as z beside it.
    """

    channels: int = 3
    widths: tuple[int, ...] = (768,) * 4
    cardinalities: tuple[int, ...] = (96,) * 4
    blocks: int = 2  # in each stage
    expansion: int = 2
    classes: int = 0

    @nn.compact
    def __call__(
        self, z: Float[Array, "b z"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b h w c"]:
        _check("R3GAN's G", self.widths, self.cardinalities, self.expansion)
        if self.classes:
            init = normal(1)
            embed = nn.Embed(self.classes, z.shape[-1], embedding_init=init)
            z = jnp.concatenate([z, embed(label)], axis=-1)
        shape = (1, 4, 4, self.widths[0])
        basis = self.param("basis", nn.initializers.normal(1.0), shape)
        x = nn.Dense(self.widths[0], use_bias=False, kernel_init=normal(1))(z)
        x = x[:, None, None] * basis

        total = self.blocks * len(self.widths)
        for i, width in enumerate(self.widths):
            if i:
                x = filters.up(_resize(width, x), TAPS)
            for _ in range(self.blocks):
                x = Block(self.cardinalities[i], self.expansion, total)(x)
        return Conv(self.channels, 1, use_bias=False, kernel_init=normal(1))(x)


class Embedded(nn.Module):
    """D's head: a vector for each class in place of the last layer's only one."""

    classes: int = 0

    @nn.compact
    def __call__(
        self, h: Float[Array, "b c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, " b"]:
        heads.tell(self, features=h)
        if not self.classes:
            return nn.Dense(1, use_bias=False, kernel_init=normal(1))(h)[:, 0]
        width = h.shape[-1]
        h = nn.Dense(width, use_bias=False, kernel_init=normal(1))(h)
        embed = nn.Embed(self.classes, width, embedding_init=normal(width**-0.5))
        return jnp.sum(h * embed(label), axis=-1)


class Discriminator(nn.Module):
    """From images to logits [b]: stages that halve them, then a pattern of 4x4.

    `widths` and `cardinalities` are given as G's are, from 4x4 up.
    """

    widths: tuple[int, ...] = (768,) * 4
    cardinalities: tuple[int, ...] = (96,) * 4
    blocks: int = 2
    expansion: int = 2
    classes: int = 0
    head: Callable[..., Callable[..., Any]] = Embedded

    @nn.compact
    def __call__(
        self, image: Float[Array, "b h w c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, " b"]:
        _check("R3GAN's D", self.widths, self.cardinalities, self.expansion)
        sides = sizes.sides_of("R3GAN's D", image)
        sizes.staged("R3GAN's D", sides, 4, len(self.widths))
        total, last = self.blocks * len(self.widths), self.widths[0]
        first = Conv(self.widths[-1], 1, use_bias=False, kernel_init=normal(1))
        x = first(image)
        for i in reversed(range(len(self.widths))):
            for _ in range(self.blocks):
                x = Block(self.cardinalities[i], self.expansion, total)(x)
            if i:
                x = _resize(self.widths[i - 1], filters.down(x, TAPS))

        basis = self.param("basis", nn.initializers.normal(1 / 4), (1, 4, 4, last))
        h = jnp.sum(x * basis, axis=(1, 2))
        return self.head(self.classes, name="head")(h, label, train=train)


class Block(nn.Module):
    """x + a 1x1, a grouped 3x3 and a 1x1 convolution, which at first is 0.

    `total` blocks in a network with m = 3 layers each scale the others' weights by
    total^(-1 / (2m - 2)).
    """

    cardinality: int
    expansion: int
    total: int

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
        width, init = x.shape[-1], normal(GAIN * self.total**-0.25)
        wide = self.expansion * width
        h = Conv(wide, 1, kernel_init=init)(x)
        h = Grouped(self.cardinality, init)(nn.leaky_relu(h, 0.2))
        h = nn.leaky_relu(h, 0.2)
        return x + Conv(width, 1, use_bias=False, kernel_init=normal(0))(h)


class Grouped(nn.Module):
    """A 3x3 convolution of each of `groups` groups of channels by itself."""

    groups: int
    kernel_init: nn.initializers.Initializer

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
        width = x.shape[-1]
        shape = (3, 3, width // self.groups, width)
        kernel = self.param("kernel", self.kernel_init, shape)
        bias = self.param("bias", nn.initializers.zeros, (width,))
        x = conv(x, kernel, (same(3), same(3)), groups=self.groups)
        return x + bias.reshape(1, 1, 1, -1)


def _resize(width: int, x: Array) -> Array:
    """A 1x1 convolution to `width` channels, where there are others."""
    if x.shape[-1] == width:
        return x
    return Conv(width, 1, use_bias=False, kernel_init=normal(1))(x)


def _check(
    network: str, widths: tuple[int, ...], groups: tuple[int, ...], expansion: int
) -> None:
    """Raises a `Mistake` unless every stage's convolutions divide into its groups."""
    sizes.counted(network, "widths", widths)
    if len(groups) != len(widths):
        raise Mistake(
            f"{network} has {len(widths)} widths and {len(groups)} cardinalities: give as "
            "many, one of each for a stage."
        )
    for width, count in zip(widths, groups, strict=True):
        what = "channels (a width times the expansion)"
        sizes.divisible(network, what, expansion * width, count, "groups")


STAGES = {"widths": (8, 4), "cardinalities": (4, 2), "blocks": 1}
TINY = {
    "g": Example(partial(Generator, channels=2, **STAGES), (5,)),
    "d": Example(partial(Discriminator, **STAGES), (8, 8, 2)),
}
