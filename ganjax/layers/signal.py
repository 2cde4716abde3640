"""Layers for signals [b, n, c], as in WaveGAN (Donahue et al., 2019).

To the convolutions of `ganjax.ops` a signal is an image of one row.
"""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ganjax.ops.convolution import ConvFn, conv, conv_transpose


STRIDE = 4  # the factor by which each layer changes the length of a signal


def up(
    x: Float[Array, "b n c"], kernel: Float[Array, "k c d"]
) -> Float[Array, "b N d"]:
    """Computes a transposed convolution of stride 4, from [b, n, c] to [b, 4 n, d].

    The kernel is laid out as that of `jax.lax.conv_transpose`.
    """
    # `conv_transpose` takes the kernel of the convolution that it transposes, which is
    # mirrored and maps d channels to c.
    mirrored = kernel[None, ::-1].swapaxes(2, 3)
    padding = _padding(len(kernel))
    return conv_transpose(x[:, None], mirrored, padding, (1, STRIDE))[:, 0]


def down(
    x: Float[Array, "b n c"], kernel: Float[Array, "k c d"]
) -> Float[Array, "b N d"]:
    """Computes a convolution of stride 4, from [b, 4 n, c] to [b, n, d]."""
    padding = _padding(len(kernel))
    return conv(x[:, None], kernel[None], padding, (1, STRIDE))[:, 0]


def _padding(size: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Returns the padding with which a length of 4 n becomes one of n."""
    after = (size - STRIDE) // 2
    return (0, 0), (size - STRIDE - after, after)


class Resample(nn.Module):
    """A convolution with a bias that makes signals four times longer or shorter.

    Attributes:
        features: The number of output channels.
        conv_fn: `up` or `down`.
        size: The number of taps of the kernel.
        kernel_init: The initializer of the kernel [size, c, features].
    """

    features: int
    conv_fn: ConvFn
    size: int = 25
    kernel_init: nn.initializers.Initializer = nn.initializers.glorot_uniform()

    @nn.compact
    def __call__(self, x: Float[Array, "b n c"]) -> Float[Array, "b N d"]:
        shape = (self.size, x.shape[-1], self.features)
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        kernel = self.param("kernel", self.kernel_init, shape)
        return self.conv_fn(x, kernel) + bias.reshape(1, 1, -1)


Up = partial(Resample, conv_fn=up)
Down = partial(Resample, conv_fn=down)


class PhaseShuffle(nn.Module):
    """Shifts each signal by a random number of samples (Donahue et al., 2019, section 3.3).

    The shift is uniform in -radius..radius, from the rng "dropout", and the gap at the end
    that it leaves is filled by reflection. Like dropout, the layer acts in training only.

    Attributes:
        radius: The largest shift, in samples.
    """

    radius: int

    @nn.compact
    def __call__(
        self, x: Float[Array, "b n c"], *, train: bool
    ) -> Float[Array, "b n c"]:
        r = self.radius
        if not (r and train):
            return x
        # Position r of the padded signal is where the signal itself begins.
        start = jax.random.randint(self.make_rng("dropout"), (len(x),), 0, 2 * r + 1)
        padded = jnp.pad(x, ((0, 0), (r, r), (0, 0)), mode="reflect")
        crop = partial(jax.lax.dynamic_slice_in_dim, slice_size=x.shape[1])
        return jax.vmap(crop)(padded, start)
