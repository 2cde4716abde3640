"""DCGAN (Radford et al., 2016): strided 4x4 convolutions between batch norms.

As the paper and its code have it: every weight from N(0, 0.02), batch norm gains from
N(1, 0.02), no batch norm at G's output and at D's input, no biases but batch norm's.
The same model without batch norm has `norm=layers.Shift`; with spectral norm in D
instead, `wrap=layers.SpectralNorm` as well.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ganjax.models import heads, layers, sizes
from ganjax.models.example import Example


INIT = nn.initializers.normal(0.02)
NORM = partial(layers.BatchNorm, gain_init=INIT)


class Generator(nn.Module):
    """From z to images: a dense layer to the first grid, then doubled up to `size`.

    `width` counts the channels at half the size; each halving before that has twice as
    many (the paper: 128, hence 1024 on the first grid of a 64 px image). Classes choose
    the gains and biases of the batch norms.
    """

    size: int = 32
    channels: int = 3
    width: int = 128
    classes: int = 0
    grid: int = 4
    slope: float = 0.0  # of the leaky ReLU; 0 is the paper's ReLU
    norm: Callable[..., Callable[..., Any]] = NORM

    @nn.compact
    def __call__(
        self, z: Float[Array, "b z"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b h w c"]:
        def act(x):
            x = self.norm(classes=self.classes)(x, label, train=train)
            return nn.leaky_relu(x, self.slope)

        sizes.check("DCGAN's G", self.size, sizes.growing(2 * self.grid))
        widths = [self.width << i for i in range(_halvings(self.size, self.grid))][::-1]
        first = self.grid * self.grid * widths[0]
        x = act(nn.Dense(first, use_bias=False, kernel_init=INIT)(z))
        x = x.reshape(-1, self.grid, self.grid, widths[0])
        for width in widths[1:]:
            x = act(layers.Up(width, kernel_init=INIT)(x))
        return jnp.tanh(layers.Up(self.channels, kernel_init=INIT)(x))


class Discriminator(nn.Module):
    """From images to logits [b]: halved down to 4x4, then one dense layer.

    `width` counts the channels after the first halving; each further one doubles it.
    Classes enter by projection. `dropout` follows every activation, from the rng
    "dropout"; the paper has none.
    """

    width: int = 128
    classes: int = 0
    slope: float = 0.2
    dropout: float = 0.0
    norm: Callable[..., Callable[..., Any]] = NORM
    wrap: Callable[[nn.Module], Callable[..., Any]] = layers.plain
    head: Callable[..., Callable[..., Any]] = heads.Projection

    @nn.compact
    def __call__(
        self, image: Float[Array, "b h w c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, " b"]:
        def act(x):
            x = nn.leaky_relu(x, self.slope)
            return nn.Dropout(self.dropout, deterministic=not train)(x)

        def down(width, x):
            return self.wrap(layers.Down(width, kernel_init=INIT))(x, train=train)

        height, width = sizes.sides_of("DCGAN's D", image)
        halvings = _halvings(height, 4)
        # A side may be odd, but of one that is too short the halvings would leave nothing.
        possible = sizes.multiples(1, max(8, 1 << max(halvings, 0)))
        sizes.check("DCGAN's D", (height, width), possible)

        x = act(down(self.width, image))
        for i in range(1, halvings):
            x = self.norm()(down(self.width << i, x), label, train=train)
            x = act(x)
        head = self.head(self.classes, self.wrap, False, INIT, name="head")
        return head(x.reshape(len(x), -1), label, train=train)


def _halvings(size: int, grid: int) -> int:
    """How often a side is halved between `size` and `grid`."""
    return (size // grid).bit_length() - 1


TINY = {
    "g": Example(partial(Generator, 16, 2, width=6), (5,)),
    "g without norm": Example(partial(Generator, 16, 2, 6, norm=layers.Shift), (5,)),
    "d": Example(partial(Discriminator, width=6), (16, 16, 2)),
    "d spectral": Example(
        partial(Discriminator, 6, norm=layers.Shift, wrap=layers.SpectralNorm),
        (16, 16, 2),
    ),
}
