"""R3GAN (Huang et al., 2024): modern residual networks without normalization.

The networks of the paper's final configuration (section 3, config E), as in the authors'
code. A network is a sequence of stages, each at one image size, 4x4 being the smallest. A
stage consists of bottleneck blocks: a 1x1 convolution that widens, a grouped 3x3 (Xie et
al., 2017) and a 1x1 that narrows, added to their input. In place of normalization, Fixup
initialization (Zhang et al., 2019) keeps magnitudes in bounds: every block starts as the
identity, and weights are scaled by the number of blocks. Between stages images are
resampled with a low-pass filter. Only layers that an activation follows have a bias.

The default sizes are those of CIFAR-10. The paper trains with
`ganjax.losses.relativistic()` and the regularizers R1 and R2.
"""

from functools import partial
from math import sqrt

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ganjax.errors import UsageError
from ganjax.layers import heads, sizes
from ganjax.layers.example import Example
from ganjax.ops import filters
from ganjax.ops.convolution import Conv, conv, same_padding


# The low-pass filter of both resamplings: [1, 2, 1] convolved with a repeated pixel [1, 1].
TAPS = (1.0, 3.0, 3.0, 1.0)
# The gain of a leaky ReLU of slope 0.2 (He et al., 2015).
GAIN = sqrt(2 / (1 + 0.2**2))


def fan_in_normal(gain: float) -> nn.initializers.Initializer:
    """Returns the initializer N(0, gain^2 / fan-in), or zeros for a gain of 0."""
    if not gain:
        return nn.initializers.zeros
    return nn.initializers.variance_scaling(gain**2, "fan_in", "normal")


