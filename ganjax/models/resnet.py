"""The residual networks of WGAN-GP and SNGAN.

For 32 px Gulrajani et al. (2017), appendix F, and Miyato et al. (2018), table 4, publish
the same blocks with the same initialisation; what differs is at D's end and in what wraps
its layers. Those of larger images are below. Where the authors' code has a bias that a
batch norm takes away, there is none.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Shaped

from ganjax.models import heads, layers, sizes
from ganjax.models.convolution import Conv
from ganjax.models.example import Example


GLOROT = nn.initializers.glorot_uniform()
RESIDUAL = nn.initializers.variance_scaling(2.0, "fan_avg", "uniform")  # sqrt(2) Glorot


class Generator(nn.Module):
    """From z to images: a dense layer to a grid, then blocks that double it up to `size`.

    That is a side, or a height and a width. The dense layer and the blocks have `times` as
    many channels as `width`, which is 256 in SNGAN and 128 in WGAN-GP; the default is as
    many throughout, from a grid whose shorter side is 4 to 7. Classes choose the gains and
    biases of the batch norms in the blocks, not of the last one.
    """

    size: int | tuple[int, int] = 32
    channels: int = 3
    width: int = 256
    classes: int = 0
    norm: Callable[..., Callable[..., Any]] = layers.BatchNorm
    use_bias: bool = False  # of the blocks; batch norm takes nearly all of them away
    times: tuple[int, ...] = ()

    @nn.compact
    def __call__(
        self, z: Float[Array, "b z"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b h w c"]:
        size = self.size if isinstance(self.size, tuple) else (self.size, self.size)
        sizes.check("The residual G", size, sizes.multiples(1, 4))
        times = self.times or (1,) * (min(size) // 4).bit_length()
        first, *widths = [self.width * n for n in times]
        h, w = _grid("The residual G", size, len(widths))
        x = nn.Dense(h * w * first, kernel_init=GLOROT)(z).reshape(-1, h, w, first)
        norm = partial(self.norm, classes=self.classes)
        for width in widths:
            x = UpBlock(width, norm, use_bias=self.use_bias)(x, label, train=train)
        x = nn.relu(self.norm()(x, label, train=train))
        return jnp.tanh(Conv(self.channels, kernel_init=GLOROT)(x))


class UpBlock(nn.Module):
    """Norm, ReLU, up, 3x3, norm, ReLU, 3x3; beside it 1x1, up, which commute.

    `label` is what the norms want to know, a class or a vector for each image.
    """

    width: int
    norm: Callable[..., Callable[..., Any]]
    wrap: Callable[[nn.Module], Callable[..., Any]] = layers.plain
    inits: tuple[Callable[..., Array], ...] = (RESIDUAL, GLOROT)  # of 3x3, of 1x1
    use_bias: bool = False

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], label: Shaped[Array, "b *e"], *, train: bool
    ) -> Float[Array, "b H W d"]:
        def conv(x, size, init):
            layer = Conv(self.width, size, self.use_bias, kernel_init=init)
            return self.wrap(layer)(x, train=train)

        residual, skip = self.inits
        h = double(nn.relu(self.norm()(x, label, train=train)))
        h = conv(h, 3, residual)
        h = nn.relu(self.norm()(h, label, train=train))
        h = conv(h, 3, residual)
        return h + double(conv(x, 1, skip))


class Discriminator(nn.Module):
    """From images to logits [b]: blocks, the first of which halve, then one sum.

    They have `times` as many channels as `width`. As it stands it is SNGAN's of 32 px.
    Classes enter by projection (Miyato & Koyama, 2018).
    """

    width: int = 128
    classes: int = 0
    wrap: Callable[[nn.Module], Callable[..., Any]] = layers.SpectralNorm
    pool: Callable[..., Array] = jnp.sum
    use_bias: bool = False  # of the last layer
    head: Callable[..., Callable[..., Any]] = heads.Projection
    skip: Callable[[Array], Array] = lambda x: x  # StudioGAN's in-place ReLU: nn.relu
    times: tuple[int, ...] = (1, 1, 1, 1)
    halvings: int = 2

    @nn.compact
    def __call__(
        self, image: Float[Array, "b h w c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, " b"]:
        def conv(x, width, size, init):
            layer = Conv(width, size, kernel_init=init)
            return self.wrap(layer)(x, train=train)

        def residual(x, hidden, width):
            h = nn.relu(conv(x, hidden, 3, RESIDUAL))
            return conv(h, width, 3, RESIDUAL)

        sizes.counted("The residual D", "times", self.times)
        sides = sizes.sides_of("The residual D", image)
        _grid("The residual D", sides, max(self.halvings, 1))
        first, *widths = [self.width * n for n in self.times]
        x = halve(residual(image, first, first)) + conv(halve(image), first, 1, GLOROT)
        for i, width in enumerate(widths, start=1):
            before = x.shape[-1]
            h, x = residual(nn.relu(x), before, width), self.skip(x)
            if i < self.halvings or width != before:
                x = conv(x, width, 1, GLOROT)
            x = halve(h + x) if i < self.halvings else h + x
        h = self.pool(nn.relu(x), axis=(1, 2))
        head = self.head(self.classes, self.wrap, self.use_bias, GLOROT, name="head")
        return head(h, label, train=train)


# The critic of WGAN-GP.
Critic = partial(Discriminator, wrap=layers.plain, pool=jnp.mean, use_bias=True)

# SNGAN's of other sides (Miyato et al., 2018, tables 5 and 6; Miyato & Koyama, 2018). At
# 64 px they are those of 128 with a block less. The last layer has a bias, as in the code
# for 64 and 128 px.
Generator48 = partial(Generator, 48, width=64, times=(8, 4, 2, 1))
Generator64 = partial(Generator, 64, width=64, times=(16, 8, 4, 2, 1))
Generator128 = partial(Generator, 128, width=64, times=(16, 16, 8, 4, 2, 1))
Biased = partial(Discriminator, 64, use_bias=True)
Discriminator48 = partial(Biased, times=(1, 2, 4, 8, 16), halvings=4)
Discriminator64 = partial(Biased, times=(1, 2, 4, 8, 16), halvings=5)
Discriminator128 = partial(Biased, times=(1, 2, 4, 8, 16, 16), halvings=5)


class NormedCritic(nn.Module):
    """From images to values [b]: a 3x3, blocks that halve, a dense layer on all pixels.

    As WGAN-GP's code has it for 64 px. Norms are over each image alone, as a gradient
    penalty demands. The 3x3 and the blocks have `times` as many channels as `width`;
    classes enter by projection.
    """

    width: int = 64
    classes: int = 0
    times: tuple[int, ...] = (1, 2, 4, 8, 8)
    head: Callable[..., Callable[..., Any]] = heads.Projection

    @nn.compact
    def __call__(
        self, image: Float[Array, "b h w c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, " b"]:
        def act(x):
            norm = nn.LayerNorm(1e-5, reduction_axes=(1, 2, 3), use_fast_variance=False)
            return nn.relu(norm(x))

        sizes.counted("WGAN-GP's D", "times", self.times)
        first, *widths = [self.width * n for n in self.times]
        _grid("WGAN-GP's D", sizes.sides_of("WGAN-GP's D", image), len(widths))
        x = Conv(first, kernel_init=GLOROT)(image)
        for width in widths:
            before = Conv(x.shape[-1], use_bias=False, kernel_init=RESIDUAL)
            h = Conv(width, kernel_init=RESIDUAL)(act(before(act(x))))
            x = halve(h) + Conv(width, 1, kernel_init=GLOROT)(halve(x))
        head = self.head(self.classes, layers.plain, True, GLOROT, name="head")
        return head(x.reshape(len(x), -1), label, train=train)


# WGAN-GP's G of 64 px, whose critic is `NormedCritic`.
WGANGPGenerator64 = partial(Generator, 64, width=64, times=(8, 8, 4, 2, 1))


def double(x: Float[Array, "b h w c"]) -> Float[Array, "b H W c"]:
    """Nearest neighbour, [b, h, w, c] to [b, 2h, 2w, c]."""
    b, h, w, c = x.shape
    square = jnp.broadcast_to(x[:, :, None, :, None], (b, h, 2, w, 2, c))
    return square.reshape(b, 2 * h, 2 * w, c)


def halve(x: Float[Array, "b h w c"]) -> Float[Array, "b H W c"]:
    """The mean of every 2x2 square, [b, 2h, 2w, c] to [b, h, w, c]."""
    b, h, w, c = x.shape
    sizes.check("A layer that halves", (h, w), sizes.multiples(2))
    return x.reshape(b, h // 2, 2, w // 2, 2, c).mean((2, 4))


def _grid(network: str, size: tuple[int, ...], doublings: int) -> tuple[int, ...]:
    """The sides that become `size` when doubled; a `Mistake` if none do."""
    times = 2**doublings
    sizes.check(network, size, sizes.multiples(times), "other widths or halvings")
    return tuple(side // times for side in size)


TINY = {
    "g": Example(partial(Generator, 8, 2, width=8), (5,)),
    "d": Example(partial(Discriminator, width=8), (8, 8, 2)),
    "d of wgan-gp": Example(partial(Critic, width=8), (8, 8, 2)),
    "d of wgan-gp, 64": Example(partial(NormedCritic, 3, times=(1, 2)), (8, 8, 2)),
}
