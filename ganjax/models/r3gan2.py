"""R3GAN2, the successor of R3GAN: its stages, in layers that keep magnitudes.

As in its released code (IFeelBloated/R3GAN2): what the blocks of a stage add is divided
out at its end, so that features are about as large as N(0, 1) everywhere. Weights are to
be put back to `magnitude.forced` after each step. The defaults are CIFAR-10's.
"""

from collections.abc import Callable
from functools import partial
from math import sqrt
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ganjax.errors import Mistake
from ganjax.models import filters, heads, sizes
from ganjax.models.example import Example
from ganjax.models.magnitude import (
    RGB,
    Biased,
    Conv,
    Embed,
    Gathered,
    Linear,
    Spread,
    groups,
    lrelu,
)
from ganjax.models.r3gan import TAPS


SHORT = 1.0, 2.0, 1.0  # the same filter on pixels that stand once


class Generator(nn.Module):
    """From z to images: a learned 4x4 pattern, doubled, then stages that double it.

    `widths` are those of the stages, from 8x8 up; all are multiples of half a `group`,
    whose channels are convolved by themselves. Classes enter as a vector as wide as z
    beside it, noise at every block. All but the first layers compute in `dtype`.
    """

    channels: int = 3
    widths: tuple[int, ...] = (512,) * 3
    blocks: int = 4  # in each stage
    group: int = 32
    classes: int = 0
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(
        self, z: Float[Array, "b z"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b h w c"]:
        sizes.counted("R3GAN2's G", "widths", self.widths)
        first = self.widths[0]
        if self.classes:
            embed = Embed(self.classes, z.shape[-1])
            z = jnp.concatenate([z, embed(label)], axis=-1)
        h = Biased(2 * first)(z[:, None, None], jnp.ones(z.shape[-1]))
        h = Spread(self.group)(lrelu(h[:, 0, 0]))
        x = filters.up(Conv(first)(lrelu(h)), TAPS).astype(self.dtype)
        x, gain = Stage(self.blocks, self.group, noise=True)(x)
        for width in self.widths[1:]:
            x = up(_times(x, gain), width)
            x, gain = Stage(self.blocks, self.group, noise=True)(x)
        gain = gain * self.param("gain", nn.initializers.ones, ())
        rgb = Conv(self.channels, centred=False, name=RGB)
        return rgb(x, gain.reshape(1, 1, -1, 1)).astype(z.dtype)


class Embedded(nn.Module):
    """D's head: a vector for each class in place of the last layer's only one."""

    classes: int = 0

    @nn.compact
    def __call__(
        self, h: Float[Array, "b c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, " b"]:
        heads.tell(self, features=h)
        if not self.classes:
            return Linear(1)(h)[:, 0]
        h = Linear(h.shape[-1] // 2)(h)
        embed = Embed(self.classes, h.shape[-1])
        return jnp.sum(h * embed(label), axis=-1) / sqrt(h.shape[-1])


class Discriminator(nn.Module):
    """From images to logits [b]: stages that halve them, then a pattern of 4x4.

    `widths` are given as G's are, from 8x8 up. All but the last layers compute in `dtype`.
    """

    widths: tuple[int, ...] = (512,) * 3
    blocks: int = 4
    group: int = 32
    classes: int = 0
    dtype: Any = jnp.float32
    head: Callable[..., Callable[..., Any]] = Embedded

    @nn.compact
    def __call__(
        self, image: Float[Array, "b h w c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, " b"]:
        sizes.counted("R3GAN2's D", "widths", self.widths)
        sides = sizes.sides_of("R3GAN2's D", image)
        sizes.staged("R3GAN2's D", sides, 8, len(self.widths))
        rgb = Conv(self.widths[-1], centred=False, name=RGB)
        x, gain = Stage(self.blocks, self.group)(rgb(image.astype(self.dtype)))
        for width in self.widths[-2::-1]:
            x = down(_times(x, gain), width)
            x, gain = Stage(self.blocks, self.group)(x)
        x = filters.down(x.astype(image.dtype), TAPS)
        h = Gathered(self.group)(lrelu(Biased(2 * self.widths[0])(x, gain)))
        return self.head(self.classes, name="head")(lrelu(h), label, train=train)


class Stage(nn.Module):
    """Blocks, and the gains [c] that make their sum of magnitude 1 again."""

    blocks: int
    group: int
    noise: bool = False

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"]
    ) -> tuple[Float[Array, "b h w c"], Float[Array, " c"]]:
        variance = jnp.ones(x.shape[-1])
        for _ in range(self.blocks):
            gain = jax.lax.rsqrt(variance)
            x, alpha = Block(self.group, self.noise)(x, gain)
            variance = variance + alpha**2
        return x, jax.lax.rsqrt(variance)


class Block(nn.Module):
    """x + alpha [c] times a 1x1, a grouped 3x3 and a 1x1 convolution of gain * x.

    alpha is within -1..1 and at first 0; it is given beside the sum.
    """

    group: int
    noise: bool

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], gain: Float[Array, " c"]
    ) -> tuple[Float[Array, "b h w c"], Float[Array, " c"]]:
        width = x.shape[-1]
        alpha = jnp.tanh(self.param("alpha", nn.initializers.zeros, (width,)))
        h = Biased(2 * width, self.noise)(x, gain)
        h = Conv(2 * width, 3, groups(2 * width, self.group))(lrelu(h))
        return x + Conv(width)(lrelu(h), alpha.reshape(1, 1, 1, -1)), alpha


def up(x: Float[Array, "b h w c"], width: int) -> Float[Array, "b H W d"]:
    """Images of twice the sides; to other widths the channels are laid out as pixels."""
    if x.shape[-1] == width:
        return filters.up(x, TAPS)
    b, h, w, c = x.shape
    x = jnp.repeat(x, _ratio(width, c), axis=-1).reshape(b, h, w, width, 2, 2)
    x = x.transpose(0, 1, 4, 2, 5, 3).reshape(b, 2 * h, 2 * w, width)
    return filters.blur(x, (1, 1), taps=SHORT)


def down(x: Float[Array, "b h w c"], width: int) -> Float[Array, "b H W d"]:
    """Images of half the sides; to other widths pixels are made channels and averaged."""
    if x.shape[-1] == width:
        return filters.down(x, TAPS)
    b, h, w, c = x.shape
    x = filters.blur(x, (1, 1), taps=SHORT).reshape(b, h // 2, 2, w // 2, 2, c)
    x = x.transpose(0, 1, 3, 5, 2, 4)
    return x.reshape(b, h // 2, w // 2, width, _ratio(c, width)).mean(-1)


def _ratio(large: int, small: int) -> int:
    """Channels of small images for four of large ones, so that all values have a place."""
    if 4 * large % small:
        raise Mistake(
            f"Stages of {small} and {large} channels cannot follow each other: four "
            "times the second must be a multiple of the first."
        )
    return 4 * large // small


def _times(x: Float[Array, "b h w c"], gain: Float[Array, " c"]) -> Array:
    return x * gain.reshape(1, 1, 1, -1).astype(x.dtype)


STAGES = {"widths": (8, 4), "blocks": 1, "group": 4}
TINY = {
    "g": Example(partial(Generator, channels=2, **STAGES), (5,)),
    "d": Example(partial(Discriminator, **STAGES), (16, 16, 2)),
}
