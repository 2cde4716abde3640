"""StyleGAN3 (Karras et al., 2021): an alias-free generator.

When the Fourier features that G starts from are moved, all of the image moves with them,
including details. `Generator` is configuration T, equivariant to translation; `GeneratorR`
is configuration R, equivariant to rotation too. D is StyleGAN2's.

A layer's feature map is a sampled continuous signal, of a frequency band that `Stage`
gives: its sampling rate, cutoff and transition band, and its size, which includes a margin
beyond the borders of the image. `plan_stages` chooses them. The nonlinearity is applied at
a higher sampling rate between two low-pass filters (`ganjax.layers.filtered`).

All default numbers are those of the released networks. In half precision the Fourier
features are still computed in float32.
"""

from functools import partial
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ganjax.errors import UsageError
from ganjax.layers import filtered, sizes
from ganjax.layers.equalized import NORMAL, Conv, Dense
from ganjax.layers.example import Example
from ganjax.layers.filtered import CLAMP, Band, Downsample, filtered_lrelu
from ganjax.layers.modulated import ToRGB, modulated_conv
from ganjax.models.stylegan2 import Discriminator, Mapping
from ganjax.ops.convolution import conv


FIRST_CUTOFF = 2.0  # cycles per image
FIRST_STOPBAND = 2**2.1  # cycles per image
LAST_STOPBAND = 2**0.3  # times the last cutoff
# How many of the last layers are critically sampled, at just twice their cutoff.
CRITICAL_LAYERS = 2
OUTPUT_SCALE = 0.25
IDENTITY = np.eye(2, 3, dtype=np.float32)  # the transform that moves nothing


