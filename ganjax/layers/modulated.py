"""Layers of StyleGAN2's synthesis network, in which w sets the style of convolutions.

They are those of Karras et al. (2020), section 2.2 and figure 2d.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ganjax.layers.equalized import NORMAL, Conv, Dense, lrelu
from ganjax.ops.convolution import ConvFn, conv_same


class StyledConv(nn.Module):
    """A modulated 3x3 convolution, noise of a learned strength, a bias and a leaky ReLU.

    Attributes:
        features: The number of output channels.
        conv_fn: The convolution, which may resample.
        noise_scale: Multiplies the noise besides the learned strength; 0 turns it off. The
            noise is N(0, 1) for each pixel, from the rng "noise".
    """

    features: int
    conv_fn: ConvFn = conv_same
    noise_scale: float = 1.0

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], w: Float[Array, "b w_dim"]
    ) -> Float[Array, "b H W d"]:
        # Unlike in other equalized layers, the kernel is not divided by the root of the
        # fan-in: the demodulation cancels any scale.
        kernel = self.param("kernel", NORMAL, (3, 3, x.shape[-1], self.features))
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        # At first there is no noise.
        strength = self.param("strength", nn.initializers.zeros, ())
        # Styles start around 1, so that the layer begins as an ordinary convolution.
        style = Dense(x.shape[-1], bias_init=1.0)(w)
        x = modulated_conv(x, kernel, style, self.conv_fn)
        # Noise is the same for all channels of a pixel.
        noise = jax.random.normal(self.make_rng("noise"), (*x.shape[:3], 1), x.dtype)
        x = x + self.noise_scale * strength * noise
        return lrelu(x + bias.reshape(1, 1, 1, -1))


def modulated_conv(
    x: Float[Array, "b h w c"],
    kernel: Float[Array, "p q c d"],
    style: Float[Array, "b c"],
    conv_fn: ConvFn = conv_same,
) -> Float[Array, "b H W d"]:
    """Computes convolutions whose kernel is modulated and demodulated for each image.

    With the style s of an image, its kernel is s_i w_kij / sqrt(sum_ki (s_i w_kij)^2)
    (equations 1 and 3), for pixels k of the kernel, input channels i and output channels j.
    As s scales inputs and the root scales outputs, all images share one convolution.

    Args:
        x: Images.
        kernel: The kernel w, the same for all images.
        style: The style s of each image.
        conv_fn: The convolution, which may resample.

    Returns:
        The outputs of `conv_fn`, with its sides.
    """
    # The sum over k and i, for each image and output channel.
    squares = style**2 @ jnp.sum(kernel**2, axis=(0, 1))
    x = conv_fn(x * style[:, None, None], kernel)
    return x * jax.lax.rsqrt(squares + 1e-8)[:, None, None]


class ToRGB(nn.Module):
    """A modulated 1x1 convolution to the channels of images, without demodulation.

    Attributes:
        channels: The number of channels of the images.
    """

    channels: int

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], w: Float[Array, "b w_dim"]
    ) -> Float[Array, "b h w d"]:
        style = Dense(x.shape[-1], bias_init=1.0)(w)
        return Conv(self.channels, 1)(x * style[:, None, None])
