"""FastGAN (Liu et al., 2021): G for few images, and a D that must be able to redraw them.

In both, coarse features gate fine ones. Sizes are those of the authors' code, whose images
are of 256, 512 and 1024 px; smaller ones have less of it. Their G also makes images of 128
px, which D takes beside the large fakes; here D shrinks those, as it does the real ones.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ganjax.models import layers, sizes
from ganjax.models.biggan import ConditionalNorm
from ganjax.models.convolution import Conv
from ganjax.models.equalized import normalise
from ganjax.models.example import Example
from ganjax.models.excitation import (
    DownBlock,
    Excitation,
    OwnBatch,
    Start,
    UpBlock,
)
from ganjax.models.heads import tell
from ganjax.models.projected import INIT, Verdict


UP = {  # the side of G's features -> their channels, in multiples of `width`
    **{4: 16, 8: 8, 16: 4, 32: 2, 64: 2},
    **{128: 1, 256: 1 / 2, 512: 1 / 4, 1024: 1 / 8},
}
EXCITED = 64, 128, 256, 512  # sides at which the features of a 16th of them gate
DOWN = {512: 1 / 8, 256: 1 / 4, 128: 1 / 2, 64: 1, 32: 2, 16: 4, 8: 8}  # and of D's
BESIDE = {64: 1 / 2, 32: 1, 16: 2, 8: 4}  # and of those of the small image
SMALL = 128  # the side of this one, or half the image's
NORMAL = nn.initializers.normal(0.02)


class Generator(nn.Module):
    """From z, put on a sphere, to images of side `size`: 4x4, then blocks that double it.

    The blocks have as many convolutions as `convs` says, in turn: (2, 1) as FastGAN; (2,)
    as Projected GAN, whose code this is (Sauer et al., 2021); (1,) as that code's lite
    one. Only those of two add noise. Nothing bounds the images. Classes choose the gains
    and biases of the norms in the blocks, by a vector as long as z.
    """

    size: int = 256
    channels: int = 3
    width: int = 128
    classes: int = 0
    convs: tuple[int, ...] = (2,)
    wrap: Callable[[nn.Module], Callable[..., Any]] = layers.SpectralNorm

    @nn.compact
    def __call__(
        self, z: Float[Array, "b z"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b h w c"]:
        def norm():
            if not self.classes:
                return layers.BatchNorm()
            return ConditionalNorm(wrap=self.wrap, use_bias=True, kernel_init=INIT)

        (_, first), *widths = [
            (side, channels_of(UP, side, self.width))
            for side in sides(UP, 4, self.size, "FastGAN's G")
        ]
        known = label
        if self.classes:
            init = nn.initializers.normal(1.0)
            known = nn.Embed(self.classes, z.shape[-1], embedding_init=init)(label)
        x = self.wrap(Start(2 * first))(normalise(z), train=train)
        x = nn.glu(layers.BatchNorm()(x, label, train=train))
        seen = {4: x}
        for i, (side, width) in enumerate(widths):
            convs = self.convs[i % len(self.convs)]
            strengths = (1 if self.classes else convs) if convs > 1 else 0
            block = UpBlock(width, norm, self.wrap, convs, strengths)
            x = block(x, known, train=train)
            if side in EXCITED:
                x = Excitation(self.wrap)(seen[side // 16], x, train=train)
            seen[side] = x
        return self.wrap(Conv(self.channels, kernel_init=INIT))(x, train=train)


class Decoder(nn.Module):
    """From features of 8x8 to images of `side`: blocks that double, in D (section 3.2)."""

    side: int
    channels: int
    wrap: Callable[[nn.Module], Callable[..., Any]]
    width: int = 32

    @nn.compact
    def __call__(
        self, x: Float[Array, "b 8 8 d"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b h w c"]:
        for side in sides(UP, 16, self.side):
            width = channels_of(UP, side, self.width)
            norm = partial(OwnBatch, gain_init=NORMAL)
            block = UpBlock(width, norm, self.wrap, 1, 0, NORMAL)
            x = block(x, label, train=train)
        last = Conv(self.channels, use_bias=False, kernel_init=NORMAL)
        return jnp.tanh(self.wrap(last)(x, train=train))


class Discriminator(nn.Module):
    """From images to logits [b, n]: one for each 4x4 square of 8x8, large and small.

    Both the image and a small one of it are halved down to 8x8. D tells what it redraws
    from there, "redrawn" [b, 3, s, s, c], and what that was to be, "shown", which are for
    the regularizer `reconstruction`: the image from its own features; the same from the
    small one's; a quarter of it, another one from row to row, from the same quarter of
    its features at 16x16. Classes are as in `projected`; the authors have none.
    """

    width: int = 64
    classes: int = 0
    decoder: Callable[..., Callable[..., Any]] = Decoder
    wrap: Callable[[nn.Module], Callable[..., Any]] = layers.SpectralNorm

    @nn.compact
    def __call__(
        self, image: Float[Array, "b h w c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b n"]:
        norm = partial(layers.BatchNorm, gain_init=NORMAL)

        def lrelu(layer, x):
            return nn.leaky_relu(self.wrap(layer)(x, train=train), 0.2)

        def act(layer, x):
            x = self.wrap(layer)(x, train=train)
            return nn.leaky_relu(norm()(x, label, train=train), 0.2)

        def conv(width, size):
            return Conv(width, size, use_bias=False, kernel_init=NORMAL)

        def halving(x, table):
            width = channels_of(table, x.shape[1] // 2, self.width)
            return layers.Down(width, kernel_init=NORMAL)

        size, _ = sizes.sides_of("FastGAN's D", image, square=True)
        sides(UP, 32, size, "FastGAN's D")
        if size > 256:
            x = lrelu(halving(image, DOWN), image)
        else:
            x = lrelu(conv(channels_of(DOWN, size, self.width), 3), image)
        while x.shape[1] > 256:
            x = act(halving(x, DOWN), x)
        seen = {x.shape[1]: x}
        for side in reversed(sides(UP, 8, x.shape[1] // 2)):
            width = channels_of(DOWN, side, self.width)
            x = DownBlock(width, norm, self.wrap, NORMAL)(x, label, train=train)
            if 8 * side in seen:
                gate = Excitation(self.wrap, NORMAL)
                x = gate(seen[8 * side], x, train=train)
            seen[side] = x

        small = pick(image, min(SMALL, size // 2))
        h = lrelu(halving(small, BESIDE), small)
        while h.shape[1] > 8:
            h = act(halving(h, BESIDE), h)

        shown = [small, small, pick(quarters(image), small.shape[1])]
        redrawn = [
            self.decoder(*small.shape[2:], self.wrap)(features, label, train=train)
            for features in (x, h, quarters(seen[16]))
        ]
        tell(self, shown=jnp.stack(shown, 1), redrawn=jnp.stack(redrawn, 1))
        logits = [
            Verdict(self.classes, self.wrap, NORMAL)(features, label, train=train)
            for features in (act(conv(16 * self.width, 1), x), h)
        ]
        return jnp.concatenate(logits, axis=-1)


def sides(
    table: Mapping[int, float], first: int, last: int, network: str = "FastGAN"
) -> list[int]:
    """The sides of a table from `first` to `last`; a `Mistake` if `last` is not there."""
    known = [side for side in sorted(table) if side >= first]
    sizes.check(network, last, sizes.among(known))
    return [side for side in known if side <= last]


def channels_of(table: Mapping[int, float], side: int, width: int) -> int:
    """How many channels features of a side have, one at least."""
    return max(1, int(width * table[side]))


def pick(x: Float[Array, "b h w c"], side: int) -> Float[Array, "b n n c"]:
    """Every so many pixels, the first included, until they are `side` in a row."""
    step = x.shape[1] // side
    return x[:, ::step, ::step]


def quarters(x: Float[Array, "b h w c"]) -> Float[Array, "b n m c"]:
    """A quarter of each image: of the first the upper left, then right, lower left, ..."""
    b, h, w, c = x.shape
    cut = x.reshape(b, 2, h // 2, 2, w // 2, c).swapaxes(2, 3)
    rows = jnp.arange(b)
    return cut[rows, rows // 2 % 2, rows % 2]


def _undrawn(*fields: Any) -> Callable[..., Array]:
    """In place of a decoder, where nobody asks for what is redrawn."""
    return lambda x, label, train: x.mean(-1, keepdims=True)


TINY = {
    "g": Example(partial(Generator, 64, 2, width=2, convs=(2, 1)), (5,)),
    "d": Example(partial(Discriminator, 2, decoder=_undrawn), (64, 64, 2)),
}
