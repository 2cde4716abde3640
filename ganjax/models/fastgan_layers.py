"""The building blocks of FastGAN (Liu et al., 2021): skip-layer excitation and others."""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Shaped

from ganjax.layers import resampling
from ganjax.layers.normalization import Norm
from ganjax.layers.spectral_norm import Wrap
from ganjax.models.projected import INIT, ValidConv
from ganjax.models.resnet import double, halve
from ganjax.ops.convolution import Conv


class Excitation(nn.Module):
    """Skip-layer excitation (figure 3): coarse features gate the channels of fine ones.

    Computes fine * F(coarse) (equation 1), where F pools to 4x4 and makes one number in
    0..1 for each channel of the fine feature maps.

    Attributes:
        wrap: spectral norm of the two convolutions, or `identity_wrap`.
        kernel_init: initializer of the two convolutions.
    """

    wrap: Wrap
    kernel_init: nn.initializers.Initializer = INIT

    @nn.compact
    def __call__(
        self,
        coarse: Float[Array, "b h w c"],
        fine: Float[Array, "b H W d"],
        *,
        train: bool,
    ) -> Float[Array, "b H W d"]:
        width = fine.shape[-1]
        # The names are those that the parameters have in checkpoints.
        first = ValidConv(width, self.kernel_init, name="Square_0")
        last = Conv(width, 1, use_bias=False, kernel_init=self.kernel_init)
        # [b, 4, 4, c], then 1x1 by a 4x4 kernel without padding: one number for each
        # channel.
        pooled = average_pool(coarse, 4)
        hidden = nn.swish(self.wrap(first)(pooled, train=train))
        return fine * nn.sigmoid(self.wrap(last)(hidden, train=train))


class UpBlock(nn.Module):
    """Doubles the side; then `convs` times a 3x3 convolution, noise, a norm and a GLU.

    Attributes:
        width: channels of the output; the convolutions make twice as many for the GLU.
        norm: makes a norm, called as `norm()(x, label, train=train)`.
        wrap: spectral norm, or `identity_wrap`.
        convs: number of convolutions.
        noise_strengths: number of learned strengths of the noise: `convs`, or 1 for all
            convolutions, or 0 for no noise.
        kernel_init: initializer of the convolutions.
    """

    width: int
    norm: Norm
    wrap: Wrap
    convs: int
    noise_strengths: int
    kernel_init: nn.initializers.Initializer = INIT

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], label: Shaped[Array, "b *e"], *, train: bool
    ) -> Float[Array, "b H W d"]:
        # Made first, as Flax numbers modules in the order in which they are made.
        noises = [Noise() for _ in range(self.noise_strengths)]
        x = double(x)
        for i in range(self.convs):
            # Twice the channels, of which the GLU leaves half.
            layer = Conv(2 * self.width, use_bias=False, kernel_init=self.kernel_init)
            x = self.wrap(layer)(x, train=train)
            if noises:
                # With one strength, both convolutions share it.
                x = noises[i % len(noises)](x)
            x = nn.glu(self.norm()(x, label, train=train))
        return x


class DownBlock(nn.Module):
    """Halves the side on two paths and averages them.

    One path is a strided 4x4 and a 3x3 convolution, the other a 2x2 mean and a 1x1.

    Attributes:
        width: channels of the output.
        norm: makes a norm, called as `norm()(x, label, train=train)`.
        wrap: spectral norm, or `identity_wrap`.
        kernel_init: initializer of the convolutions.
    """

    width: int
    norm: Norm
    wrap: Wrap
    kernel_init: nn.initializers.Initializer = INIT

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b H W d"]:
        def act(layer, x):
            x = self.wrap(layer)(x, train=train)
            return nn.leaky_relu(self.norm()(x, label, train=train), 0.2)

        def conv(size):
            return Conv(self.width, size, False, self.kernel_init)

        h = act(resampling.Down(self.width, kernel_init=self.kernel_init), x)
        return (act(conv(3), h) + act(conv(1), halve(x))) / 2


class BatchStatsNorm(nn.Module):
    """Batch norm without running averages: evaluation uses the batch's statistics, too.

    Attributes:
        epsilon: added to the variance.
        gain_init: initializer of the gains' difference from 1.
    """

    epsilon: float = 1e-5
    gain_init: nn.initializers.Initializer = nn.initializers.zeros

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b h w c"]:
        gain = 1 + self.param("gain", self.gain_init, x.shape[-1:])
        bias = self.param("bias", nn.initializers.zeros, x.shape[-1:])
        mean = jnp.mean(x, (0, 1, 2))
        variance = jnp.var(x, (0, 1, 2))
        scale = gain * jax.lax.rsqrt(variance + self.epsilon)

        def per_channel(vector):
            return vector.reshape(1, 1, 1, -1)

        return (x - per_channel(mean)) * per_channel(scale) + per_channel(bias)


class Noise(nn.Module):
    """Adds N(0, 1) noise, the same for all channels of a pixel, times a learned strength.

    It needs the rng "noise".
    """

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
        strength = self.param("strength", nn.initializers.zeros, ())
        noise = jax.random.normal(self.make_rng("noise"), (*x.shape[:3], 1), x.dtype)
        return x + strength * noise


class Start(nn.Module):
    """Maps z [b, z] to feature maps [b, 4, 4, d] by a dense layer without bias.

    It equals a 4x4 transposed convolution of one pixel, which the authors use. As there,
    the fan-in by which weights are initialized is 16 d, and spectral norm sees the weights
    as a matrix [16 z, d].

    Attributes:
        features: channels of the feature maps, d.
    """

    features: int

    @nn.compact
    def __call__(self, z: Float[Array, "b z"]) -> Float[Array, "b 4 4 d"]:
        init = nn.initializers.variance_scaling(
            1 / 3, "fan_in", "uniform", in_axis=(0, 1, 3), out_axis=2
        )
        kernel = self.param("kernel", init, (4, 4, z.shape[-1], self.features))
        return jnp.einsum("bz,ijzd->bijd", z, kernel)


def average_pool(x: Float[Array, "b h w c"], side: int) -> Float[Array, "b n n c"]:
    """Averages equal squares of pixels, so that maps of `side` x `side` remain."""
    b, h, w, c = x.shape
    return x.reshape(b, side, h // side, side, w // side, c).mean((2, 4))
