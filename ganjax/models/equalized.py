"""Layers with an equalised learning rate (Karras et al., 2018, section 4.1).

Weights are stored as drawn from N(0, 1) and divided at run time by the root of their
fan-in, as He et al. (2015) would have drawn them; so Adam moves all layers at one speed.
"""

from collections.abc import Callable
from math import prod, sqrt

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ganjax.models import filters
from ganjax.models.convolution import conv, conv_transpose, same


NONE = ((0, 0), (0, 0))
NORMAL = nn.initializers.normal(1.0)


def keep(
    x: Float[Array, "b h w c"], kernel: Float[Array, "k k c d"]
) -> Float[Array, "b h w d"]:
    """The convolution that keeps the images' sides."""
    side = same(len(kernel))
    return conv(x, kernel, (side, side))


def grow(
    x: Float[Array, "b h w c"], kernel: Float[Array, "3 3 c d"]
) -> Float[Array, "b H W d"]:
    """Doubles the sides: a transposed convolution of stride 2, then the filter.

    The filter's gain of 4 makes up for the zeros between the pixels.
    """
    x = conv_transpose(x, kernel.swapaxes(2, 3), NONE, (2, 2))
    return filters.blur(x, (1, 1), total=2.0)


def shrink(
    x: Float[Array, "b h w c"], kernel: Float[Array, "3 3 c d"]
) -> Float[Array, "b H W d"]:
    """Halves the sides: the filter, then a convolution of stride 2."""
    return conv(filters.blur(x, (2, 2)), kernel, NONE, (2, 2))


class Conv(nn.Module):
    """A square convolution, with a bias by default."""

    features: int
    size: int = 3
    use_bias: bool = True
    by: Callable[[Array, Array], Array] = keep

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b H W d"]:
        shape = (self.size, self.size, x.shape[-1], self.features)
        kernel = self.param("kernel", NORMAL, shape)
        x = self.by(x, kernel / sqrt(prod(shape[:3])))
        if not self.use_bias:
            return x
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        return x + bias.reshape(1, 1, 1, -1)


class Dense(nn.Module):
    """A fully connected layer whose learning rate is `rate` times the others'."""

    features: int
    rate: float = 1.0
    bias: float | tuple[float, ...] = 0.0  # at first, one or one for each feature
    scale: float = 1.0  # of the weights at first

    @nn.compact
    def __call__(self, x: Float[Array, "b c"]) -> Float[Array, "b d"]:
        inputs, init = x.shape[-1], nn.initializers.normal(self.scale / self.rate)
        kernel = self.param("kernel", init, (inputs, self.features))
        start = nn.initializers.constant(np.asarray(self.bias) / self.rate)
        bias = self.param("bias", start, (self.features,))
        return x @ (kernel * (self.rate / sqrt(inputs))) + self.rate * bias[None]


def lrelu(x: Float[Array, "b ..."]) -> Float[Array, "b ..."]:
    """The leaky ReLU times sqrt(2), which keeps a normal's second moment, nearly."""
    return nn.leaky_relu(x, 0.2) * sqrt(2)


def normalise(x: Float[Array, "b *n c"]) -> Float[Array, "b *n c"]:
    """Rows, or the pixels of images, of mean square 1."""
    return x / jnp.sqrt(jnp.mean(x**2, axis=-1, keepdims=True) + 1e-8)
