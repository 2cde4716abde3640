"""Inpainting by gated convolutions (Yu et al., 2019): the first stage of DeepFill v2.

G receives an image with a mask as its last channel, 1 where pixels are hidden, and returns
the image with the hidden pixels completed. Two parts of it can be chosen:

- its middle blocks: dilated convolutions as published, LaMa's Fourier blocks (Suvorov et
  al., 2021), or contextual attention (Yu et al., 2018);
- what it starts from: the masked image as published, or that image filled by a method
  without learning, such as `ops.pyramid.fill`.

The discriminator that belongs to it is `sn_patch.Discriminator`.
"""

from collections.abc import Callable
from functools import partial
from typing import Protocol, runtime_checkable

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ganjax.layers import contextual, fourier, sizes
from ganjax.layers.example import Example
from ganjax.models import sn_patch
from ganjax.ops import pyramid
from ganjax.ops.convolution import Conv, conv, same_padding
from ganjax.ops.residual_textures import add_residual


GLOROT = nn.initializers.glorot_uniform()
HALVING_PADDING = (
    (0, 1),
    (0, 1),
)  # TensorFlow's "SAME" of a 3x3 kernel, stride 2


class Gated(nn.Module):
    """A gated convolution: elu(a) sigmoid(b) of two convolutions a and b of x.

    See Yu et al. (2019), section 3.1.

    Attributes:
        features: channels of the output, of a and of b.
        size: side of the kernel.
        stride: 1, or 2 for inputs of even sides.
        rate: dilation, for stride 1.
        gain: scale of the initial weights relative to Glorot & Bengio's (2010). With the
            published 1 the output is less than half as large as the input, with 3 about as
            large.
    """

    features: int
    size: int = 3
    stride: int = 1
    rate: int = 1
    gain: float = 1.0

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b H W d"]:
        shape = (self.size, self.size, x.shape[-1], 2 * self.features)
        init = nn.initializers.variance_scaling(self.gain**2, "fan_avg", "uniform")
        kernel = self.param("kernel", init, shape)
        bias = self.param("bias", nn.initializers.zeros, shape[-1:])
        if self.stride == 2:
            y = conv(x, kernel, HALVING_PADDING, (2, 2))
        else:
            y = dilated_conv(x, kernel, self.rate)
        # One convolution computes both the features a and the logits b of their gates.
        a, b = jnp.split(y + bias.reshape(1, 1, 1, -1), 2, axis=-1)
        return nn.elu(a) * nn.sigmoid(b)


class Dilated(nn.Module):
    """A `Block` of one dilated gated convolution; its fields are those of `Gated`."""

    features: int
    gain: float = 1.0
    rate: int = 2

    @nn.compact
    def __call__(
        self,
        x: Float[Array, "b h w c"],
        mask: Float[Array, "b h w 1"],
        label: Int[Array, " b"],
        *,
        train: bool,
    ) -> Float[Array, "b h w d"]:
        return Gated(self.features, rate=self.rate, gain=self.gain)(x)


class Contextual(nn.Module):
    """A `Block` of a gated convolution of x concatenated with its contextual attention.

    Attributes:
        features: channels of the output.
        gain: scale of the initial weights, as in `Gated`.
        fuse: as in `layers.contextual.contextual_attention`.
    """

    features: int
    gain: float = 1.0
    fuse: bool = True

    @nn.compact
    def __call__(
        self,
        x: Float[Array, "b h w c"],
        mask: Float[Array, "b h w 1"],
        label: Int[Array, " b"],
        *,
        train: bool,
    ) -> Float[Array, "b h w d"]:
        # The convolution also sees x itself, for holes that resemble nothing known.
        attended = contextual.contextual_attention(x, mask, self.fuse)
        x = jnp.concatenate([x, attended], axis=-1)
        return Gated(self.features, gain=self.gain)(x)


def lama_block(features: int, gain: float = 1.0) -> fourier.Block:
    """Returns a `Block` of LaMa's; `gain` has no effect, as its batch norms cancel it."""
    return fourier.Block(features)


@runtime_checkable
class Fill(Protocol):
    """Fills the holes of images without learning."""

    def __call__(
        self, image: Float[Array, "b h w c"], mask: Float[Array, "b h w 1"], /
    ) -> Float[Array, "b h w c_n"]:
        """Returns the filled images, and any number of texture channels behind them.

        Args:
            image: images, 0 where hidden.
            mask: 1 where hidden, 0 elsewhere.
        """
        ...


@runtime_checkable
class Block(Protocol):
    """Makes a block for G's middle.

    The block is called as `block(x, mask, label, train=train)` with feature maps and masks
    of a quarter of the image's sides, and returns feature maps of the same shape.
    """

    def __call__(self, features: int, gain: float, /) -> Callable[..., Array]: ...


DILATED: tuple[Block, ...] = tuple(partial(Dilated, rate=k) for k in (2, 4, 8, 16))
FOURIER: tuple[Block, ...] = 4 * (lama_block,)


