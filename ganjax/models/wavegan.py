"""WaveGAN (Donahue et al., 2019): DCGAN in one dimension, for raw audio.

As in the paper's tables 3 and 4 and the authors' code: kernels of length 25 and strides of
4, no normalization, phase shuffle between D's layers, Glorot initialization. Signals are
[b, n, c] in -1..1. Convolutions are padded by one sample more before than after; TensorFlow
does it the other way round. So the networks are the authors' with time reversed.
"""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ganjax.layers import heads, signal, sizes
from ganjax.layers.example import Example


INIT = nn.initializers.glorot_uniform()
GRID = 16  # samples of the coarsest feature map
LENGTHS = sizes.geometric(4 * GRID, 4)


class Generator(nn.Module):
    """Maps z to signals: a dense layer to 16 samples, then layers of four times the length.

    Classes enter as a one-hot label, concatenated with z; the paper has none.

    Attributes:
        length: samples of the signals, 16 * 4^k.
        channels: channels of the signals.
        width: channels at a quarter of the length (the paper's d). Each shorter feature map
            has twice as many as the next.
        classes: number of classes, 0 for an unconditional generator.
    """

    length: int = 16384
    channels: int = 1
    width: int = 64
    classes: int = 0

    @nn.compact
    def __call__(
        self, z: Float[Array, "b z"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b n c"]:
        # Without classes the one-hot label has no columns.
        one_hot = jax.nn.one_hot(label, self.classes, dtype=z.dtype)
        z = jnp.concatenate([z, one_hot], axis=-1)
        sizes.check_length("WaveGAN's G", self.length, LENGTHS)
        first, *widths = [
            self.width << i for i in reversed(range(_quarters(self.length)))
        ]
        # A feature map of 16 samples, then one layer for each factor of four.
        x = nn.Dense(GRID * first, kernel_init=INIT)(z)
        x = nn.relu(x).reshape(-1, GRID, first)
        for width in widths:
            x = nn.relu(signal.Up(width)(x))
        return jnp.tanh(signal.Up(self.channels)(x))


class Discriminator(nn.Module):
    """Maps signals [b, 16 * 4^k, c] to logits [b]: strided layers, then a dense one.

    Classes enter by projection.

    Attributes:
        width: channels of the first layer; each further layer has twice as many.
        radius: largest shift of phase shuffle, in samples, between all layers but the last
            (the rng "dropout"); 0 for none.
        slope: slope of the leaky ReLU.
        classes: number of classes, 0 for an unconditional discriminator.
        head: makes the last layer; see `ganjax.layers.heads`.
    """

    width: int = 64
    radius: int = 2
    slope: float = 0.2
    classes: int = 0
    head: heads.Head = heads.Projection

    @nn.compact
    def __call__(
        self, image: Float[Array, "b n c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, " b"]:
        sizes.check_length(
            "WaveGAN's D", sizes.length_of("WaveGAN's D", image), LENGTHS
        )
        x = image
        for i in range(_quarters(image.shape[1])):
            # Phase shuffle keeps D from judging by the phase of checkerboard artifacts.
            if i:
                x = signal.PhaseShuffle(self.radius)(x, train=train)
            x = nn.leaky_relu(signal.Down(self.width << i)(x), self.slope)
        # [b, 16, c] to [b, 16 c].
        head = self.head(self.classes, kernel_init=INIT, name="head")
        return head(x.reshape(len(x), -1), label, train=train)


def _quarters(length: int) -> int:
    """Returns how often a signal of this length is quartered down to 16 samples."""
    return ((length // GRID).bit_length() - 1) // 2


TINY = {
    "g": Example(partial(Generator, 256, 2, width=4), (5,)),
    "d": Example(partial(Discriminator, width=4), (256, 2)),
}
