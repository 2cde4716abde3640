"""Layers with an equalized learning rate (Karras et al., 2018, section 4.1).

Weights are stored as drawn from N(0, 1) and divided at run time by the root of their
fan-in, by which initializers such as that of He et al. (2015) divide them once. As Adam's
steps do not depend on the scale of the gradient, all layers then learn at the same speed.
Progressive growing and StyleGAN 1 to 3 are made of these layers.
"""

from math import prod, sqrt

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ganjax.ops import filters
from ganjax.ops.convolution import (
    NO_PADDING,
    ConvFn,
    conv,
    conv_same,
    conv_transpose,
)


NORMAL = nn.initializers.normal(1.0)  # the initializer of all stored weights


def upsample_conv(
    x: Float[Array, "b h w c"], kernel: Float[Array, "3 3 c d"]
) -> Float[Array, "b H W d"]:
    """Doubles the sides of images: a transposed convolution of stride 2, then a low-pass.

    The filter's taps add up to 2 along each axis, which makes up for the zeros that the
    transposed convolution inserts between the pixels.
    """
    # The transposed convolution makes sides of 2 h + 1, and the blur with its four taps and
    # a padding of 1 makes them one pixel shorter.
    x = conv_transpose(x, kernel.swapaxes(2, 3), NO_PADDING, (2, 2))
    return filters.blur(x, (1, 1), tap_sum=2.0)


def conv_downsample(
    x: Float[Array, "b h w c"], kernel: Float[Array, "3 3 c d"]
) -> Float[Array, "b H W d"]:
    """Halves the sides of images: a low-pass filter, then a convolution of stride 2."""
    return conv(filters.blur(x, (2, 2)), kernel, NO_PADDING, (2, 2))


class Conv(nn.Module):
    """A layer of a square convolution with an equalized learning rate.

    Attributes:
        features: The number of output channels.
        size: The side of the kernel in pixels.
        use_bias: Whether a bias is added.
        conv_fn: The convolution itself, which sets padding and stride; the default keeps
            the sides of the images.
    """

    features: int
    size: int = 3
    use_bias: bool = True
    conv_fn: ConvFn = conv_same

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b H W d"]:
        shape = (self.size, self.size, x.shape[-1], self.features)
        kernel = self.param("kernel", NORMAL, shape)
        fan_in = prod(shape[:3])
        x = self.conv_fn(x, kernel / sqrt(fan_in))
        if not self.use_bias:
            return x
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        return x + bias.reshape(1, 1, 1, -1)


class Dense(nn.Module):
    """A fully connected layer with an equalized learning rate and a bias.

    Attributes:
        features: The number of outputs.
        lr_multiplier: The learning rate relative to that of other layers. Weights and
            biases are stored divided by it and multiplied by it at run time.
        bias_init: The initial bias, one number or one for each output.
        weight_init: The standard deviation of the initial weights, before the division by
            the root of the fan-in.
    """

    features: int
    lr_multiplier: float = 1.0
    bias_init: float | tuple[float, ...] = 0.0
    weight_init: float = 1.0

    @nn.compact
    def __call__(self, x: Float[Array, "b c"]) -> Float[Array, "b d"]:
        inputs = x.shape[-1]
        # Adam's step of the stored weights is the same for all layers; multiplied by
        # `rate`, it moves the weights in use that much less.
        rate = self.lr_multiplier
        kernel_init = nn.initializers.normal(self.weight_init / rate)
        kernel = self.param("kernel", kernel_init, (inputs, self.features))
        bias_init = nn.initializers.constant(np.asarray(self.bias_init) / rate)
        bias = self.param("bias", bias_init, (self.features,))
        return x @ (kernel * (rate / sqrt(inputs))) + rate * bias[None]


def lrelu(x: Float[Array, "b ..."]) -> Float[Array, "b ..."]:
    """Computes the leaky ReLU times sqrt(2), which nearly keeps the mean square of x."""
    return nn.leaky_relu(x, 0.2) * sqrt(2)


def pixel_norm(x: Float[Array, "b *n c"]) -> Float[Array, "b *n c"]:
    """Scales vectors, or the features of each pixel, to a mean square of 1."""
    return x / jnp.sqrt(jnp.mean(x**2, axis=-1, keepdims=True) + 1e-8)
