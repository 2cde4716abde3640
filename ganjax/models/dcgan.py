"""DCGAN (Radford et al., 2016): strided 4x4 convolutions with batch norm between them.

Follows the paper and its code: weights from N(0, 0.02), batch norm gains from N(1, 0.02),
no batch norm at G's output and D's input, and no biases except batch norm's.

Two common variants need no other network: without batch norm, `norm=Shift`; with
spectral norm in D in place of batch norm, `wrap=SpectralNorm` as well.
"""

from functools import partial

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ganjax.layers import heads, resampling, sizes
from ganjax.layers.example import Example
from ganjax.layers.normalization import BatchNorm, Norm, Shift
from ganjax.layers.spectral_norm import SpectralNorm, Wrap, identity_wrap


INIT = nn.initializers.normal(0.02)
NORM = partial(BatchNorm, gain_init=INIT)


class Generator(nn.Module):
    """Maps z [b, z] to images [b, h, w, channels] in -1..1, square by default.

    A dense layer makes the first feature maps, and transposed convolutions double them up
    to `size`.

    Attributes:
        size: height and width of the images, one number if they are equal: `grid` doubled
            at least once.
        channels: channels of the images.
        width: channels of the feature maps at half the size. Each halving of the side
            doubles them: the paper's 128 become 1024 at 4x4 for images of 64 px.
        classes: number of classes, which choose the gains and biases of the batch norms
            (conditional batch norm); 0 ignores the labels. D needs the same number.
        grid: side of the first feature maps, the shorter one where they are not square.
        slope: negative slope of the leaky ReLU; 0 is the paper's ReLU.
        norm: makes a norm, called as `norm(classes=classes)(x, label, train=train)`.
    """

    size: int | tuple[int, int] = 32
    channels: int = 3
    width: int = 128
    classes: int = 0
    grid: int = 4
    slope: float = 0.0
    norm: Norm = NORM

    @nn.compact
    def __call__(
        self, z: Float[Array, "b z"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b h w c"]:
        def act(x):
            x = self.norm(classes=self.classes)(x, label, train=train)
            return nn.leaky_relu(x, self.slope)

        size = self.size if isinstance(self.size, tuple) else (self.size, self.size)
        sizes.check("DCGAN's G", size, sizes.geometric(2 * self.grid))
        # From the first feature maps to those at half the size, each half as wide.
        doublings = _halvings(min(size), self.grid)
        h, w = (side >> doublings for side in size)
        widths = [self.width << i for i in reversed(range(doublings))]
        first = h * w * widths[0]
        x = act(nn.Dense(first, use_bias=False, kernel_init=INIT)(z))
        # The norm comes before the reshape, so its statistics are over the batch alone, not
        # over pixels, as in the authors' code.
        x = x.reshape(-1, h, w, widths[0])
        for width in widths[1:]:
            x = act(resampling.Up(width, kernel_init=INIT)(x))
        return jnp.tanh(resampling.Up(self.channels, kernel_init=INIT)(x))


class Discriminator(nn.Module):
    """Maps images [b, h, w, c] to logits [b], or to the outputs of another head.

    Strided convolutions halve the images to a height of 4 (of 4 to 7, unless it was a power
    of two); one dense layer follows.

    Attributes:
        width: channels after the first halving; each further one doubles them.
        classes: number of classes, which enter through `head`; 0 ignores the labels. G
            needs the same number.
        slope: negative slope of the leaky ReLU.
        dropout: rate of the dropout after every activation, which needs the rng "dropout";
            the paper has none.
        norm: makes a norm, called as `norm()(x, label, train=train)`.
        wrap: what each layer that has weights is wrapped in, such as `SpectralNorm`.
        head: makes the last layer, one of `layers.heads`, or of `layers.autoencoders` for
            an encoder.
    """

    width: int = 128
    classes: int = 0
    slope: float = 0.2
    dropout: float = 0.0
    norm: Norm = NORM
    wrap: Wrap = identity_wrap
    head: heads.Head = heads.Projection

    @nn.compact
    def __call__(
        self, image: Float[Array, "b h w c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b *outputs"]:
        def act(x):
            x = nn.leaky_relu(x, self.slope)
            return nn.Dropout(self.dropout, deterministic=not train)(x)

        def down(width, x):
            return self.wrap(resampling.Down(width, kernel_init=INIT))(x, train=train)

        height, width = sizes.sides_of("DCGAN's D", image)
        halvings = _halvings(height, 4)
        # A side may be odd, but the halvings would leave nothing of one that is too short.
        possible = sizes.multiples(1, max(8, 1 << max(halvings, 0)))
        sizes.check("DCGAN's D", (height, width), possible)

        # The first convolution has no norm after it.
        x = act(down(self.width, image))
        for i in range(1, halvings):
            x = self.norm()(down(self.width << i, x), label, train=train)
            x = act(x)
        head = self.head(self.classes, self.wrap, False, INIT, name="head")
        return head(x.reshape(len(x), -1), label, train=train)


def _halvings(size: int, grid: int) -> int:
    """Returns how often a side is halved from `size` to `grid`."""
    return (size // grid).bit_length() - 1


TINY = {
    "g": Example(partial(Generator, 16, 2, width=6), (5,)),
    "g without norm": Example(partial(Generator, 16, 2, 6, norm=Shift), (5,)),
    "d": Example(partial(Discriminator, width=6), (16, 16, 2)),
    "d spectral": Example(
        partial(Discriminator, 6, norm=Shift, wrap=SpectralNorm),
        (16, 16, 2),
    ),
}
