"""Progressive growing (Karras et al., 2018): images whose sides double as training goes on.

One network has the weights of every stage; a stage computes with those it needs. It is
told by the side of its images, which fixes the shapes, and by `alpha`, a number that may
change from step to step: how far the newest layers have come to stand in for a doubling,
or a halving, of the stage before. Learning rates are equalised, and sizes are those of
the authors' code. Classes enter by projection; the authors' are `heads.Classifier`'s.
"""

from collections.abc import Callable
from functools import partial
from math import sqrt
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ganjax.models import heads, layers, sizes
from ganjax.models.equalized import NORMAL, Conv, Dense, normalise
from ganjax.models.example import Example
from ganjax.models.resnet import double, halve
from ganjax.models.stylegan2 import deviation


GAIN = sqrt(2)  # of every layer before an activation


class Generator(nn.Module):
    """From z to images of side `side`; weights for those of all sides up to `size`.

    Images of side s have min(base / s, width) channels. z and the class count by their
    common direction alone.
    """

    size: int = 1024
    channels: int = 3
    width: int = 512
    base: int = 16384
    classes: int = 0
    side: int = 0  # of this stage; 0 is the last one, `size`
    alpha: Any = 1.0  # of 0 its images are the stage before's, doubled

    @nn.compact
    def __call__(
        self, z: Float[Array, "b z"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b h w c"]:
        last = self.size if self.is_initializing() else self.side or self.size
        if self.classes:
            one_hot = jax.nn.one_hot(label, self.classes, dtype=z.dtype)
            z = jnp.concatenate([z, one_hot], axis=-1)
        sizes.enough("The growing G", last, self.base)
        x, images = normalise(z), {}
        for side in sides(last):
            features = min(self.base // side, self.width)
            block = First if side == 4 else UpBlock
            x = block(features, name=f"block_{side}")(x)
            if side in (last, last // 2) or self.is_initializing():
                image = Conv(self.channels, 1, name=f"image_{side}")(x)
                images[side] = image
        if last == 4:
            return images[4]
        return fade(double(images[last // 2]), images[last], self.alpha)


class First(nn.Module):
    """From a vector to features of 4x4."""

    features: int

    @nn.compact
    def __call__(self, z: Float[Array, "b z"]) -> Float[Array, "b 4 4 c"]:
        grid = Conv(16 * self.features, 1, use_bias=False)
        x = grid(GAIN / 4 * z[:, None, None]).reshape(-1, 4, 4, self.features)
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        x = normalise(lrelu(x + bias.reshape(1, 1, 1, -1)))
        return normalise(lrelu(Conv(self.features)(GAIN * x)))


class UpBlock(nn.Module):
    """Doubles the side, and two 3x3 convolutions whose every pixel is normalised."""

    features: int

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b H W d"]:
        x = double(x)
        for _ in range(2):
            x = normalise(lrelu(Conv(self.features)(GAIN * x)))
        return x


class Discriminator(nn.Module):
    """From images to logits [b]; the images' side is the stage's.

    Its variables are made from images of the last stage. Groups of `group` neighbours in
    the batch are looked at together.
    """

    width: int = 512
    base: int = 16384
    classes: int = 0
    group: int = 4
    alpha: Any = 1.0  # of 0 it sees its images halved, as the stage before does
    head: Callable[..., Callable[..., Any]] = heads.Projection

    @nn.compact
    def __call__(
        self, image: Float[Array, "b h w c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, " b"]:
        def see(image):
            side = image.shape[1]
            features = min(self.base // side, self.width)
            return lrelu(Conv(features, 1, name=f"image_{side}")(GAIN * image))

        first, _ = sizes.sides_of("The growing D", image, square=True)
        stages = sides(first)
        sizes.enough("The growing D", first, self.base)
        x = see(image)
        for side in reversed(stages[1:]):
            features = min(2 * self.base // side, self.width)
            x, image = DownBlock(features, name=f"block_{side}")(x), halve(image)
            if side == first:
                x = fade(see(image), x, self.alpha)
            elif self.is_initializing():
                see(image)
        h = Last(min(self.base // 4, self.width), self.group, name="block_4")(x)
        head = self.head(self.classes, layers.plain, True, NORMAL, name="head")
        return head(h / sqrt(h.shape[-1]), label, train=train)


class DownBlock(nn.Module):
    """Two 3x3 convolutions, then the mean of every 2x2 square."""

    features: int

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b H W d"]:
        x = lrelu(Conv(x.shape[-1])(GAIN * x))
        return halve(lrelu(Conv(self.features)(GAIN * x)))


class Last(nn.Module):
    """From features of 4x4 and their deviation in a group to a vector."""

    features: int
    group: int

    @nn.compact
    def __call__(self, x: Float[Array, "b 4 4 c"]) -> Float[Array, "b d"]:
        x = jnp.concatenate([x, deviation(x, self.group)], axis=-1)
        x = lrelu(Conv(self.features)(GAIN * x))
        return lrelu(Dense(self.features)(GAIN * x.reshape(len(x), -1)))


def lrelu(x: Float[Array, "b ..."]) -> Float[Array, "b ..."]:
    """The leaky ReLU."""
    return nn.leaky_relu(x, 0.2)


def fade(
    old: Float[Array, "b h w c"], new: Float[Array, "b h w c"], alpha: Any
) -> Float[Array, "b h w c"]:
    """`old` where alpha is 0, `new` where it is 1, to the bit; in between a mean."""
    return (1 - alpha) * old + alpha * new


def shown(
    image: Float[Array, "b h w c"], side: int, alpha: Any
) -> Float[Array, "b s s c"]:
    """Real images as a stage sees them: of its side, as sharp as its own can be."""
    while image.shape[1] > side:
        image = halve(image)
    return image if side == 4 else fade(double(halve(image)), image, alpha)


def sides(size: int) -> list[int]:
    """4, 8 and so on up to `size`; `Mistake` where none of them is."""
    sizes.check("A growing network", size, sizes.growing(4))
    return [4 << i for i in range((size // 4).bit_length())]


TINY = {
    "g": Example(partial(Generator, 8, 2, width=6, alpha=0.5), (5,)),
    "d": Example(partial(Discriminator, width=6, group=2, alpha=0.5), (8, 8, 2)),
}