class Generator(nn.Module):
    """Maps images with masks [b, h, w, c + 1] to completed images [b, h, w, c] in -1..1.

    Known pixels, those whose mask is at most 1/2, are returned exactly. Images may have any
    sides; those that are not multiples of 4 are padded by reflection.

    With `fill`, G computes a residual that is added to the filled image in the holes, and
    that is 0 at initialization. If `fill` also returns textures, G computes a weight for
    each texture at each pixel, and the weighted textures are added, too.

    Attributes:
        width: channels at full resolution, gates not counted: the published 48, which count
            them, are 24 here. At a quarter of the sides there are 4 times as many.
        classes: number of classes; an embedding is added to the feature maps before the
            middle.
        middle: the blocks at a quarter of the sides.
        fill: fills the holes before the network, if any.
        gain: scale of the initial weights of the gated convolutions, as in `Gated`.
    """

    width: int = 32
    classes: int = 0
    middle: tuple[Block, ...] = DILATED
    fill: Fill | None = None
    gain: float = 1.0

    def __call__(
        self, z: Float[Array, "b h w c_1"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b h w c"]:
        painted = self.paint(z, label, train=train)
        return composite(z[..., :-1], z[..., -1:], jnp.clip(painted, -1, 1))

    @nn.compact
    def paint(
        self, z: Float[Array, "b h w c_1"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b h w c"]:
        """Returns the image as G computes it, also where pixels are known.

        DeepFill's L1 loss is on this image. It is in -1..1, except with `fill`.
        """
        h, w = sizes.sides_of("The completing G", z)
        z = jnp.pad(z, ((0, 0), (0, -h % 4), (0, -w % 4), (0, 0)), mode="reflect")
        mask = (z[..., -1:] > 0.5).astype(z.dtype)
        masked = hide(z[..., :-1], mask)
        c = z.shape[-1] - 1
        if self.fill:
            filled = self.fill(masked[..., :-1], mask)
            masked = jnp.concatenate([filled, mask], axis=-1)
        # A channel of ones tells the image from the zero padding, as in the authors' code.
        ones = jnp.ones_like(mask)
        x = jnp.concatenate([masked, ones], axis=-1)

        # Down to a quarter of the sides.
        width = self.width
        gated = partial(Gated, gain=self.gain)
        x = gated(width, 5)(x)
        for multiplier in (2, 4):
            x = gated(multiplier * width, stride=2)(x)
            x = gated(multiplier * width)(x)
        x = gated(4 * width)(x)
        if self.classes:
            x += nn.Embed(self.classes, 4 * width)(label)[:, None, None]

        # The middle. A feature counts as hidden if any of its 4x4 pixels is.
        small_mask = nn.max_pool(mask, (4, 4), (4, 4))
        for block in self.middle:
            x = block(4 * width, self.gain)(x, small_mask, label, train=train)

        # Back up to the image's sides, by nearest neighbors.
        for _ in range(2):
            x = gated(4 * width)(x)
        for first, second in ((2 * width, 2 * width), (width, (width + 1) // 2)):
            # Flax numbers layers in the order in which they are made. In checkpoints the
            # layer that is applied last comes first.
            last = gated(second)
            x = last(gated(first)(x.repeat(2, 1).repeat(2, 2)))
        if not self.fill:
            return jnp.tanh(Conv(c, kernel_init=GLOROT)(x))[:, :h, :w]
        # Start from the filled image. The last layer starts at zero, so that G begins as
        # `fill`.
        smooth, *textures = jnp.split(filled, filled.shape[-1] // c, axis=-1)
        output = Conv(c + len(textures), kernel_init=nn.initializers.zeros)(x)
        return add_residual(mask * output, smooth, textures)[:, :h, :w]


def hide(
    image: Float[Array, "*b h w c"], mask: Float[Array, "*b h w 1"]
) -> Float[Array, "*b h w c_1"]:
    """Returns G's input: the image, 0 where it is hidden, and the mask as last channel."""
    return jnp.concatenate([jnp.where(mask > 0.5, 0.0, image), mask], axis=-1)


def composite(
    image: Float[Array, "*b h w c"],
    mask: Float[Array, "*b h w 1"],
    painted: Float[Array, "*b h w c"],
) -> Float[Array, "*b h w c"]:
    """Returns the known pixels of the image, and the painted ones where it is hidden."""
    return jnp.where(mask > 0.5, painted, image)


def dilated_conv(
    x: Float[Array, "b h w c"], kernel: Float[Array, "i j c d"], rate: int
) -> Float[Array, "b h w d"]:
    """Computes a dilated convolution that keeps the sides, with zero padding.

    Equals `jax.lax.conv_general_dilated` with `rhs_dilation=(rate, rate)`. It is computed
    as an ordinary convolution of rate^2 smaller images, each of every `rate`-th pixel.
    """
    b, h, w, c = x.shape
    padding = (same_padding(kernel.shape[0]), same_padding(kernel.shape[1]))
    if rate == 1:
        return conv(x, kernel, padding)
    # Pad to multiples of the rate, move each phase of the grid [rate, rate] into the batch,
    # convolve, and move it back.
    rows = -(-h // rate)
    columns = -(-w // rate)
    x = jnp.pad(x, ((0, 0), (0, rows * rate - h), (0, columns * rate - w), (0, 0)))
    x = x.reshape(b, rows, rate, columns, rate, c).transpose(2, 4, 0, 1, 3, 5)
    y = conv(x.reshape(-1, rows, columns, c), kernel, padding)
    y = y.reshape(rate, rate, b, rows, columns, -1).transpose(2, 3, 0, 4, 1, 5)
    return y.reshape(b, rows * rate, columns * rate, -1)[:, :h, :w]


SHORT_MIDDLE: tuple[Block, ...] = (partial(Dilated, rate=3), Contextual)
TINY = {
    "g": Example(partial(Generator, 1, middle=SHORT_MIDDLE), (16, 16, 3)),
    "g_fourier": Example(partial(Generator, 1, middle=(lama_block,)), (16, 16, 3)),
    "g_filled": Example(partial(Generator, 1, fill=pyramid.fill), (16, 16, 3)),
    **sn_patch.TINY,
}
