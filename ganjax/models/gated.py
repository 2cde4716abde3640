"""Completion by gated convolutions (Yu et al., 2019): DeepFill v2's first stage.

G is given an image with a mask as its last channel, 1 where hidden, and gives the image
with what was hidden. What stands in its middle is a choice: dilated convolutions as
published, Fourier blocks as LaMa's, contextual attention; and so is what it begins with:
nothing as published, or a fill without learning, such as `pyramid.fill`.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ganjax.models import contextual, fourier, pyramid, sizes, sn_patch
from ganjax.models.convolution import Conv, conv, same
from ganjax.models.example import Example
from ganjax.models.textures import added


GLOROT = nn.initializers.glorot_uniform()
HALF = ((0, 1), (0, 1))  # the padding of a halving 3x3 kernel, as TensorFlow has it


class Gated(nn.Module):
    """elu(a) sigmoid(b) of two convolutions a and b of x (Yu et al., 2019, section 3.1).

    Each has `features` channels. The stride is 1 or, of sides that are even, 2. First
    weights are `gain` times as far from 0 as Glorot & Bengio's (2010); with the published 1
    what passes a gate comes out less than half as large, with 3 about as large.
    """

    features: int
    size: int = 3
    stride: int = 1
    rate: int = 1
    gain: float = 1.0

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b H W d"]:
        shape = (self.size, self.size, x.shape[-1], 2 * self.features)
        first = nn.initializers.variance_scaling(self.gain**2, "fan_avg", "uniform")
        kernel = self.param("kernel", first, shape)
        bias = self.param("bias", nn.initializers.zeros, shape[-1:])
        if self.stride == 2:
            y = conv(x, kernel, HALF, (2, 2))
        else:
            y = dilated(x, kernel, self.rate)
        a, b = jnp.split(y + bias.reshape(1, 1, 1, -1), 2, axis=-1)
        return nn.elu(a) * nn.sigmoid(b)


class Dilated(nn.Module):
    """A gated convolution in the middle of G, whose kernel sees every `rate`-th pixel."""

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
    """A gated convolution of x beside what `contextual.attend` makes of it."""

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
        both = [x, contextual.attend(x, mask, self.fuse)]
        return Gated(self.features, gain=self.gain)(jnp.concatenate(both, axis=-1))


def lamas(features: int, gain: float = 1.0) -> fourier.Block:
    """LaMa's block, whose batch norms make up for any gain."""
    return fourier.Block(features)


Fill = Callable[[Array, Array], Array]  # (images, masks) -> whole images, and more
Block = Callable[[int, float], Callable[..., Any]]  # -> (x, mask, label, train=) -> x
DILATED: tuple[Block, ...] = tuple(partial(Dilated, rate=k) for k in (2, 4, 8, 16))
FOURIER: tuple[Block, ...] = 4 * (lamas,)


