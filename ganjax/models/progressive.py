"""Progressive growing (Karras et al., 2018): the resolution doubles as training proceeds.

One network holds the weights of every stage, and a stage computes with those it needs. Two
values determine a stage: the side of its images, which is static since shapes depend on it,
and `alpha` in 0..1, which may be traced. At alpha 0 the newest layers have no influence: G
doubles the previous stage's images, and D halves its images as the previous stage's input.
At 1 the newest layers have faded in.

Layers have equalized learning rates, and widths follow the authors' code. Classes enter D
by projection by default; the authors' auxiliary classifier is `heads.Classifier`.
"""

from functools import partial
from math import sqrt

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ganjax.layers import heads, sizes
from ganjax.layers.equalized import NORMAL, Conv, Dense, pixel_norm
from ganjax.layers.example import Example
from ganjax.layers.spectral_norm import identity_wrap
from ganjax.models.resnet import double, halve
from ganjax.models.stylegan2 import minibatch_stddev, sides_up_to


# He et al.'s (2015) gain for a layer before a ReLU. Equalized layers have gain 1, so it
# multiplies their input.
GAIN = sqrt(2)


class Generator(nn.Module):
    """Maps z [b, z] to unbounded images [b, side, side, channels].

    z and the one-hot class, concatenated, are normalized to one length, so only their
    direction matters.

    Attributes:
        size: side of the last stage's images, 4 times a power of two.
        channels: channels of the images.
        width: the most channels that feature maps have.
        base: feature maps of side s have min(base // s, width) channels.
        classes: number of classes.
        side: side of this stage's images; 0 stands for `size`.
        alpha: how far this stage has faded in, from 0 to 1.
    """

    size: int = 1024
    channels: int = 3
    width: int = 512
    base: int = 16384
    classes: int = 0
    side: int = 0
    alpha: float | Array = 1.0

    @nn.compact
    def __call__(
        self, z: Float[Array, "b z"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b h w c"]:
        # Whatever the stage, initialization makes the weights of all.
        last = self.size if self.is_initializing() else self.side or self.size
        if self.classes:
            one_hot = jax.nn.one_hot(label, self.classes, dtype=z.dtype)
            z = jnp.concatenate([z, one_hot], axis=-1)
        sizes.check_base("The growing G", last, self.base)
        x = pixel_norm(z)
        # Each side has its own layer to pixels.
        images = {}
        for side in sides(last):
            features = min(self.base // side, self.width)
            block = InitialBlock if side == 4 else UpBlock
            x = block(features, name=f"block_{side}")(x)
            # The stage fades between images of its last two sides; only initialization
            # needs the others, for their layers' weights.
            if side in (last, last // 2) or self.is_initializing():
                image = Conv(self.channels, 1, name=f"image_{side}")(x)
                images[side] = image
        if last == 4:
            return images[4]
        return fade(double(images[last // 2]), images[last], self.alpha)


class InitialBlock(nn.Module):
    """Maps vectors to 4x4 feature maps: a dense layer, then a 3x3 convolution."""

    features: int

    @nn.compact
    def __call__(self, z: Float[Array, "b z"]) -> Float[Array, "b 4 4 c"]:
        # A 1x1 convolution of one pixel is the dense layer. Its gain is a quarter of the
        # others', as in the authors' code, and its bias is the same for all 16 pixels.
        dense = Conv(16 * self.features, 1, use_bias=False)
        x = dense(GAIN / 4 * z[:, None, None]).reshape(-1, 4, 4, self.features)
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        x = pixel_norm(lrelu(x + bias.reshape(1, 1, 1, -1)))
        return pixel_norm(lrelu(Conv(self.features)(GAIN * x)))


class UpBlock(nn.Module):
    """Doubles the side; then two 3x3 convolutions, each with pixelwise normalization."""

    features: int

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b H W d"]:
        x = double(x)
        for _ in range(2):
            x = pixel_norm(lrelu(Conv(self.features)(GAIN * x)))
        return x


class Discriminator(nn.Module):
    """Maps images [b, h, w, c] to logits [b]; the images' side determines the stage.

    Initialize it with images of the last stage, so that it has the weights of all.

    Attributes:
        width: the most channels that feature maps have.
        base: feature maps of side s have min(base // s, width) channels.
        classes: number of classes, which enter through `head`.
        group: images of the batch whose standard deviation is a feature of all of them.
        alpha: how far this stage has faded in, from 0 to 1.
        head: makes the last layer, one of `layers.heads`.
    """

    width: int = 512
    base: int = 16384
    classes: int = 0
    group: int = 4
    alpha: float | Array = 1.0
    head: heads.Head = heads.Projection

    @nn.compact
    def __call__(
        self, image: Float[Array, "b h w c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, " b"]:
        def from_image(image):
            side = image.shape[1]
            features = min(self.base // side, self.width)
            return lrelu(Conv(features, 1, name=f"image_{side}")(GAIN * image))

        first, _ = sizes.sides_of("The growing D", image, square=True)
        stages = sides(first)
        sizes.check_base("The growing D", first, self.base)
        x = from_image(image)
        for side in reversed(stages[1:]):
            features = min(2 * self.base // side, self.width)
            x = DownBlock(features, name=f"block_{side}")(x)
            image = halve(image)
            if side == first:
                # What the previous stage sees in place of the newest block's output.
                x = fade(from_image(image), x, self.alpha)
            elif self.is_initializing():
                from_image(image)  # for its weights alone
        h = FinalBlock(min(self.base // 4, self.width), self.group, name="block_4")(x)
        # The head's weights are from N(0, 1), so the root of the fan-in equalizes it.
        head = self.head(self.classes, identity_wrap, True, NORMAL, name="head")
        return head(h / sqrt(h.shape[-1]), label, train=train)


class DownBlock(nn.Module):
    """Two 3x3 convolutions, then the mean of every 2x2 square, which halves the side."""

    features: int

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b H W d"]:
        # Weights are stored from N(0, 1) and scaled at run time; GAIN makes up for the
        # leaky ReLU.
        x = lrelu(Conv(x.shape[-1])(GAIN * x))
        return halve(lrelu(Conv(self.features)(GAIN * x)))


class FinalBlock(nn.Module):
    """Maps 4x4 feature maps, with minibatch standard deviation appended, to vectors."""

    features: int
    group: int

    @nn.compact
    def __call__(self, x: Float[Array, "b 4 4 c"]) -> Float[Array, "b d"]:
        # One more channel tells D how much the images of a group vary (section 3).
        x = jnp.concatenate([x, minibatch_stddev(x, self.group)], axis=-1)
        x = lrelu(Conv(self.features)(GAIN * x))
        return lrelu(Dense(self.features)(GAIN * x.reshape(len(x), -1)))


def lrelu(x: Float[Array, "b ..."]) -> Float[Array, "b ..."]:
    """Returns the leaky ReLU of x, of negative slope 0.2."""
    return nn.leaky_relu(x, 0.2)


def fade(
    old: Float[Array, "b h w c"], new: Float[Array, "b h w c"], alpha: float | Array
) -> Float[Array, "b h w c"]:
    """Returns (1 - alpha) old + alpha new, exact at alpha 0 and 1."""
    return (1 - alpha) * old + alpha * new


def downsample_real(
    image: Float[Array, "b h w c"], side: int, alpha: float | Array
) -> Float[Array, "b s s c"]:
    """Downsamples real images to a stage's side and blurs them as its fakes are.

    While a stage fades in, its fakes are partly doubled images of half the side. So that D
    cannot tell real images by their sharpness, these are faded alike.

    Args:
        image: images whose side is that of a stage, `side` or larger.
        side: the stage's side.
        alpha: how far the stage has faded in.
    """
    while image.shape[1] > side:
        image = halve(image)
    if side == 4:
        return image  # The first stage has none before it.
    return fade(double(halve(image)), image, alpha)


def sides(size: int) -> list[int]:
    """Returns the sides of the stages, [4, 8, ..., size]; `UsageError` for other sizes."""
    sizes.check("A growing network", size, sizes.geometric(4))
    return sides_up_to(size)


TINY = {
    "g": Example(partial(Generator, 8, 2, width=6, alpha=0.5), (5,)),
    "d": Example(partial(Discriminator, width=6, group=2, alpha=0.5), (8, 8, 2)),
}
