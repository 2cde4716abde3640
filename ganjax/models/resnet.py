"""The residual networks of WGAN-GP and SNGAN (Gulrajani et al., 2017; Miyato et al., 2018).

For images of 32 px both papers (appendix F; table 4) have the same blocks and the same
initialization, so `Generator` and `Discriminator` serve for both. They differ at the end
of D and in the wrapper of its layers: `Critic` is WGAN-GP's. Partial applications below
are the published networks of other image sizes.

Unlike in the authors' code, layers before a batch norm have no bias: the norm would
subtract it again.
"""

from collections.abc import Callable
from functools import partial

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Shaped

from ganjax.layers import heads, sizes
from ganjax.layers.example import Example
from ganjax.layers.normalization import BatchNorm, Norm
from ganjax.layers.spectral_norm import SpectralNorm, Wrap, identity_wrap
from ganjax.ops.convolution import Conv


GLOROT = nn.initializers.glorot_uniform()
RESIDUAL = nn.initializers.variance_scaling(2.0, "fan_avg", "uniform")  # sqrt(2) Glorot


class Generator(nn.Module):
    """Maps z to images: a dense layer to a small grid, then blocks that double its sides.

    Classes choose gains and biases of the batch norms in the blocks, but not of the last
    batch norm.

    Attributes:
        size: side of the images, or their height and width.
        channels: channels of the images.
        width: unit of the layers' channels, 256 in SNGAN and 128 in WGAN-GP.
        classes: number of classes, 0 for an unconditional generator.
        norm: makes a normalization layer, `norm(classes=...)`.
        use_bias: whether the blocks' convolutions have biases, nearly all of which a batch
            norm subtracts again.
        multipliers: channels of the dense layer and of each block, in units of `width`.
            Empty for 1 throughout and as many blocks as give a grid whose shorter side
            is 4 to 7 pixels.
    """

    size: int | tuple[int, int] = 32
    channels: int = 3
    width: int = 256
    classes: int = 0
    norm: Norm = BatchNorm
    use_bias: bool = False
    multipliers: tuple[int, ...] = ()

    @nn.compact
    def __call__(
        self, z: Float[Array, "b z"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b h w c"]:
        size = self.size if isinstance(self.size, tuple) else (self.size, self.size)
        sizes.check("The residual G", size, sizes.multiples(1, 4))
        multipliers = self.multipliers or (1,) * (min(size) // 4).bit_length()
        first, *widths = [self.width * n for n in multipliers]
        h, w = _grid("The residual G", size, len(widths))
        # z to [b, h, w, first], the small grid of the first block.
        x = nn.Dense(h * w * first, kernel_init=GLOROT)(z).reshape(-1, h, w, first)
        norm = partial(self.norm, classes=self.classes)
        for width in widths:
            x = UpBlock(width, norm, use_bias=self.use_bias)(x, label, train=train)
        x = nn.relu(self.norm()(x, label, train=train))
        return jnp.tanh(Conv(self.channels, kernel_init=GLOROT)(x))


class UpBlock(nn.Module):
    """G's residual block, which doubles the sides of images.

    The residual branch is norm, ReLU, upsampling, 3x3, norm, ReLU, 3x3. The skip
    connection is a 1x1 convolution, then upsampling: the two commute, and at the smaller
    size the convolution costs a quarter.

    Attributes:
        width: channels of the output.
        norm: makes a normalization layer, called as `norm(x, label, train=train)`. The
            label is a class or, for other norms, a vector for each image.
        wrap: wraps each convolution, such as `SpectralNorm`.
        inits: initializers of the 3x3 and of the 1x1 convolutions.
        use_bias: whether the convolutions have biases.
    """

    width: int
    norm: Norm
    wrap: Wrap = identity_wrap
    inits: tuple[nn.initializers.Initializer, nn.initializers.Initializer] = (
        RESIDUAL,
        GLOROT,
    )
    use_bias: bool = False

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], label: Shaped[Array, "b *e"], *, train: bool
    ) -> Float[Array, "b H W d"]:
        def conv(x, size, init):
            layer = Conv(self.width, size, self.use_bias, kernel_init=init)
            return self.wrap(layer)(x, train=train)

        residual_init, skip_init = self.inits
        # Residual branch. The upsampling precedes the 3x3, which then smooths its squares.
        h = double(nn.relu(self.norm()(x, label, train=train)))
        h = conv(h, 3, residual_init)
        h = nn.relu(self.norm()(h, label, train=train))
        h = conv(h, 3, residual_init)
        return h + double(conv(x, 1, skip_init))


class Discriminator(nn.Module):
    """Maps images to logits [b]: residual blocks, then a sum over the pixels.

    The defaults are SNGAN's of 32 px. Classes enter by projection (Miyato & Koyama, 2018).

    Attributes:
        width: unit of the blocks' channels.
        classes: number of classes, 0 for an unconditional discriminator.
        wrap: wraps each layer, such as `SpectralNorm`.
        pool: reduces the last feature map to a vector: `jnp.sum` or `jnp.mean`, called with
            `axis=(1, 2)`.
        use_bias: whether the last layer has a bias.
        head: makes the last layer; see `ganjax.layers.heads`.
        skip: applied to the input of every skip connection but the first block's. It is
            the identity, or `nn.relu` for StudioGAN's networks, whose ReLU works in place.
        multipliers: channels of each block, in units of `width`.
        halvings: how many of the blocks, from the first on, halve the sides.
    """

    width: int = 128
    classes: int = 0
    wrap: Wrap = SpectralNorm
    pool: Callable[..., Array] = jnp.sum
    use_bias: bool = False
    head: heads.Head = heads.Projection
    skip: Callable[[Array], Array] = lambda x: x
    multipliers: tuple[int, ...] = (1, 1, 1, 1)
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

        sizes.check_positive("The residual D", "multipliers", self.multipliers)
        sides = sizes.sides_of("The residual D", image)
        _grid("The residual D", sides, max(self.halvings, 1))
        first, *widths = [self.width * n for n in self.multipliers]

        # The first block sees pixels, so no ReLU comes before its convolutions.
        x = halve(residual(image, first, first)) + conv(halve(image), first, 1, GLOROT)

        for i, width in enumerate(widths, start=1):
            before = x.shape[-1]
            h = residual(nn.relu(x), before, width)
            x = self.skip(x)
            # The skip connection is the identity where the shape stays the same.
            if i < self.halvings or width != before:
                x = conv(x, width, 1, GLOROT)
            x = halve(h + x) if i < self.halvings else h + x
        # [b, h, w, c] to [b, c].
        h = self.pool(nn.relu(x), axis=(1, 2))
        head = self.head(self.classes, self.wrap, self.use_bias, GLOROT, name="head")
        return head(h, label, train=train)


# The critic of WGAN-GP.
Critic = partial(Discriminator, wrap=identity_wrap, pool=jnp.mean, use_bias=True)

# SNGAN's networks for other sizes (Miyato et al., 2018, tables 5 and 6; Miyato & Koyama,
# 2018). Those for 64 px are those for 128 px with one block less. The last layer has a
# bias, as in the authors' code for 64 and 128 px.
Generator48 = partial(Generator, 48, width=64, multipliers=(8, 4, 2, 1))
Generator64 = partial(Generator, 64, width=64, multipliers=(16, 8, 4, 2, 1))
Generator128 = partial(Generator, 128, width=64, multipliers=(16, 16, 8, 4, 2, 1))
_Discriminator = partial(Discriminator, 64, use_bias=True)
Discriminator48 = partial(_Discriminator, multipliers=(1, 2, 4, 8, 16), halvings=4)
Discriminator64 = partial(_Discriminator, multipliers=(1, 2, 4, 8, 16), halvings=5)
Discriminator128 = partial(_Discriminator, multipliers=(1, 2, 4, 8, 16, 16), halvings=5)


class NormedCritic(nn.Module):
    """WGAN-GP's critic of 64 px, as in its authors' code: maps images to values [b].

    A 3x3 convolution, residual blocks that halve the sides, and a dense layer on all
    pixels. It has layer norms where G has batch norms: a gradient penalty constrains the
    gradient for each image alone, which a batch norm would tie to the other images'.
    Classes enter by projection.

    Attributes:
        width: unit of the layers' channels.
        classes: number of classes, 0 for an unconditional critic.
        multipliers: channels of the 3x3 convolution and of each block, in units of `width`.
        head: makes the last layer; see `ganjax.layers.heads`.
    """

    width: int = 64
    classes: int = 0
    multipliers: tuple[int, ...] = (1, 2, 4, 8, 8)
    head: heads.Head = heads.Projection

    @nn.compact
    def __call__(
        self, image: Float[Array, "b h w c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, " b"]:
        def act(x):
            norm = nn.LayerNorm(1e-5, reduction_axes=(1, 2, 3), use_fast_variance=False)
            return nn.relu(norm(x))

        sizes.check_positive("WGAN-GP's D", "multipliers", self.multipliers)
        first, *widths = [self.width * n for n in self.multipliers]
        _grid("WGAN-GP's D", sizes.sides_of("WGAN-GP's D", image), len(widths))
        x = Conv(first, kernel_init=GLOROT)(image)
        for width in widths:
            before = Conv(x.shape[-1], use_bias=False, kernel_init=RESIDUAL)
            h = Conv(width, kernel_init=RESIDUAL)(act(before(act(x))))
            # The mean and the 1x1 convolution commute: at half the size it costs less.
            x = halve(h) + Conv(width, 1, kernel_init=GLOROT)(halve(x))
        head = self.head(self.classes, identity_wrap, True, GLOROT, name="head")
        return head(x.reshape(len(x), -1), label, train=train)


# WGAN-GP's G of 64 px, whose critic is `NormedCritic`.
WGANGPGenerator64 = partial(Generator, 64, width=64, multipliers=(8, 8, 4, 2, 1))


def double(x: Float[Array, "b h w c"]) -> Float[Array, "b H W c"]:
    """Doubles the sides of images by repeating each pixel: [b, 2h, 2w, c]."""
    b, h, w, c = x.shape
    # [b, h, 2, w, 2, c]: each pixel becomes a square.
    square = jnp.broadcast_to(x[:, :, None, :, None], (b, h, 2, w, 2, c))
    return square.reshape(b, 2 * h, 2 * w, c)


def halve(x: Float[Array, "b h w c"]) -> Float[Array, "b H W c"]:
    """Halves the sides of images by averaging squares of 2x2 pixels: [b, h/2, w/2, c].

    Raises a `UsageError` for odd sides.
    """
    b, h, w, c = x.shape
    sizes.check("A layer that halves", (h, w), sizes.multiples(2))
    return x.reshape(b, h // 2, 2, w // 2, 2, c).mean((2, 4))


def _grid(network: str, size: tuple[int, ...], doublings: int) -> tuple[int, ...]:
    """Returns the height and width that become `size` after so many doublings.

    Raises a `UsageError` if `size` cannot be halved as often.
    """
    factor = 2**doublings
    sizes.check(network, size, sizes.multiples(factor), "other widths or halvings")
    return tuple(side // factor for side in size)


TINY = {
    "g": Example(partial(Generator, 8, 2, width=8), (5,)),
    "d": Example(partial(Discriminator, width=8), (8, 8, 2)),
    "d of wgan-gp": Example(partial(Critic, width=8), (8, 8, 2)),
    "d of wgan-gp, 64": Example(
        partial(NormedCritic, 3, multipliers=(1, 2)), (8, 8, 2)
    ),
}
