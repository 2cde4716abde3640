"""Layers for signals [b, n, c]: those of WaveGAN (Donahue et al., 2019) and of vocoders.

To the convolutions of `ganjax.ops` a signal is an image of one row.
"""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ganjax.ops.convolution import ConvFn, conv, conv_transpose, same_padding


STRIDE = 4  # the factor by which WaveGAN's layers change the length of a signal
ONE_ROW = (0, 0)  # the padding of the rows of a signal, which is an image of one
# PyTorch's usual kernels, uniform with a variance of 1 / (3 fan_in); it takes the outputs
# of a transposed convolution for its inputs.
PYTORCH_INIT = nn.initializers.variance_scaling(1 / 3, "fan_in", "uniform")
PYTORCH_TRANSPOSED_INIT = nn.initializers.variance_scaling(1 / 3, "fan_out", "uniform")


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


class Conv(nn.Module):
    """A convolution with a bias and zero padding, after which n samples are n / stride.

    Attributes:
        features: The number of output channels.
        size: The number of taps of the kernel, an odd number.
        stride: The step between outputs.
        rate: The dilation, the step between taps; 1 where there is a stride.
        groups: The number of groups of channels, of which each sees only itself.
        kernel_init: The initializer of the kernel [size, c / groups, features].
    """

    features: int
    size: int
    stride: int = 1
    rate: int = 1
    groups: int = 1
    kernel_init: nn.initializers.Initializer = PYTORCH_INIT

    @nn.compact
    def __call__(self, x: Float[Array, "b n c"]) -> Float[Array, "b N d"]:
        shape = (self.size, x.shape[-1] // self.groups, self.features)
        kernel = self.param("kernel", self.kernel_init, shape)
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        if self.rate > 1:
            y = dilated(x, kernel, self.rate)
        else:
            padding = (ONE_ROW, same_padding(self.size))
            stride = (1, self.stride)
            y = conv(x[:, None], kernel[None], padding, stride, self.groups)[:, 0]
        return y + bias.reshape(1, 1, -1)


class Upsample(nn.Module):
    """A transposed convolution with a bias that makes signals `stride` times longer.

    Attributes:
        features: The number of output channels.
        stride: The factor.
        size: The number of taps of the kernel, `stride` plus an even number.
        kernel_init: The initializer of the kernel [size, c, features].
    """

    features: int
    stride: int
    size: int
    kernel_init: nn.initializers.Initializer = PYTORCH_TRANSPOSED_INIT

    @nn.compact
    def __call__(self, x: Float[Array, "b n c"]) -> Float[Array, "b N d"]:
        shape = (self.size, x.shape[-1], self.features)
        kernel = self.param("kernel", self.kernel_init, shape)
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        # The padding of the convolution that is transposed is cut off its output.
        cut = (self.size - self.stride) // 2
        of_convolution = kernel[None].swapaxes(2, 3)
        padding = (ONE_ROW, (cut, cut))
        y = conv_transpose(x[:, None], of_convolution, padding, (1, self.stride))[:, 0]
        return y + bias.reshape(1, 1, -1)


def dilated(
    x: Float[Array, "b n c"], kernel: Float[Array, "k c d"], rate: int
) -> Float[Array, "b n d"]:
    """Computes a dilated convolution that keeps the length, with zero padding.

    It is an ordinary convolution of `rate` shorter signals, each of every `rate`-th sample,
    which are the rows of an image.

    Args:
        x: The signals.
        kernel: A kernel of an odd number of taps, without the zeros between them.
        rate: The step between taps.
    """
    b, n, c = x.shape
    columns = -(-n // rate)
    x = jnp.pad(x, ((0, 0), (0, columns * rate - n), (0, 0)))
    rows = x.reshape(b, columns, rate, c).swapaxes(1, 2)
    y = conv(rows, kernel[None], (ONE_ROW, same_padding(len(kernel))))
    return y.swapaxes(1, 2).reshape(b, columns * rate, -1)[:, :n]


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
