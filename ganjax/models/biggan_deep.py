"""BigGAN-deep (Brock et al., 2019, appendix B): thin bottlenecks, twice as many.

z is not cut into chunks: all of it and one embedding of the class choose the gains and
biases of every batch norm. Skip connections have no weights but where D's grow: G's drop
the channels that are too many, and D's are joined by new ones. Sizes and what spectral
norm wraps are those of the authors' PyTorch code, but for the biases that a batch norm
takes away (see `sagan`). Of the paper's are 128 and 256 px, with `ch` and z of 128.
"""

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ganjax.errors import Mistake
from ganjax.models import biggan, heads, layers, sizes
from ganjax.models.attention import Attention
from ganjax.models.biggan import ORTHOGONAL, ConditionalNorm, at_size
from ganjax.models.convolution import Conv
from ganjax.models.example import Example
from ganjax.models.resnet import double, halve


Resize = Callable[[Array], Array]
Wrap = Callable[[nn.Module], Callable[..., Any]]
SIDES = 32, 64, 128, 256  # of images; their widths are BigGAN's:
UP = {side: (biggan.UP[side][0], *biggan.UP[side]) for side in SIDES}
DOWN = {side: biggan.DOWN[side] for side in SIDES}  # both before and after each stage


def same(x: Array) -> Array:
    """As it is."""
    return x


class Generator(nn.Module):
    """From z to images of side `size`: a dense layer to 4x4, then stages that double it.

    A stage has `depth` blocks, of which the last changes the side and the width.
    Attention follows the stage that reaches side `attend`, if one does. Without classes
    z alone chooses the gains and biases.
    """

    size: int = 128
    channels: int = 3
    ch: int = 128
    classes: int = 0
    shared: int = 128  # the length of the embedding
    attend: int = 64
    depth: int = 2
    wrap: Wrap = layers.SpectralNorm
    use_bias: bool = False  # of the blocks, as in the authors' code

    @nn.compact
    def __call__(
        self, z: Float[Array, "b z"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b h w c"]:
        times = at_size(UP, self.size, "BigGAN-deep's G")
        widths = _quartered("BigGAN-deep's G", self.ch, times)
        if self.classes:
            embed = nn.Embed(self.classes, self.shared, embedding_init=ORTHOGONAL)
            z = jnp.concatenate([embed(label), z], axis=-1)
        dense = nn.Dense(16 * widths[0], kernel_init=ORTHOGONAL)
        x = self.wrap(dense)(z, train=train).reshape(-1, 4, 4, widths[0])
        norm = partial(ConditionalNorm, wrap=self.wrap)
        block = partial(UpBlock, norm=norm, wrap=self.wrap, use_bias=self.use_bias)
        for before, after in pairwise(widths):
            for _ in range(self.depth - 1):
                x = block(before)(x, z, train=train)
            x = block(after, double)(x, z, train=train)
            if x.shape[1] == self.attend:
                x = Attention(self.wrap, ORTHOGONAL)(x, train=train)
        x = nn.relu(layers.BatchNorm()(x, label, train=train))
        last = Conv(self.channels, kernel_init=ORTHOGONAL)
        return jnp.tanh(self.wrap(last)(x, train=train))


class UpBlock(nn.Module):
    """1x1 to a quarter of x's channels, 3x3, 3x3, 1x1, each after a norm and a ReLU.

    The side changes before the first 3x3. x itself is added, less the channels beyond
    `width`.
    """

    width: int
    resize: Resize = same
    norm: Callable[..., Callable[..., Any]] = ConditionalNorm
    wrap: Wrap = layers.SpectralNorm
    use_bias: bool = False

    @nn.compact
    def __call__(
        self,
        x: Float[Array, "b h w c"],
        condition: Float[Array, "b e"],
        *,
        train: bool,
    ) -> Float[Array, "b H W d"]:
        def act(x):
            return nn.relu(self.norm()(x, condition, train=train))

        def conv(x, width, size):
            layer = Conv(width, size, self.use_bias, kernel_init=ORTHOGONAL)
            return self.wrap(layer)(x, train=train)

        hidden = x.shape[-1] // 4
        h = conv(act(x), hidden, 1)
        h = conv(self.resize(act(h)), hidden, 3)
        h = conv(act(h), hidden, 3)
        h = conv(act(h), self.width, 1)
        return h + self.resize(x[..., : self.width])


class Discriminator(nn.Module):
    """From images to logits [b]: a 3x3, then stages, then one sum over the pixels.

    The images' side says how wide they are. A stage has `depth` blocks, of which the
    first changes the side and the width. Attention follows the stage that reaches side
    `attend`, if one does. Classes enter by projection.
    """

    ch: int = 128
    classes: int = 0
    attend: int = 64
    depth: int = 2
    wrap: Wrap = layers.SpectralNorm
    head: Callable[..., Callable[..., Any]] = heads.Projection

    @nn.compact
    def __call__(
        self, image: Float[Array, "b h w c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, " b"]:
        side, _ = sizes.sides_of("BigGAN-deep's D", image, square=True)
        times, grid = at_size(DOWN, side, "BigGAN-deep's D")
        first, *widths = _quartered("BigGAN-deep's D", self.ch, times)
        block = partial(DownBlock, wrap=self.wrap)
        x = self.wrap(Conv(first, kernel_init=ORTHOGONAL))(image, train=train)
        for width in widths:
            before = x.shape[1]
            x = block(width, halve if before > grid else same)(x, train=train)
            for _ in range(self.depth - 1):
                x = block(width)(x, train=train)
            if before > x.shape[1] == self.attend:
                x = Attention(self.wrap, ORTHOGONAL)(x, train=train)
        h = jnp.sum(nn.relu(x), axis=(1, 2))
        head = self.head(self.classes, self.wrap, True, ORTHOGONAL, name="head")
        return head(h, label, train=train)


class DownBlock(nn.Module):
    """1x1 to a quarter of `width`, 3x3, 3x3, 1x1, each after a ReLU.

    The side changes before the last 1x1. x itself is added, with as many further
    channels, from another 1x1, as it lacks.
    """

    width: int
    resize: Resize = same
    wrap: Wrap = layers.SpectralNorm

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], *, train: bool
    ) -> Float[Array, "b H W d"]:
        def conv(x, width, size):
            layer = Conv(width, size, kernel_init=ORTHOGONAL)
            return self.wrap(layer)(x, train=train)

        hidden = self.width // 4
        h = conv(nn.relu(x), hidden, 1)
        h = conv(nn.relu(h), hidden, 3)
        h = conv(nn.relu(h), hidden, 3)
        h = conv(self.resize(nn.relu(h)), self.width, 1)
        x = self.resize(x)
        lacking = self.width - x.shape[-1]
        if lacking:
            x = jnp.concatenate([x, conv(x, lacking, 1)], axis=-1)
        return h + x


def _quartered(network: str, ch: int, times: tuple[int, ...]) -> list[int]:
    """The widths of the stages; a `Mistake` where a quarter of one is no channel."""
    widths = [ch * n for n in times]
    if min(widths) < 4:
        raise Mistake(
            f"{network} has blocks of a quarter of {min(widths)} channels, which is less "
            f"than one: give a `ch` of at least {-(-4 // min(times))}."
        )
    return widths


SMALL = {"ch": 2, "attend": 16, "depth": 1}
TINY = {
    "g": Example(partial(Generator, 32, 2, shared=3, **SMALL), (5,)),
    "d": Example(partial(Discriminator, **SMALL), (32, 32, 2)),
}