class Generator(nn.Module):
    """From images and masks [b, h, w, c + 1] to images [b, h, w, c] without holes.

    Known pixels, those whose mask is at most 1/2, are returned to the bit. `width` counts
    the channels at the full size without their gates, so that the published 48 are 24
    here; at a quarter of the sides, where the `middle` is, there are four times as many.
    Classes add a vector there. Any sides will do; at other than multiples of four the
    images are mirrored beyond their ends. With `fill` G is given the filled image and
    makes what is to be added in its holes, 0 at first. Of a fill with more channels the
    further ones are images of texture, of each of which G adds as much as it likes.
    """

    width: int = 32
    classes: int = 0
    middle: tuple[Block, ...] = DILATED
    fill: Fill | None = None
    gain: float = 1.0

    def __call__(
        self, z: Float[Array, "b h w c_1"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b h w c"]:
        made = self.paint(z, label, train=train)
        return composite(z[..., :-1], z[..., -1:], jnp.clip(made, -1, 1))

    @nn.compact
    def paint(
        self, z: Float[Array, "b h w c_1"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b h w c"]:
        """The whole image as G would have it, -1..1, on which DeepFill's L1 loss is."""
        h, w = sizes.sides_of("The completing G", z)
        z = jnp.pad(z, ((0, 0), (0, -h % 4), (0, -w % 4), (0, 0)), mode="reflect")
        mask = (z[..., -1:] > 0.5).astype(z.dtype)
        seen = hide(z[..., :-1], mask)
        c = z.shape[-1] - 1
        if self.fill:
            filled = self.fill(seen[..., :-1], mask)
            seen = jnp.concatenate([filled, mask], axis=-1)
        ones = jnp.ones_like(mask)  # tell the border
        x = jnp.concatenate([seen, ones], axis=-1)

        width, gated = self.width, partial(Gated, gain=self.gain)
        x = gated(width, 5)(x)
        for times in (2, 4):
            x = gated(times * width, stride=2)(x)
            x = gated(times * width)(x)
        x = gated(4 * width)(x)
        if self.classes:
            x += nn.Embed(self.classes, 4 * width)(label)[:, None, None]
        small = nn.max_pool(mask, (4, 4), (4, 4))
        for block in self.middle:
            x = block(4 * width, self.gain)(x, small, label, train=train)
        for _ in range(2):
            x = gated(4 * width)(x)
        for double, after in ((2 * width, 2 * width), (width, (width + 1) // 2)):
            x = gated(after)(gated(double)(x.repeat(2, 1).repeat(2, 2)))
        if not self.fill:
            return jnp.tanh(Conv(c, kernel_init=GLOROT)(x))[:, :h, :w]
        smooth, *more = jnp.split(filled, filled.shape[-1] // c, axis=-1)
        made = Conv(c + len(more), kernel_init=nn.initializers.zeros)(x)
        return added(mask * made, smooth, more)[:, :h, :w]


def hide(
    image: Float[Array, "*b h w c"], mask: Float[Array, "*b h w 1"]
) -> Float[Array, "*b h w c_1"]:
    """What G is given: the image with 0 where it is hidden, and the mask."""
    return jnp.concatenate([jnp.where(mask > 0.5, 0.0, image), mask], axis=-1)


def composite(
    image: Float[Array, "*b h w c"],
    mask: Float[Array, "*b h w 1"],
    made: Float[Array, "*b h w c"],
) -> Float[Array, "*b h w c"]:
    """What is known of the image, and elsewhere what was made."""
    return jnp.where(mask > 0.5, made, image)


def dilated(
    x: Float[Array, "b h w c"], kernel: Float[Array, "i j c d"], rate: int
) -> Float[Array, "b h w d"]:
    """A convolution that keeps the sides, with `rate` pixels from tap to tap.

    It is the plain one of each of the rate^2 images that every `rate`-th pixel makes.
    """
    b, h, w, c = x.shape
    padding = same(kernel.shape[0]), same(kernel.shape[1])
    if rate == 1:
        return conv(x, kernel, padding)
    high, wide = -(-h // rate), -(-w // rate)
    x = jnp.pad(x, ((0, 0), (0, high * rate - h), (0, wide * rate - w), (0, 0)))
    x = x.reshape(b, high, rate, wide, rate, c).transpose(2, 4, 0, 1, 3, 5)
    y = conv(x.reshape(-1, high, wide, c), kernel, padding)
    y = y.reshape(rate, rate, b, high, wide, -1).transpose(2, 3, 0, 4, 1, 5)
    return y.reshape(b, high * rate, wide * rate, -1)[:, :h, :w]


FEW: tuple[Block, ...] = (partial(Dilated, rate=3), Contextual)
TINY = {
    "g": Example(partial(Generator, 1, middle=FEW), (16, 16, 3)),
    "g_fourier": Example(partial(Generator, 1, middle=(lamas,)), (16, 16, 3)),
    "g_filled": Example(partial(Generator, 1, fill=pyramid.fill), (16, 16, 3)),
    **sn_patch.TINY,
}
