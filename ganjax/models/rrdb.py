"""ESRGAN's G (Wang et al., 2018): residual-in-residual dense blocks for super-resolution.

All blocks work at the size of the small image; an upsampler at the end makes the large
one. `Doubled` is the published upsampler, `Shuffled` a cheaper one. D is one of
`ganjax.models.patch` or `sn_patch`.
"""

from collections.abc import Callable
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Int

from ganjax.errors import UsageError
from ganjax.layers import sizes
from ganjax.layers.example import Example
from ganjax.models import patch
from ganjax.ops.convolution import Conv
from ganjax.ops.residual_textures import add_residual, box_blur


# He et al.'s initialization (2015), a tenth as large ("smaller initialization").
INIT = nn.initializers.variance_scaling(2 * 0.1**2, "fan_in", "normal")
RESIDUAL_SCALE = 0.2  # the factor of every residual (section 3.1)


def _lrelu(x: Array) -> Array:
    return nn.leaky_relu(x, 0.2)


class Doubled(nn.Module):
    """The published upsampler: nearest-neighbor doublings, each with a convolution.

    Two more convolutions follow at the full size.

    Attributes:
        features: channels of the output.
        scale: factor of the sides, a power of two.
        kernel_init: initializer of the last convolution.
    """

    features: int
    scale: int
    kernel_init: nn.initializers.Initializer = nn.initializers.lecun_normal()

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b H W d"]:
        width = x.shape[-1]
        if self.scale & (self.scale - 1):
            raise UsageError(
                f"Images are doubled until their sides are {self.scale} times as large, "
                "which is not a power of two: give a scale of 2 or 4, or an `upsampler` "
                "that needs no doubling."
            )
        # Each pixel is repeated to 2x2 of them.
        for _ in range(self.scale.bit_length() - 1):
            x = _lrelu(Conv(width)(x.repeat(2, 1).repeat(2, 2)))
        x = _lrelu(Conv(width)(x))
        return Conv(self.features, kernel_init=self.kernel_init)(x)


