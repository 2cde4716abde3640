"""ASGAN (Baas & Kamper, 2023): StyleGAN3's ideas for spectrograms as signals over time.

A signal is [b, frames, bands]: bands are channels, so that convolutions run over time
alone. G begins with sine waves in time, which w shifts; layers of modulated convolutions
follow, whose nonlinearity is applied at twice their rate between two low-pass filters, and
the rate of the features is doubled three times. D has residual blocks at four rates.

Channels and kernels are those of the released program for log-mel spectrograms. Three
things are done as StyleGAN3 does them: inserted zeros are made up for by the filters' gain,
a filter never passes what lies above its lower rate, and the mapping network takes the
direction of z, and a class if there are any. Filters are products with small matrices, as
spectrograms have few frames.
"""

from functools import cache, partial
from math import prod, sqrt

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ganjax.layers import heads, sizes
from ganjax.layers.equalized import NORMAL, Dense
from ganjax.layers.example import Example
from ganjax.layers.modulated import modulated_conv
from ganjax.models.stylegan2 import MappedProjectionHead, Mapping, minibatch_stddev
from ganjax.models.stylegan3 import Unit
from ganjax.ops.convolution import conv


SLOPE = 0.1  # of the leaky ReLU
CLAMP = 256.0
FIRST_CUTOFF, LAST_CUTOFF = 0.125, 0.45  # of half the rate at which a filter works
CRITICAL_LAYERS = 2
OVERSAMPLING = 2
TAPS = 8  # of a filter, for each sample of its lower rate
KAISER_BETA = 2.5
LENGTHS = sizes.multiples(8, 16)
HEAD = partial(MappedProjectionHead, depth=2)  # as deep as G's mapping network


