"""WaveGAN (Donahue et al., 2019): DCGAN on raw audio, in one dimension.

As in the paper's tables 3 and 4 and the authors' code: kernels of 25 and strides of 4, no
normalisation, phase shuffle between D's layers, Glorot's initialisation. Signals lie in
[-1, 1]. Padded by one more before than after, not the other way round as TensorFlow
does, the networks are the authors' but for the direction of time.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ganjax.models import heads, signal, sizes
from ganjax.models.example import Example


INIT = nn.initializers.glorot_uniform()
GRID = 16  # samples of the coarsest signal
LENGTHS = sizes.growing(4 * GRID, 4)


class Generator(nn.Module):
    """From z to signals: a dense layer to 16 samples, then four times as many each time.

    `length` is 16 * 4^k, `width` counts the channels (the paper's d) at a quarter of it;
    each quarter before that has twice as many. Classes enter as a one-hot label beside
    z; the paper has none.
    """

    length: int = 16384
    channels: int = 1
    width: int = 64
    classes: int = 0

    @nn.compact
    def __call__(
        self, z: Float[Array, "b z"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b n c"]:
        one_hot = jax.nn.one_hot(label, self.classes, dtype=z.dtype)
        z = jnp.concatenate([z, one_hot], axis=-1)
        sizes.check_length("WaveGAN's G", self.length, LENGTHS)
        widths = [self.width << i for i in range(_quarters(self.length))][::-1]
        x = nn.Dense(GRID * widths[0], kernel_init=INIT)(z)
        x = nn.relu(x).reshape(-1, GRID, widths[0])
        for width in widths[1:]:
            x = nn.relu(signal.Up(width)(x))
        return jnp.tanh(signal.Up(self.channels)(x))


class Discriminator(nn.Module):
    """From signals [b, 16 * 4^k, c] to logits [b]: quartered to 16, then a dense layer.

    `radius` is phase shuffle's, between all layers but the last (the rng "dropout"); 0
    leaves it out. Classes enter by projection.
    """

    width: int = 64
    radius: int = 2
    slope: float = 0.2
    classes: int = 0
    head: Callable[..., Callable[..., Any]] = heads.Projection

    @nn.compact
    def __call__(
        self, image: Float[Array, "b n c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, " b"]:
        sizes.check_length(
            "WaveGAN's D", sizes.length_of("WaveGAN's D", image), LENGTHS
        )
        x = image
        for i in range(_quarters(image.shape[1])):
            if i:
                x = signal.PhaseShuffle(self.radius)(x, train=train)
            x = nn.leaky_relu(signal.Down(self.width << i)(x), self.slope)
        head = self.head(self.classes, kernel_init=INIT, name="head")
        return head(x.reshape(len(x), -1), label, train=train)


def _quarters(length: int) -> int:
    """How often a signal is quartered down to 16 samples."""
    return ((length // GRID).bit_length() - 1) // 2


TINY = {
    "g": Example(partial(Generator, 256, 2, width=4), (5,)),
    "d": Example(partial(Discriminator, width=4), (256, 2)),
}