class Generator(nn.Module):
    """Maps z to images; nothing keeps them within -1..1.

    A call composes the methods `mapping` and `synthesis`, as StyleGAN2's does.

    Attributes:
        size: side of the images, a power of two.
        channels: channels of the images.
        width: largest number of channels of a layer.
        base: layers of cutoff f have min(base / 2f, width) channels.
        w_dim: length of w.
        depth: layers of the mapping network.
        classes: number of classes, 0 for an unconditional generator.
        decay: decay of the moving average of w, per training step.
        psi: truncation at evaluation: w is replaced by mean + psi (w - mean).
        layers: convolutions, not counting the one of the Fourier features and the last one,
            to RGB.
        margin: pixels of feature maps beyond each border of the image, at every rate.
        kernel: side of the convolutions' kernels.
        downsample: the low-pass filter after the nonlinearity.
        magnitude_decay: decay of the moving averages that normalize each layer's input. The
            authors train with 0.5^(batch / 20000).
    """

    size: int = 256
    channels: int = 3
    width: int = 512
    base: int = 32768
    w_dim: int = 512
    depth: int = 2
    classes: int = 0
    decay: float = 0.998
    psi: float = 1.0
    layers: int = 14
    margin: int = 10
    kernel: int = 3
    downsample: Downsample = filtered.downsample_separable
    magnitude_decay: float = 0.999

    def setup(self):
        self.f = Mapping(self.w_dim, self.depth, self.classes, self.decay, self.psi)
        self.g = Synthesis(
            self.channels,
            self.stages,
            self.kernel,
            self.downsample,
            self.magnitude_decay,
        )

    @property
    def stages(self) -> "tuple[Stage, ...]":
        """The feature map that each layer outputs: see `plan_stages`."""
        return plan_stages(self.size, self.layers, self.margin, self.width, self.base)

    def __call__(
        self, z: Float[Array, "b z"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b h w c"]:
        return self.synthesis(self.mapping(z, label, train=train), train=train)

    def mapping(
        self, z: Float[Array, "b z"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b n w_dim"]:
        """Returns w repeated n times: for the Fourier features and for each layer."""
        w = self.f(z, label, train=train)
        return jnp.broadcast_to(w[:, None], (len(z), self.layers + 2, self.w_dim))

    def synthesis(
        self,
        w: Float[Array, "b n w_dim"],
        *,
        train: bool,
        transform: Float[Array, "2 3"] | Float[np.ndarray, "2 3"] = IDENTITY,
    ) -> Float[Array, "b h w c"]:
        """Returns the images of a w for each layer, moved by the inverse of `transform`.

        Args:
            w: styles of the Fourier features and of each layer.
            train: whether the averages that normalize the layers' inputs are updated.
            transform: an affine map [A | t]. The image shows at p what it would show at
                A p + t without it. Points are in widths to the right of and heights below
                the middle of the image.
        """
        return self.g(w, jnp.asarray(transform), train=train)


# Configuration R: 1x1 convolutions, twice as many channels, radially symmetric filters.
GeneratorR = partial(
    Generator, width=1024, base=65536, kernel=1, downsample=filtered.downsample_radial
)


class Stage(NamedTuple):
    """The feature map that a layer outputs."""

    band: Band
    size: int  # pixels a side, with the margin
    channels: int


def plan_stages(
    size: int, layers: int, margin: int, width: int, base: int
) -> tuple[Stage, ...]:
    """Returns the feature map that each layer outputs, the layer to RGB included.

    Cutoffs and stopbands grow geometrically up to the layers that are critically sampled
    ("flexible layer specifications", configuration T). The arguments are fields of
    `Generator`.

    Raises:
        UsageError: the size is not possible, or there are too few layers.
    """
    sizes.check("StyleGAN3's G", size, sizes.geometric(8))
    sizes.check_base("StyleGAN3's G", size, base)  # the last cutoff is half the size
    if layers <= CRITICAL_LAYERS:
        least = CRITICAL_LAYERS + 1
        raise UsageError(f"{layers} layers are too few: take at least {least}.")

    # How far each layer is on the way from the first to the last cutoff, from 0 to 1.
    progress = np.minimum(np.arange(layers + 1) / (layers - CRITICAL_LAYERS), 1)
    # The Nyquist frequency of the image, in cycles per image.
    last = size / 2
    cutoffs = FIRST_CUTOFF * (last / FIRST_CUTOFF) ** progress
    stopbands = FIRST_STOPBAND * (last * LAST_STOPBAND / FIRST_STOPBAND) ** progress

    # The least power of two that samples all below the stopband, at most the image's rate.
    # What the rate leaves beyond the stopband makes the transition band wider.
    rates = 2 ** np.ceil(np.log2(np.minimum(2 * stopbands, size)))
    half_widths = np.maximum(stopbands, rates / 2) - cutoffs

    # The last two feature maps have no margin.
    sides = np.where(np.arange(layers + 1) < layers - 1, rates + 2 * margin, size)
    channels = np.rint(np.minimum(base / 2 / cutoffs, width))
    return tuple(
        Stage(Band(int(rate), float(cutoff), float(half_width)), int(side), int(count))
        for rate, cutoff, half_width, side, count in zip(
            rates, cutoffs, half_widths, sides, channels, strict=True
        )
    )


class Synthesis(nn.Module):
    """Maps a w for each layer to images: Fourier features, then a sequence of layers.

    Layer i outputs stage i. The first layer keeps the size and rate of its input.

    Attributes:
        channels: channels of the images.
        stages: what `plan_stages` returns.
        kernel: side of the convolutions' kernels.
        downsample: the low-pass filter after the nonlinearity.
        magnitude_decay: decay of the moving averages that normalize each layer's input.
    """

    channels: int
    stages: tuple[Stage, ...]
    kernel: int
    downsample: Downsample
    magnitude_decay: float

    @nn.compact
    def __call__(
        self,
        w: Float[Array, "b n w_dim"],
        transform: Float[Array, "2 3"],
        *,
        train: bool,
    ) -> Float[Array, "b h w c"]:
        # The last stage is the output of the layer to RGB, which has no filter.
        *stages, _ = self.stages
        x = Fourier(self.stages[0])(w[:, 0], transform)
        for i, stage in enumerate(stages):
            input_band = stages[max(i - 1, 0)].band
            # Critically sampled layers have separable filters, in configuration R too.
            critical = i >= len(stages) - CRITICAL_LAYERS
            downsample = filtered.downsample_separable if critical else self.downsample
            x = Unit(self.magnitude_decay)(x, train=train)
            x = Layer(input_band, stage, self.kernel, downsample)(x, w[:, i + 1])
        x = Unit(self.magnitude_decay)(x, train=train)
        image = ToRGB(self.channels)(x, w[:, -1])
        # Inputs of the layer to RGB have a magnitude of 1; the authors' factor of 1/4 makes
        # them pixels in about -1..1.
        return OUTPUT_SCALE * jnp.clip(image, -CLAMP, CLAMP)


class Fourier(nn.Module):
    """Sine waves over the plane, rotated and shifted by w, then a 1x1 convolution.

    Frequencies (uniform in a disc up to the cutoff) and phases (in cycles) are drawn once
    and kept in collection "frozen" (configuration B). A rotation and a translation are
    linear functions of w (configuration H, "transformed Fourier features").
    """

    stage: Stage

    @nn.compact
    def __call__(
        self, w: Float[Array, "b w_dim"], transform: Float[Array, "2 3"]
    ) -> Float[Array, "b h w c"]:
        (rate, cutoff, _), size, channels = self.stage
        frequencies = self.variable("frozen", "frequencies", self._frequencies)
        phases = self.variable("frozen", "phases", self._phases)

        # The Dense layer starts as the identity pose: cosine 1, all else 0.
        pose = Dense(4, bias_init=(1.0, 0.0, 0.0, 0.0), weight_init=0.0)(w)
        rotation, shift = _rotation_and_shift(pose.astype(jnp.float32))

        # The pose of w, then the user's transform, act on the frequencies and phases.
        einsum = partial(jnp.einsum, precision="highest")
        frequency = einsum("fi,bij->bfj", frequencies.value, rotation)
        moved = transform[:, 2][None] - shift
        phase = phases.value[None] + einsum("bfj,bj->bf", frequency, moved)
        frequency = einsum("bfi,ij->bfj", frequency, transform[:, :2])

        # A transform that shrinks the image may push frequencies beyond the cutoff: these
        # waves are faded out before they would alias.
        excess = (jnp.linalg.norm(frequency, axis=-1) - cutoff) / (rate / 2 - cutoff)
        amplitude = jnp.clip(1 - excess, 0, 1)

        # Each wave at each pixel, [b, h, w, f].
        position = (jnp.arange(size) + 0.5 - size / 2) / rate
        x = position[None, None, :, None]
        y = position[None, :, None, None]
        frequency_x, frequency_y = (frequency[:, None, None, :, i] for i in (0, 1))
        cycles = frequency_x * x + frequency_y * y + phase[:, None, None]
        waves = jnp.sin(2 * jnp.pi * cycles)
        waves = (waves * amplitude[:, None, None]).astype(w.dtype)
        return Conv(channels, 1, use_bias=False)(waves)

    def _frequencies(self) -> Array:
        """Draws frequencies [f, 2] uniformly from a disc."""
        turns, area = jax.random.uniform(
            self.make_rng("params"), (2, self.stage.channels)
        )
        # The root of a uniform number makes points uniform over the disc's area.
        radius = self.stage.band.cutoff * jnp.sqrt(area)
        angle = 2 * jnp.pi * turns
        return radius[:, None] * jnp.stack([jnp.cos(angle), jnp.sin(angle)], axis=-1)

    def _phases(self) -> Array:
        key = self.make_rng("params")
        shape = (self.stage.channels,)
        return jax.random.uniform(key, shape, minval=-0.5, maxval=0.5)


def _rotation_and_shift(pose: Array) -> tuple[Array, Array]:
    """Returns rotations [b, 2, 2] and shifts [b, 2] of rows (cosine, sine, x, y).

    Rows are divided by the norm of (cosine, sine), which need not be 1 before.
    """
    pose /= jnp.linalg.norm(pose[:, :2], axis=-1, keepdims=True)
    # One norm divides rotation and shift alike, as in the authors' code.
    cos, sin, *shift = pose.T
    rotation = jnp.stack([jnp.stack([cos, -sin], -1), jnp.stack([sin, cos], -1)], 1)
    return rotation, jnp.stack(shift, axis=-1)


class Unit(nn.Module):
    """Divides features by the root of a moving average of their mean square.

    Collection "magnitude" keeps the average, which only training updates (configuration D,
    in place of normalization layers).
    """

    decay: float

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], *, train: bool
    ) -> Float[Array, "b h w c"]:
        square = self.variable("magnitude", "square", jnp.ones, ())
        if train:
            # Statistics are in float32 whatever the features are in. They are constants to
            # the gradient, unlike those of a batch norm.
            now = jnp.mean(jax.lax.stop_gradient(x).astype(jnp.float32) ** 2)
            square.value += (1 - self.decay) * (now - square.value)
        return x * jax.lax.rsqrt(square.value).astype(x.dtype)


class Layer(nn.Module):
    """A modulated convolution, a bias, and the alias-free leaky ReLU.

    Attributes:
        input_band: frequency band of the input.
        stage: the feature map to output.
        kernel: side of the convolution's kernel.
        downsample: the low-pass filter after the nonlinearity.
    """

    input_band: Band
    stage: Stage
    kernel: int
    downsample: Downsample

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h h c"], w: Float[Array, "b w_dim"]
    ) -> Float[Array, "b H H d"]:
        band, size, features = self.stage
        shape = (self.kernel, self.kernel, x.shape[-1], features)
        kernel = self.param("kernel", NORMAL, shape)
        bias = self.param("bias", nn.initializers.zeros, (features,))

        # Styles and kernels are normalized before the modulation, as in the authors' code.
        style = Dense(x.shape[-1], bias_init=1.0)(w)
        style = style * jax.lax.rsqrt(jnp.mean(style**2))
        square = jnp.mean(kernel**2, axis=(0, 1, 2), keepdims=True)
        # The full convolution keeps all that the margin holds; `filtered_lrelu` crops to
        # the stage's size.
        x = modulated_conv(x, kernel * jax.lax.rsqrt(square), style, full_convolution)
        x = x + bias.reshape(1, 1, 1, -1)
        return filtered_lrelu(x, self.input_band, band, size, self.downsample)


def full_convolution(
    x: Float[Array, "b h w c"], kernel: Float[Array, "k k c d"]
) -> Float[Array, "b H W d"]:
    """Convolves at each position where the kernel sees a pixel: sides grow by k - 1."""
    padding = (len(kernel) - 1, len(kernel) - 1)
    return conv(x, kernel, (padding, padding))


TINY = {
    "g": Example(partial(Generator, 8, 2, 6, w_dim=7, layers=4, margin=2), (5,)),
    "g rotated": Example(
        partial(GeneratorR, 8, 2, width=6, w_dim=7, layers=4, margin=2), (5,)
    ),
    "d": Example(partial(Discriminator, width=6, group=2), (8, 8, 2)),
}
