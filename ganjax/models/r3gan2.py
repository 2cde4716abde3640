"""R3GAN2, the successor of R3GAN: its stages, built of magnitude-preserving layers.

The networks are those of the released code (IFeelBloated/R3GAN2). Layers preserve
magnitudes as in EDM2 (Karras et al., 2024; see `ganjax.layers.magnitude`): their outputs
have about unit variance if their inputs have. Within a stage each residual block adds to
the variance; the stage keeps count of it, and whatever reads the features multiplies them
by a gain of one over the standard deviation. So features are distributed about like N(0, 1)
everywhere, without normalization layers.

After each optimizer step the stored weights must be projected by
`magnitude.forced_weight_normalization` (see `ganjax.optim.project`). The default sizes are
those of CIFAR-10.
"""

from functools import partial
from math import sqrt

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Int

from ganjax.errors import UsageError
from ganjax.layers import heads, sizes
from ganjax.layers.example import Example
from ganjax.layers.magnitude import (
    RGB,
    Biased,
    Conv,
    Embed,
    Gathered,
    Linear,
    Spread,
    group_count,
    lrelu,
)
from ganjax.models.r3gan import TAPS
from ganjax.ops import filters


# The low-pass filter next to a pixel shuffle, which already repeats or averages pixels.
SHORT_TAPS = (1.0, 2.0, 1.0)


