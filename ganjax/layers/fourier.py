"""Fast Fourier convolutions (Chi et al., 2020), as in LaMa (Suvorov et al., 2021).

Channels are local or global; the last `ratio` of them are global. Global channels are
convolved in the spectrum of the image, so that the receptive field of a single layer is
the entire image. Sizes and order are those of LaMa's code without its "local Fourier unit".
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float, Int

from ganjax.layers.normalization import BatchNorm, Norm
from ganjax.ops.convolution import Conv, conv_valid


INIT = nn.initializers.variance_scaling(1 / 3, "fan_in", "uniform")  # PyTorch's default


class Block(nn.Module):
    """LaMa's residual block: x + r(r(x)), where r is an FFC, a norm and a ReLU.

    The mask is ignored; it is an argument so that the block can be used in
    `models.gated.Generator`.

    Attributes:
        features: The number of channels, of the input and the output.
        ratio: The share of them that are global.
        norm: The normalization after each FFC and within it.
    """

    features: int
    ratio: float = 0.5
    norm: Norm = BatchNorm

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
    """A convolution of local and global channels into local and global ones.

    There are four paths between the two kinds of channels. The one from global to global
    is a `SpectralTransform`, the others are 3x3 convolutions of reflected images.

    Attributes:
        features: The number of output channels.
        ratio_in: The share of the input channels that are global.
        ratio_out: The share of the output channels that are global.
        norm: The normalization within the `SpectralTransform`.
    """

    features: int
    ratio_in: float
    ratio_out: float
    norm: Norm = BatchNorm

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b h w d"]:
        global_out = int(self.features * self.ratio_out)
        local_out = self.features - global_out
        # Local channels come first, global ones after them, in every layer.
        local_in = x.shape[-1] - int(x.shape[-1] * self.ratio_in)
        x_l = x[..., :local_in]
        x_g = x[..., local_in:]

        def conv(x, features, name):
            return ReflectConv(features, name=name)(x) if x.shape[-1] else 0.0

        # Where there are no channels of a kind, the paths from and to them have no weights.
        y_l = jnp.zeros((*x.shape[:3], local_out), x.dtype)
        y_g = jnp.zeros((*x.shape[:3], global_out), x.dtype)
        if local_out:
            local_to_local = conv(x_l, local_out, "local_to_local")
            global_to_local = conv(x_g, local_out, "global_to_local")
            y_l += local_to_local + global_to_local
        if global_out:
            y_g += conv(x_l, global_out, "local_to_global")
        if global_out and x_g.shape[-1]:
            transform = SpectralTransform(
                global_out, self.norm, name="global_to_global"
            )
            y_g += transform(x_g, label, train=train)
        return jnp.concatenate([y_l, y_g], axis=-1)


class SpectralTransform(nn.Module):
    """A Fourier unit on half as many channels, with a residual connection around it.

    Attributes:
        features: The number of output channels.
        norm: The normalization before the Fourier unit and within it.
    """

    features: int
    norm: Norm = BatchNorm

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b h w d"]:
        # The 1x1 convolutions form a bottleneck, as FFTs are costly.
        half = self.features // 2
        x = Conv(half, 1, use_bias=False, kernel_init=INIT, name="first")(x)
        x = nn.relu(self.norm(name="norm")(x, label, train=train))
        x += FourierUnit(half, self.norm, name="unit")(x, label, train=train)
        return Conv(self.features, 1, use_bias=False, kernel_init=INIT, name="last")(x)


class FourierUnit(nn.Module):
    """A 1x1 convolution, a norm and a ReLU, applied to the spectrum of images.

    Each frequency is treated as a pixel, whose real and imaginary parts are alternate
    channels. The Fourier transforms are orthonormal, so that a spectrum has the magnitude
    of its image, and are computed in float32.

    Attributes:
        features: The number of output channels.
        norm: The normalization of the spectrum.
    """

    features: int
    norm: Norm = BatchNorm

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b h w d"]:
        y = jnp.fft.rfft2(x.astype(jnp.float32), axes=(1, 2), norm="ortho")
        # Complex numbers [b, h, w, c] as real ones [b, h, w, 2 c], and back.
        parts = jnp.stack([y.real, y.imag], axis=-1)
        y = parts.reshape(*y.shape[:3], -1).astype(x.dtype)
        y = Conv(2 * self.features, 1, use_bias=False, kernel_init=INIT, name="conv")(y)
        y = nn.relu(self.norm(name="norm")(y, label, train=train)).astype(jnp.float32)
        parts = y.reshape(*y.shape[:3], self.features, 2)
        y = jax.lax.complex(parts[..., 0], parts[..., 1])
        return irfft2(y, x.shape[2]).astype(x.dtype)


def irfft2(
    half_spectrum: Complex[Array, "b h _ c"], width: int
) -> Float[Array, "b h {width} c"]:
    """Computes the inverse of `jnp.fft.rfft2` as `numpy.fft.irfft2` does.

    Args:
        half_spectrum: The left half of the spectrum, of width // 2 + 1 columns.
        width: The width of the images.
    """
    rows = jnp.fft.ifft(half_spectrum, axis=1, norm="ortho")
    # Other columns have a conjugate in the right half of the spectrum; the first column,
    # and for an even width the last one, are their own, so that here they would be real if
    # the spectrum were that of an image. A network's output need not be one; libraries
    # differ in what they do with the imaginary part, which is removed here.
    columns = jnp.arange(half_spectrum.shape[2])
    is_own_conjugate = (2 * columns % width == 0).reshape(1, 1, -1, 1)
    rows = jnp.where(is_own_conjugate, rows.real, rows)
    return jnp.fft.irfft(rows, width, axis=2, norm="ortho")


class ReflectConv(nn.Module):
    """A 3x3 convolution without a bias, with padding by reflection.

    Attributes:
        features: The number of output channels.
    """

    features: int

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w d"]:
        kernel = self.param("kernel", INIT, (3, 3, x.shape[-1], self.features))
        x = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="reflect")
        return conv_valid(x, kernel)
