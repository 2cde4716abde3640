"""The layers of StyleGAN2's synthesis network: convolutions of which w sets the style.

Karras et al. (2020), section 2.2 and figure 2d.
"""

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ganjax.models.equalized import NORMAL, Conv, Dense, keep, lrelu


class StyledConv(nn.Module):
    """A modulated 3x3 convolution, noise of a learned strength, a bias, the leaky ReLU.

    The noise is one number for each pixel, from the rng "noise", of deviation `noise`.
    """

    features: int
    by: Callable[[Array, Array], Array] = keep
    noise: float = 1.0

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], w: Float[Array, "b w_dim"]
    ) -> Float[Array, "b H W d"]:
        kernel = self.param("kernel", NORMAL, (3, 3, x.shape[-1], self.features))
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        strength = self.param("strength", nn.initializers.zeros, ())
        x = modulated(x, kernel, Dense(x.shape[-1], bias=1.0)(w), self.by)
        noise = jax.random.normal(self.make_rng("noise"), (*x.shape[:3], 1), x.dtype)
        x = x + self.noise * strength * noise
        return lrelu(x + bias.reshape(1, 1, 1, -1))


def modulated(
    x: Float[Array, "b h w c"],
    kernel: Float[Array, "k k c d"],
    style: Float[Array, "b c"],
    by: Callable[[Array, Array], Array] = keep,
) -> Float[Array, "b H W d"]:
    """The convolution with each row's own kernel, modulated and demodulated.

    Row b's is s_bi w_kij / sqrt(sum_ki (s_bi w_kij)^2), equations 1 and 3. As s scales
    what goes in and the root what comes out, all rows share one convolution.
    """
    squares = style**2 @ jnp.sum(kernel**2, axis=(0, 1))
    x = by(x * style[:, None, None], kernel)
    return x * jax.lax.rsqrt(squares + 1e-8)[:, None, None]


class ToRGB(nn.Module):
    """A modulated 1x1 convolution to the channels of images, without demodulation."""

    channels: int

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], w: Float[Array, "b w_dim"]
    ) -> Float[Array, "b h w d"]:
        style = Dense(x.shape[-1], bias=1.0)(w)
        return Conv(self.channels, 1)(x * style[:, None, None])