class Generator(nn.Module):
    """Maps z to images: learned 4x4 patterns, enlarged to 8x8, then stages.

    Classes enter as an embedding of the length of z, concatenated with it. Noise enters at
    every block.

    Attributes:
        channels: channels of the images.
        widths: channels of each stage, from 8x8 up, multiples of half a `group`. Images
            have a side of 8 * 2^(stages - 1) pixels.
        blocks: residual blocks in each stage.
        group: channels in each group of the grouped convolutions.
        classes: number of classes, 0 for an unconditional generator.
        dtype: dtype in which all but the first layers compute.
    """

    channels: int = 3
    widths: tuple[int, ...] = (512,) * 3
    blocks: int = 4
    group: int = 32
    classes: int = 0
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(
        self, z: Float[Array, "b z"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b h w c"]:
        sizes.check_positive("R3GAN2's G", "widths", self.widths)
        first = self.widths[0]
        if self.classes:
            embed = Embed(self.classes, z.shape[-1])
            z = jnp.concatenate([z, embed(label)], axis=-1)

        # A dense layer (a 1x1 convolution of one pixel) gives the coefficients of learned
        # 4x4 patterns.
        h = Biased(2 * first)(z[:, None, None], jnp.ones(z.shape[-1]))
        h = Spread(self.group)(lrelu(h[:, 0, 0]))
        x = filters.up(Conv(first)(lrelu(h)), TAPS).astype(self.dtype)

        x, gain = Stage(self.blocks, self.group, noise=True)(x)
        for width in self.widths[1:]:
            x = up(_scale_channels(x, gain), width)
            x, gain = Stage(self.blocks, self.group, noise=True)(x)

        # The last stage's gain is folded into the weights of the RGB layer.
        gain = gain * self.param("gain", nn.initializers.ones, ())
        rgb = Conv(self.channels, centered=False, name=RGB)
        return rgb(x, gain.reshape(1, 1, -1, 1)).astype(z.dtype)


class ProjectionHead(nn.Module):
    """Computes logits [b] from features [b, c].

    Without classes the logit is a linear function of the features. With classes it is the
    inner product of linearly mapped features and an embedding of the class.
    """

    classes: int = 0

    @nn.compact
    def __call__(
        self, h: Float[Array, "b c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, " b"]:
        heads.sow_heads(self, {"features": h})
        if not self.classes:
            return Linear(1)(h)[:, 0]
        h = Linear(h.shape[-1] // 2)(h)
        # Both vectors have a mean square of 1; divided by the root of the length, their
        # inner product has that magnitude, too.
        embed = Embed(self.classes, h.shape[-1])
        return jnp.sum(h * embed(label), axis=-1) / sqrt(h.shape[-1])


class Discriminator(nn.Module):
    """Maps images to logits [b]: G's stages in reverse, then 4x4 patterns.

    Attributes:
        widths: channels of each stage, from 8x8 up as for G. Images must have a side of
            8 * 2^(stages - 1) pixels.
        blocks: residual blocks in each stage.
        group: channels in each group of the grouped convolutions.
        classes: number of classes, 0 for an unconditional discriminator.
        dtype: dtype in which all but the last layers compute.
        head: makes the last layer, `head(classes)`; see `ganjax.layers.heads`.
    """

    widths: tuple[int, ...] = (512,) * 3
    blocks: int = 4
    group: int = 32
    classes: int = 0
    dtype: DTypeLike = jnp.float32
    head: heads.Head = ProjectionHead

    @nn.compact
    def __call__(
        self, image: Float[Array, "b h w c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, " b"]:
        sizes.check_positive("R3GAN2's D", "widths", self.widths)
        sides = sizes.sides_of("R3GAN2's D", image)
        sizes.check_stages("R3GAN2's D", sides, 8, len(self.widths))
        rgb = Conv(self.widths[-1], centered=False, name=RGB)
        x, gain = Stage(self.blocks, self.group)(rgb(image.astype(self.dtype)))
        for width in self.widths[-2::-1]:
            x = down(_scale_channels(x, gain), width)
            x, gain = Stage(self.blocks, self.group)(x)

        # From 8x8 to 4x4, whose pixels a grouped 4x4 convolution reduces to a vector.
        x = filters.down(x.astype(image.dtype), TAPS)
        h = Gathered(self.group)(lrelu(Biased(2 * self.widths[0])(x, gain)))
        return self.head(self.classes, name="head")(lrelu(h), label, train=train)


class Stage(nn.Module):
    """Residual blocks of one image size.

    Returns the features and, for each channel, the gain that gives them unit variance
    again. The caller applies it, since it can often be folded into the next weights.

    Attributes:
        blocks: number of residual blocks.
        group: channels in each group of the grouped convolutions.
        noise: whether each block adds noise (the rng "noise").
    """

    blocks: int
    group: int
    noise: bool = False

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"]
    ) -> tuple[Float[Array, "b h w c"], Float[Array, " c"]]:
        # The variance of a sum of independent terms is the sum of their variances: 1 of the
        # input, alpha^2 of each block.
        variance = jnp.ones(x.shape[-1])
        for _ in range(self.blocks):
            # A block sees the sum at unit variance, while the sum itself grows without
            # normalization.
            gain = jax.lax.rsqrt(variance)
            x, alpha = Block(self.group, self.noise)(x, gain)
            variance = variance + alpha**2
        return x, jax.lax.rsqrt(variance)


class Block(nn.Module):
    """Returns x plus alpha times a bottleneck (1x1, grouped 3x3, 1x1) of gain * x.

    alpha [c] is learned, lies within -1..1 and starts at 0, so that the block starts as the
    identity. Returns the sum and alpha.
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
        h = Conv(2 * width, 3, group_count(2 * width, self.group))(lrelu(h))
        return x + Conv(width)(lrelu(h), alpha.reshape(1, 1, 1, -1)), alpha


def up(x: Float[Array, "b h w c"], width: int) -> Float[Array, "b H W d"]:
    """Doubles the sides of images and gives them `width` channels, without weights.

    Where the number of channels changes, each of the four new pixels takes a part of the
    (repeated) channels of the old one, as in a pixel shuffle. Then a low-pass filter
    follows.
    """
    if x.shape[-1] == width:
        return filters.up(x, TAPS)
    b, h, w, c = x.shape
    x = jnp.repeat(x, _ratio(width, c), axis=-1).reshape(b, h, w, width, 2, 2)
    x = x.transpose(0, 1, 4, 2, 5, 3).reshape(b, 2 * h, 2 * w, width)
    return filters.blur(x, (1, 1), taps=SHORT_TAPS)


def down(x: Float[Array, "b h w c"], width: int) -> Float[Array, "b H W d"]:
    """Halves the sides of images and gives them `width` channels, without weights.

    The reverse of `up`: after a low-pass filter, where the number of channels changes, the
    four pixels of a square become channels, and neighboring channels are averaged.
    """
    if x.shape[-1] == width:
        return filters.down(x, TAPS)
    b, h, w, c = x.shape
    # [b, h/2, 2, w/2, 2, c] to [b, h/2, w/2, c, 2, 2] to [b, h/2, w/2, width, ratio].
    x = filters.blur(x, (1, 1), taps=SHORT_TAPS).reshape(b, h // 2, 2, w // 2, 2, c)
    x = x.transpose(0, 1, 3, 5, 2, 4)
    return x.reshape(b, h // 2, w // 2, width, _ratio(c, width)).mean(-1)


def _ratio(large: int, small: int) -> int:
    """Returns how often a pixel shuffle repeats channels on the way from small to large.

    `small` and `large` are the channels at the smaller and at the larger image size.
    """
    if 4 * large % small:
        raise UsageError(
            f"Stages of {small} and {large} channels cannot follow each other: four "
            "times the second must be a multiple of the first."
        )
    return 4 * large // small


def _scale_channels(x: Float[Array, "b h w c"], gain: Float[Array, " c"]) -> Array:
    """Multiplies each channel of x by its gain."""
    return x * gain.reshape(1, 1, 1, -1).astype(x.dtype)


TINY_STAGES = {"widths": (8, 4), "blocks": 1, "group": 4}
TINY = {
    "g": Example(partial(Generator, channels=2, **TINY_STAGES), (5,)),
    "d": Example(partial(Discriminator, **TINY_STAGES), (16, 16, 2)),
}