class Generator(nn.Module):
    """Maps z to images: a learned 4x4 pattern, then stages, each twice as large.

    Classes enter as an embedding of the length of z, concatenated with it.

    Attributes:
        channels: channels of the images.
        widths: channels of each stage, from 4x4 up. Images have a side of
            4 * 2^(stages - 1) pixels.
        cardinalities: groups of the 3x3 convolutions in each stage.
        blocks: residual blocks in each stage.
        expansion: factor by which a block widens its input.
        classes: number of classes, 0 for an unconditional generator.
    """

    channels: int = 3
    widths: tuple[int, ...] = (768,) * 4
    cardinalities: tuple[int, ...] = (96,) * 4
    blocks: int = 2
    expansion: int = 2
    classes: int = 0

    @nn.compact
    def __call__(
        self, z: Float[Array, "b z"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b h w c"]:
        _check("R3GAN's G", self.widths, self.cardinalities, self.expansion)
        if self.classes:
            init = fan_in_normal(1)
            embed = nn.Embed(self.classes, z.shape[-1], embedding_init=init)
            z = jnp.concatenate([z, embed(label)], axis=-1)

        # z scales the channels of the learned 4x4 pattern ("basis").
        shape = (1, 4, 4, self.widths[0])
        basis = self.param("basis", nn.initializers.normal(1.0), shape)
        # [b, c] times [1, 4, 4, c].
        x = nn.Dense(self.widths[0], use_bias=False, kernel_init=fan_in_normal(1))(z)
        x = x[:, None, None] * basis

        total = self.blocks * len(self.widths)
        for i, width in enumerate(self.widths):
            if i:
                # The 1x1 convolution comes first: at the smaller size it costs less.
                x = filters.up(_resize(width, x), TAPS)
            for _ in range(self.blocks):
                x = Block(self.cardinalities[i], self.expansion, total)(x)
        return Conv(self.channels, 1, use_bias=False, kernel_init=fan_in_normal(1))(x)


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
            return nn.Dense(1, use_bias=False, kernel_init=fan_in_normal(1))(h)[:, 0]
        width = h.shape[-1]
        h = nn.Dense(width, use_bias=False, kernel_init=fan_in_normal(1))(h)
        # As in the authors' code, which has a linear layer of one-hot classes in its place:
        # the fan-in is `classes`, so the inner product begins with variance 1 / classes.
        embed = nn.Embed(self.classes, width, embedding_init=fan_in_normal(width**-0.5))
        return jnp.sum(h * embed(label), axis=-1)


class Discriminator(nn.Module):
    """Maps images to logits [b]: G's stages in reverse, each half as large.

    Attributes:
        widths: channels of each stage, from 4x4 up as for G. Images must have a side of
            4 * 2^(stages - 1) pixels.
        cardinalities: groups of the 3x3 convolutions in each stage, from 4x4 up.
        blocks: residual blocks in each stage.
        expansion: factor by which a block widens its input.
        classes: number of classes, 0 for an unconditional discriminator.
        head: makes the last layer, `head(classes)`; see `ganjax.layers.heads`.
    """

    widths: tuple[int, ...] = (768,) * 4
    cardinalities: tuple[int, ...] = (96,) * 4
    blocks: int = 2
    expansion: int = 2
    classes: int = 0
    head: heads.Head = ProjectionHead

    @nn.compact
    def __call__(
        self, image: Float[Array, "b h w c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, " b"]:
        _check("R3GAN's D", self.widths, self.cardinalities, self.expansion)
        sides = sizes.sides_of("R3GAN's D", image)
        sizes.check_stages("R3GAN's D", sides, 4, len(self.widths))
        total = self.blocks * len(self.widths)
        first = Conv(self.widths[-1], 1, use_bias=False, kernel_init=fan_in_normal(1))
        x = first(image)
        # Stages are numbered from 4x4 up, so the last one comes first.
        for i in reversed(range(len(self.widths))):
            for _ in range(self.blocks):
                x = Block(self.cardinalities[i], self.expansion, total)(x)
            if i:
                x = _resize(self.widths[i - 1], filters.down(x, TAPS))

        # A depthwise 4x4 convolution: one weight for each channel at each pixel.
        shape = (1, 4, 4, self.widths[0])
        basis = self.param("basis", nn.initializers.normal(1 / 4), shape)
        h = jnp.sum(x * basis, axis=(1, 2))
        return self.head(self.classes, name="head")(h, label, train=train)


class Block(nn.Module):
    """Adds a bottleneck of 1x1, grouped 3x3 and 1x1 convolutions to its input.

    The last convolution starts at zero, so that the block starts as the identity. Fixup
    scales the initial weights of the others by total_blocks^(-1 / (2m - 2)), where
    `total_blocks` is that of the network and m = 3 the number of layers in a block.
    """

    cardinality: int
    expansion: int
    total_blocks: int

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
        width = x.shape[-1]
        # Fixup's exponent -1 / (2m - 2) is -1/4 for m = 3 layers.
        init = fan_in_normal(GAIN * self.total_blocks**-0.25)
        h = Conv(self.expansion * width, 1, kernel_init=init)(x)
        h = Grouped(self.cardinality, init)(nn.leaky_relu(h, 0.2))
        h = nn.leaky_relu(h, 0.2)
        return x + Conv(width, 1, use_bias=False, kernel_init=fan_in_normal(0))(h)


class Grouped(nn.Module):
    """A 3x3 convolution with a bias, of `groups` groups of channels."""

    groups: int
    kernel_init: nn.initializers.Initializer

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
        width = x.shape[-1]
        shape = (3, 3, width // self.groups, width)
        kernel = self.param("kernel", self.kernel_init, shape)
        bias = self.param("bias", nn.initializers.zeros, (width,))
        x = conv(x, kernel, (same_padding(3), same_padding(3)), groups=self.groups)
        return x + bias.reshape(1, 1, 1, -1)


def _resize(width: int, x: Array) -> Array:
    """Applies a 1x1 convolution to `width` channels, unless x has as many already."""
    if x.shape[-1] == width:
        return x
    return Conv(width, 1, use_bias=False, kernel_init=fan_in_normal(1))(x)


def _check(
    network: str, widths: tuple[int, ...], groups: tuple[int, ...], expansion: int
) -> None:
    """Raises a `UsageError` unless every stage's convolutions divide into its groups."""
    sizes.check_positive(network, "widths", widths)
    if len(groups) != len(widths):
        raise UsageError(
            f"{network} has {len(widths)} widths and {len(groups)} cardinalities: give "
            "one of each for every stage."
        )
    for width, count in zip(widths, groups, strict=True):
        what = "channels (a width times the expansion)"
        sizes.check_divisible(network, what, expansion * width, count, "groups")


TINY_STAGES = {"widths": (8, 4), "cardinalities": (4, 2), "blocks": 1}
TINY = {
    "g": Example(partial(Generator, channels=2, **TINY_STAGES), (5,)),
    "d": Example(partial(Discriminator, **TINY_STAGES), (8, 8, 2)),
}