class Generator(nn.Module):
    """Maps z to signals [b, length, channels]; nothing keeps them within -1..1.

    Attributes:
        length: frames of the signals, a multiple of 8.
        channels: bands of the signals.
        widths: channels of the layers at an eighth, a quarter, a half and all of the rate.
        repeats: layers at each of these rates.
        kernel: length of the convolutions' kernels.
        w_dim: length of w.
        depth: layers of the mapping network.
        classes: number of classes, 0 for an unconditional generator.
        decay: decay of the moving average of w, per training step.
        psi: truncation at evaluation: w is replaced by mean + psi (w - mean).
        magnitude_decay: decay of the moving averages that normalize each layer's input.
    """

    length: int = 128
    channels: int = 128
    widths: tuple[int, ...] = (1024, 512, 256, 128)
    repeats: tuple[int, ...] = (5, 4, 3, 2)
    kernel: int = 5
    w_dim: int = 512
    depth: int = 2
    classes: int = 0
    decay: float = 0.998
    psi: float = 1.0
    magnitude_decay: float = 0.999

    @nn.compact
    def __call__(
        self, z: Float[Array, "b z"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b n c"]:
        sizes.check_length("ASGAN's G", self.length, LENGTHS)
        mapping = Mapping(self.w_dim, self.depth, self.classes, self.decay, self.psi)
        w = mapping(z, label, train=train)
        halvings = len(self.widths) - 1
        rate = self.length >> halvings
        x = Waves(rate, self.widths[0])(w)
        layers = [
            (self.length >> (halvings - i), width)
            for i, width in enumerate(self.widths)
            for _ in range(self.repeats[i])
        ]
        cutoffs = _cutoffs(len(layers))
        for i, (length, width) in enumerate(layers):
            x = Unit(self.magnitude_decay)(x[:, None], train=train)[:, 0]
            layer = Layer(width, length, self.kernel, cutoffs[i], cutoffs[i + 1])
            x = layer(x, w)
        x = Unit(self.magnitude_decay)(x[:, None], train=train)[:, 0]
        # As StyleGAN's last layer: modulated, not demodulated, and of length 1.
        style = Dense(x.shape[-1], bias_init=1.0)(w)
        return Conv(self.channels, 1)(x * style[:, None])


class Discriminator(nn.Module):
    """Maps signals [b, n, c] to logits [b]: residual blocks at four rates, dense layers.

    Attributes:
        width: channels of all blocks but the first.
        repeats: convolutional blocks at each rate, of which each next one is half the last.
        kernel: length of the convolutions' kernels.
        classes: number of classes, 0 for an unconditional discriminator.
        group: signals over which the minibatch standard deviation is taken.
        head: makes the last layer; see `ganjax.layers.heads`.
    """

    width: int = 512
    repeats: tuple[int, ...] = (3, 3, 3, 3)
    kernel: int = 5
    classes: int = 0
    group: int = 4
    head: heads.Head = HEAD

    @nn.compact
    def __call__(
        self, image: Float[Array, "b n c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, " b"]:
        length = sizes.length_of("ASGAN's D", image)
        sizes.check_length("ASGAN's D", length, LENGTHS)
        x = image
        for i, repeats in enumerate(self.repeats):
            # The last block of a rate halves it. At the lowest rate the layers below take
            # its place.
            for j in range(repeats - (i == len(self.repeats) - 1)):
                halve = j == repeats - 1
                x = Block(self.width, self.kernel, 2 if halve else 1)(x)
        stddev = minibatch_stddev(x[:, None], self.group)[:, 0]
        x = jnp.concatenate([x, stddev], axis=-1)
        x = sqrt(2) * _lrelu(Conv(self.width, self.kernel)(x))
        h = sqrt(2) * _lrelu(Dense(self.width)(x.reshape(len(x), -1)))
        return self.head(self.classes, name="head")(h, label, train=train)


class Conv(nn.Module):
    """A convolution over time with an equalized learning rate.

    Attributes:
        features: The number of output channels.
        size: The length of the kernel.
        stride: Every `stride`th frame of the result is kept.
        use_bias: Whether a bias is added.
    """

    features: int
    size: int
    stride: int = 1
    use_bias: bool = True

    @nn.compact
    def __call__(self, x: Float[Array, "b n c"]) -> Float[Array, "b N d"]:
        shape = (self.size, x.shape[-1], self.features)
        kernel = self.param("kernel", NORMAL, shape)
        x = _conv(self.stride)(x[:, None], kernel[None] / sqrt(prod(shape[:2])))[:, 0]
        if not self.use_bias:
            return x
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        return x + bias.reshape(1, 1, -1)


class Waves(nn.Module):
    """Sine waves over time, shifted by w, then a linear layer: StyleGAN3's input in 1-D.

    Frequencies, up to `FIRST_CUTOFF` of half the rate, and phases are drawn once and kept
    in collection "frozen".
    """

    length: int
    features: int

    @nn.compact
    def __call__(self, w: Float[Array, "b w_dim"]) -> Float[Array, "b n c"]:
        frequency = self.variable("frozen", "frequencies", self._uniform, 0.0, 1.0)
        phase = self.variable("frozen", "phases", self._uniform, -0.5, 0.5)
        # In cycles of the signal; the slowest passes once.
        most = max(1.0, FIRST_CUTOFF * self.length / 2)
        cycles = 1 + (most - 1) * frequency.value
        # At first nothing is shifted.
        shift = Dense(1, weight_init=0.0)(w).astype(jnp.float32)
        time = (jnp.arange(self.length) + 0.5) / self.length - 0.5
        moved = time.reshape(1, -1, 1) - shift[:, :, None]
        waves = jnp.sin(
            2
            * jnp.pi
            * (moved * cycles.reshape(1, 1, -1) + phase.value.reshape(1, 1, -1))
        )
        return Conv(self.features, 1, use_bias=False)(waves.astype(w.dtype))

    def _uniform(self, low: float, high: float) -> Array:
        key = self.make_rng("params")
        return jax.random.uniform(key, (self.features,), minval=low, maxval=high)


class Layer(nn.Module):
    """A modulated convolution, a bias, and a leaky ReLU between two low-pass filters.

    Attributes:
        features: The number of output channels.
        length: Frames of the result, as many as the input has, or twice as many.
        kernel: The length of the convolution's kernel.
        cutoff_in: Of the filter before the leaky ReLU, at its higher rate.
        cutoff_out: Of the filter after it.
    """

    features: int
    length: int
    kernel: int
    cutoff_in: float
    cutoff_out: float

    @nn.compact
    def __call__(
        self, x: Float[Array, "b n c"], w: Float[Array, "b w_dim"]
    ) -> Float[Array, "b N d"]:
        shape = (self.kernel, x.shape[-1], self.features)
        kernel = self.param("kernel", NORMAL, shape)
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        style = Dense(x.shape[-1], bias_init=1.0)(w)
        # The signal is an image of one row.
        x = modulated_conv(x[:, None], kernel[None], style, _conv(1))[:, 0]
        x = x + bias.reshape(1, 1, -1)
        up = OVERSAMPLING * self.length // x.shape[1]
        raised = _filter(x, up_matrix(x.shape[1], up, self.cutoff_in))
        bent = jnp.clip(sqrt(2) * _lrelu(raised), -CLAMP, CLAMP)
        return _filter(bent, down_matrix(self.length, OVERSAMPLING, self.cutoff_out))


class Block(nn.Module):
    """D's residual block: two convolutions beside one of length 1, halved where asked.

    Attributes:
        features: The number of output channels.
        kernel: The length of the kernels.
        stride: 2 to halve the rate, or 1.
    """

    features: int
    kernel: int
    stride: int

    @nn.compact
    def __call__(self, x: Float[Array, "b n c"]) -> Float[Array, "b N d"]:
        halve = self.stride > 1
        frames = x.shape[1] // self.stride
        skip = _filter(x, down_matrix(frames, 2)) if halve else x
        skip = Conv(self.features, 1, use_bias=False)(skip)
        x = _lrelu(jnp.clip(Conv(x.shape[-1], self.kernel)(x), -CLAMP, CLAMP))
        if halve:
            # The stride would alias what is above half of the new rate.
            x = _filter(x, low_pass_matrix(x.shape[1], 0.5))
        x = jnp.clip(Conv(self.features, self.kernel, self.stride)(x), -CLAMP, CLAMP)
        return _lrelu(sqrt(2) * x) + sqrt(2) * skip


@cache
def up_matrix(length: int, factor: int, cutoff: float = 1.0) -> np.ndarray:
    """Returns the map to `factor` times the rate, [length, factor * length].

    Args:
        length: frames before.
        factor: how many times as many there are afterwards.
        cutoff: of the low-pass filter, in units of half the higher rate; at most 1 /
            factor, above which are only copies of the spectrum.
    """
    low_pass = low_pass_matrix(factor * length, min(cutoff, 1 / factor), factor)
    # Each frame is followed by zeros, for which the gain makes up.
    return factor * low_pass[::factor]


@cache
def down_matrix(length: int, factor: int, cutoff: float = 1.0) -> np.ndarray:
    """Returns the map from `factor` times the rate, [factor * length, length].

    Args:
        length: frames afterwards.
        factor: how many times as many there are before.
        cutoff: of the low-pass filter, in units of half the higher rate.
    """
    low_pass = low_pass_matrix(factor * length, min(cutoff, 1 / factor), factor)
    return low_pass[:, ::factor]


@cache
def low_pass_matrix(length: int, cutoff: float, factor: int = 2) -> np.ndarray:
    """Returns a low-pass filter as a map of signals, [length, length].

    It is a sinc in a Kaiser window of `TAPS` * `factor` + 1 taps whose sum is 1. Beyond the
    ends are zeros.

    Args:
        length: frames of a signal.
        cutoff: in units of half the rate.
        factor: how many frames there are to one of the lower rate.
    """
    reach = TAPS * factor // 2
    taps = cutoff * np.sinc(cutoff * np.arange(-reach, reach + 1))
    taps *= np.kaiser(2 * reach + 1, KAISER_BETA)
    taps /= taps.sum()
    apart = np.arange(length)[None] - np.arange(length)[:, None]
    within = np.abs(apart) <= reach
    return np.where(within, taps[np.clip(apart + reach, 0, 2 * reach)], 0.0)


def _filter(x: Float[Array, "b n c"], matrix: np.ndarray) -> Float[Array, "b N c"]:
    return jnp.einsum("bnc,nm->bmc", x, jnp.asarray(matrix, x.dtype))


def _cutoffs(layers: int) -> list[float]:
    """Returns the cutoffs around each layer, which grow geometrically."""
    progress = np.arange(layers + 1) / max(layers - CRITICAL_LAYERS, 1)
    ratio = LAST_CUTOFF / FIRST_CUTOFF
    return (FIRST_CUTOFF * ratio ** np.minimum(progress, 1)).tolist()


def _conv(stride: int):
    """Returns the convolution of images of one row that divides their width."""

    def convolve(x: Array, kernel: Array) -> Array:
        beyond = kernel.shape[1] - 1
        before = beyond // 2
        return conv(x, kernel, ((0, 0), (before, beyond - before)), (1, stride))

    return convolve


def _lrelu(x: Array) -> Array:
    return nn.leaky_relu(x, SLOPE)


TINY = {
    "g": Example(
        partial(
            Generator,
            length=16,
            channels=3,
            widths=(6, 4),
            repeats=(2, 2),
            kernel=3,
            w_dim=7,
        ),
        (5,),
    ),
    "d": Example(
        partial(Discriminator, width=4, repeats=(2, 2), kernel=3, group=2), (16, 3)
    ),
}
