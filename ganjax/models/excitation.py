"""The layers of FastGAN (Liu et al., 2021): skip-layer excitation and what is beside it."""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Shaped

from ganjax.models import layers
from ganjax.models.convolution import Conv
from ganjax.models.projected import INIT, Square
from ganjax.models.resnet import double, halve


Wrap = Callable[[nn.Module], Callable[..., Any]]


class Excitation(nn.Module):
    """Coarse features say how much of each channel of the fine ones passes (figure 3).

    The coarse ones, seen as 4x4, become one number for each channel; equation 1.
    """

    wrap: Wrap
    kernel_init: Callable[..., Array] = INIT

    @nn.compact
    def __call__(
        self,
        coarse: Float[Array, "b h w c"],
        fine: Float[Array, "b H W d"],
        *,
        train: bool,
    ) -> Float[Array, "b H W d"]:
        width = fine.shape[-1]
        seen = shrink(coarse, 4)
        seen = self.wrap(Square(width, self.kernel_init))(seen, train=train)
        last = Conv(width, 1, use_bias=False, kernel_init=self.kernel_init)
        return fine * nn.sigmoid(self.wrap(last)(nn.swish(seen), train=train))


class UpBlock(nn.Module):
    """Doubled, then so often: 3x3, noise, norm, and a half that gates the other (GLU).

    `strengths` says how many strengths of the noise there are: as many as convolutions,
    or one for all, or 0 for no noise. `label` is what the norms want to know.
    """

    width: int
    norm: Callable[..., Callable[..., Any]]
    wrap: Wrap
    convs: int
    strengths: int
    kernel_init: Callable[..., Array] = INIT

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], label: Shaped[Array, "b *e"], *, train: bool
    ) -> Float[Array, "b H W d"]:
        noises = [Noise() for _ in range(self.strengths)]
        x = double(x)
        for i in range(self.convs):
            layer = Conv(2 * self.width, use_bias=False, kernel_init=self.kernel_init)
            x = self.wrap(layer)(x, train=train)
            if noises:
                x = noises[i % len(noises)](x)
            x = nn.glu(self.norm()(x, label, train=train))
        return x


class DownBlock(nn.Module):
    """Halved by a 4x4 and a 3x3, beside it by means and a 1x1; the mean of both."""

    width: int
    norm: Callable[..., Callable[..., Any]]
    wrap: Wrap
    kernel_init: Callable[..., Array] = INIT

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b H W d"]:
        def act(layer, x):
            x = self.wrap(layer)(x, train=train)
            return nn.leaky_relu(self.norm()(x, label, train=train), 0.2)

        def conv(size):
            return Conv(self.width, size, False, self.kernel_init)

        h = act(layers.Down(self.width, kernel_init=self.kernel_init), x)
        return (act(conv(3), h) + act(conv(1), halve(x))) / 2


class OwnBatch(nn.Module):
    """Batch norm by the images at hand, in evaluation, too: nothing is kept."""

    epsilon: float = 1e-5
    gain_init: Callable[..., Array] = nn.initializers.zeros

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b h w c"]:
        gain = 1 + self.param("gain", self.gain_init, x.shape[-1:])
        bias = self.param("bias", nn.initializers.zeros, x.shape[-1:])
        mean = jnp.mean(x, (0, 1, 2))
        variance = jnp.var(x, (0, 1, 2))
        scale = gain * jax.lax.rsqrt(variance + self.epsilon)
        over = lambda row: row.reshape(1, 1, 1, -1)
        return (x - over(mean)) * over(scale) + over(bias)


class Noise(nn.Module):
    """Adds a number for each pixel, N(0, 1) of the rng "noise", of a learned strength."""

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
        strength = self.param("strength", nn.initializers.zeros, ())
        noise = jax.random.normal(self.make_rng("noise"), (*x.shape[:3], 1), x.dtype)
        return x + strength * noise


class Start(nn.Module):
    """From z to 4x4 pixels, as PyTorch has it in a transposed convolution.

    So its weights are drawn, and so spectral norm sees them: as a matrix [16 z, d].
    """

    features: int

    @nn.compact
    def __call__(self, z: Float[Array, "b z"]) -> Float[Array, "b 4 4 d"]:
        init = nn.initializers.variance_scaling(
            1 / 3, "fan_in", "uniform", in_axis=(0, 1, 3), out_axis=2
        )
        kernel = self.param("kernel", init, (4, 4, z.shape[-1], self.features))
        return jnp.einsum("bz,ijzd->bijd", z, kernel)


def shrink(x: Float[Array, "b h w c"], side: int) -> Float[Array, "b n n c"]:
    """Means of squares, as many as make an image of `side`."""
    b, h, w, c = x.shape
    return x.reshape(b, side, h // side, side, w // side, c).mean((2, 4))