class Shuffled(nn.Module):
    """An upsampler by sub-pixel convolution ("pixel shuffle", Shi et al., 2016).

    A convolution at the small size computes, for each small pixel, the features of all the
    large pixels that replace it, with half as many channels as came in. Only the last
    convolution works at the large size, so this is much less work than `Doubled`. At the
    start all large pixels of a small one are the same ("ICNR", Aitken et al., 2017), which
    avoids checkerboard artifacts.

    Attributes:
        features: channels of the output.
        scale: factor of the sides.
        kernel_init: initializer of the last convolution.
    """

    features: int
    scale: int
    kernel_init: nn.initializers.Initializer = nn.initializers.lecun_normal()

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b H W d"]:
        b, h, w, c = x.shape
        s = self.scale
        half = max(c // 2, 1)
        x = Conv(s * s * half, kernel_init=partial(_icnr, s * s))(x)
        # The pixel shuffle: [h, w, s s half] -> [s h, s w, half].
        x = x.reshape(b, h, w, s, s, half).transpose(0, 1, 3, 2, 4, 5)
        x = _lrelu(x.reshape(b, h * s, w * s, half))
        return Conv(self.features, kernel_init=self.kernel_init)(x)


def _icnr(
    n: int, key: Array, shape: tuple[int, ...], dtype: DTypeLike = jnp.float32
) -> Array:
    """Draws a kernel whose outputs are the same for each of n sub-pixels."""
    kernel = nn.initializers.lecun_normal()(key, (*shape[:-1], shape[-1] // n), dtype)
    return jnp.tile(kernel, n)


class Generator(nn.Module):
    """Maps images [b, h, w, c] to larger ones [b, scale h, scale w, channels].

    The output is linear: nothing keeps it within -1..1. Classes add an embedding to the
    features before the first block.

    Attributes:
        channels: channels of the output.
        scale: factor of the sides; a power of two if the upsampler is `Doubled`.
        width: channels of the features between blocks.
        classes: number of classes, 0 for an unconditional generator.
        growth: channels that each convolution within a dense block adds to the input of the
            next one.
        blocks: residual-in-residual dense blocks.
        upsample: a fixed enlargement without weights, called as `upsample(image, scale)`,
            such as `bicubic`. If given, the output is that enlargement plus a learned
            residual, 0 at the start. Further channels of its result are textures, each of
            which is added times a weight that G computes for each pixel.
        noise_texture: whether white noise is one more texture (the rng "noise").
        upsampler: makes the layers that enlarge the features,
            `upsampler(features, scale, kernel_init)`.
    """

    channels: int = 3
    scale: int = 4
    width: int = 64
    classes: int = 0
    growth: int = 32
    blocks: int = 23
    upsample: Callable[[Array, int], Array] | None = None
    noise_texture: bool = False
    upsampler: Callable[..., Callable[[Array], Array]] = Doubled

    @nn.compact
    def __call__(
        self, image: Float[Array, "b h w c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b H W d"]:
        sizes.sides_of("ESRGAN's G", image)
        x = Conv(self.width)(image)
        if self.classes:
            x += nn.Embed(self.classes, self.width)(label)[:, None, None]
        # The trunk's long skip connection starts after the first convolution. Its blocks
        # are a loop over stacked parameters, so that only one of them is compiled.
        repeat = nn.scan(
            Block,
            variable_axes={"params": 0},
            split_rngs={"params": True},
            length=self.blocks,
        )
        trunk, _ = repeat(self.growth, name="blocks")(x, None)
        x += Conv(self.width)(trunk)
        if not self.upsample:
            return self.upsampler(self.channels, self.scale)(x)

        # The channels of the fixed enlargement are an image, then textures of as many.
        fixed = self.upsample(image, self.scale)
        first, *textures = jnp.split(fixed, fixed.shape[-1] // self.channels, axis=-1)
        if self.noise_texture:
            shape = (*first.shape[:-1], 1)
            textures += [jax.random.normal(self.make_rng("noise"), shape, first.dtype)]

        # G computes a residual and one weight for each texture.
        features = self.channels + len(textures)
        zeros = nn.initializers.zeros
        output = self.upsampler(features, self.scale, zeros)(x)
        return add_residual(output, first, textures)


def bicubic(image: Float[Array, "b h w c"], scale: int) -> Float[Array, "b H W c"]:
    """Enlarges images by cubic interpolation (Keys, 1981)."""
    b, h, w, c = image.shape
    return jax.image.resize(image, (b, scale * h, scale * w, c), "cubic")


def bicubic_with_detail(
    image: Float[Array, "b h w c"], scale: int
) -> Float[Array, "b H W c_2"]:
    """Enlarges images by cubic interpolation, and adds their detail as further channels.

    The detail is the difference from a blurred copy, as in unsharp masking. As a texture of
    the generator it lets G sharpen the image.
    """
    large = bicubic(image, scale)
    return jnp.concatenate([large, large - box_blur(large, 2 * scale + 1)], axis=-1)


class Block(nn.Module):
    """A residual-in-residual dense block: three dense blocks in a residual (figure 4).

    It takes and returns what `nn.scan` asks for: the images, and nothing beside them.
    """

    growth: int

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], unused: None
    ) -> tuple[Float[Array, "b h w c"], None]:
        h = x
        for _ in range(3):
            h = Dense(self.growth)(h)
        return x + RESIDUAL_SCALE * h, None


class Dense(nn.Module):
    """A dense block: five convolutions in a residual, each of which sees all before it."""

    growth: int

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
        features = x
        # The fifth convolution, without an activation, makes the residual.
        for _ in range(4):
            h = _lrelu(Conv(self.growth, kernel_init=INIT)(features))
            features = jnp.concatenate([features, h], axis=-1)
        return x + RESIDUAL_SCALE * Conv(x.shape[-1], kernel_init=INIT)(features)


TINY = {
    "g": Example(partial(Generator, 2, 2, 3, growth=2, blocks=1), (4, 4, 3)),
    "g_shuffled": Example(
        partial(Generator, 2, 2, 4, growth=2, blocks=1, upsampler=Shuffled), (4, 4, 3)
    ),
    "d": patch.TINY["d"],
}
