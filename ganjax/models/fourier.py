"""Fast Fourier convolution (Chi et al., 2020), as LaMa has it (Suvorov et al., 2021).

Channels are local or global: the last `ratio` of them are global, and each of those is
changed where its whole spectrum is at hand, so that one layer sees the whole image.
Sizes and order are those of LaMa's code without its "local Fourier unit".
"""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float, Int

from ganjax.models import layers
from ganjax.models.convolution import Conv, conv


INIT = nn.initializers.variance_scaling(1 / 3, "fan_in", "uniform")
INSIDE = ((0, 0), (0, 0))  # the padding of a kernel that stays within the image


class Block(nn.Module):
    """x + r(r(x)), where r is an FFC, a norm and a ReLU: LaMa's residual block.

    It stands among `gated.Generator`'s blocks, whose mask it has no use for.
    """

    features: int
    ratio: float = 0.5
    norm: Callable[..., Callable[..., Any]] = layers.BatchNorm

    @nn.compact
    def __call__(
        self,
        x: Float[Array, "b h w c"],
        mask: Float[Array, "b h w 1"],
        label: Int[Array, " b"],
        *,
        train: bool,
    ) -> Float[Array, "b h w c"]:
        y = x
        for _ in range(2):
            layer = FFC(self.features, self.ratio, self.ratio, self.norm)
            y = self.norm()(layer(y, label, train=train), label, train=train)
            y = nn.relu(y)
        return x + y


class FFC(nn.Module):
    """The four ways between local and global channels (Chi et al., 2020).

    `ratio_in` and `ratio_out` say what share of the channels is global. All are 3x3
    convolutions of images mirrored at their borders, but for the way from global to
    global, a `SpectralTransform`.
    """

    features: int
    ratio_in: float
    ratio_out: float
    norm: Callable[..., Callable[..., Any]] = layers.BatchNorm

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b h w d"]:
        wide = int(self.features * self.ratio_out)
        near = self.features - wide
        local = x.shape[-1] - int(x.shape[-1] * self.ratio_in)
        x_l, x_g = x[..., :local], x[..., local:]

        def way(x, features, name):
            return Mirrored(features, name=name)(x) if x.shape[-1] else 0.0

        y_l = jnp.zeros((*x.shape[:3], near), x.dtype)
        y_g = jnp.zeros((*x.shape[:3], wide), x.dtype)
        if near:
            y_l += way(x_l, near, "local_to_local") + way(x_g, near, "global_to_local")
        if wide:
            y_g += way(x_l, wide, "local_to_global")
        if wide and x_g.shape[-1]:
            among = SpectralTransform(wide, self.norm, name="global_to_global")
            y_g += among(x_g, label, train=train)
        return jnp.concatenate([y_l, y_g], axis=-1)


class SpectralTransform(nn.Module):
    """A Fourier unit on half of the channels, with a way past it."""

    features: int
    norm: Callable[..., Callable[..., Any]] = layers.BatchNorm

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b h w d"]:
        half = self.features // 2
        x = Conv(half, 1, use_bias=False, kernel_init=INIT, name="first")(x)
        x = nn.relu(self.norm(name="norm")(x, label, train=train))
        x += FourierUnit(half, self.norm, name="unit")(x, label, train=train)
        return Conv(self.features, 1, use_bias=False, kernel_init=INIT, name="last")(x)


class FourierUnit(nn.Module):
    """A 1x1 convolution, norm and ReLU of the spectrum, each frequency a pixel.

    Real and imaginary parts are channels, in turn. Transforms are orthonormal, so that a
    spectrum is as large as its image, and in float32.
    """

    features: int
    norm: Callable[..., Callable[..., Any]] = layers.BatchNorm

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b h w d"]:
        y = jnp.fft.rfft2(x.astype(jnp.float32), axes=(1, 2), norm="ortho")
        parts = jnp.stack([y.real, y.imag], axis=-1)
        y = parts.reshape(*y.shape[:3], -1).astype(x.dtype)
        y = Conv(2 * self.features, 1, use_bias=False, kernel_init=INIT, name="conv")(y)
        y = nn.relu(self.norm(name="norm")(y, label, train=train)).astype(jnp.float32)
        parts = y.reshape(*y.shape[:3], self.features, 2)
        y = jax.lax.complex(parts[..., 0], parts[..., 1])
        return image(y, x.shape[2]).astype(x.dtype)


def image(half: Complex[Array, "b h _ c"], width: int) -> Float[Array, "b h {width} c"]:
    """The image whose spectrum's left half this is, as `numpy.fft.irfft2` has it.

    Where a column stands for itself alone, only what an image can have of it counts;
    libraries for GPUs may take any of the rest.
    """
    rows = jnp.fft.ifft(half, axis=1, norm="ortho")
    alone = (2 * jnp.arange(half.shape[2]) % width == 0).reshape(1, 1, -1, 1)
    rows = jnp.where(alone, rows.real, rows)
    return jnp.fft.irfft(rows, width, axis=2, norm="ortho")


class Mirrored(nn.Module):
    """A 3x3 convolution of images that go on as their own mirror, without a bias."""

    features: int

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w d"]:
        kernel = self.param("kernel", INIT, (3, 3, x.shape[-1], self.features))
        x = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="reflect")
        return conv(x, kernel, INSIDE)
