"""Discriminators that look at the short-time Fourier transform of sound.

- `MultiResolution` sees absolute values at several sizes of frames (UnivNet; Jang et al.,
  2021; and BigVGAN).
- `MultiBand` sees real and imaginary parts, each band of frequencies by convolutions of its
  own, at several sizes (the Descript Audio Codec; Kumar et al., 2023). With a single band
  it is of the kind of EnCodec's (Défossez et al., 2023), without dilations.

Each has a method `judge` (`ganjax.layers.judgment`), so that it can be part of an
`Ensemble` (`vocoder_discriminators`).
"""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ganjax.layers import sizes
from ganjax.layers.example import Example
from ganjax.layers.judgment import Judgment, PlaceProjection, joined_logits
from ganjax.layers.signal import PYTORCH_INIT
from ganjax.layers.spectral_norm import Wrap
from ganjax.layers.weight_norm import WeightNorm
from ganjax.ops import spectra
from ganjax.ops.convolution import conv, same_padding


SLOPE = 0.1  # of the leaky ReLUs
PEAK = 0.8  # to which `MultiBand` scales each signal
BANDS = ((0.0, 0.1), (0.1, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1.0))


class Resolution(NamedTuple):
    """Samples of a frame, between frames, and of the window, whose weights are all 1."""

    size: int
    hop: int
    window: int


UNIVNET = (
    *(Resolution(1024, 120, 600), Resolution(2048, 240, 1200)),
    Resolution(512, 50, 240),
)


class Conv(nn.Module):
    """A convolution with a bias and zero padding, of a kernel that need not be square.

    Attributes:
        features: channels of the output.
        size: the kernel's sides, odd numbers.
        stride: the step between outputs along both axes.
    """

    features: int
    size: tuple[int, int]
    stride: tuple[int, int] = (1, 1)

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b H W d"]:
        shape = (*self.size, x.shape[-1], self.features)
        kernel = self.param("kernel", PYTORCH_INIT, shape)
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        padding = (same_padding(self.size[0]), same_padding(self.size[1]))
        return conv(x, kernel, padding, self.stride) + bias.reshape(1, 1, 1, -1)


class Convolutions(nn.Module):
    """Five convolutions of a spectrum, which shorten its second axis eightfold.

    Attributes:
        width: channels of each.
        wrap: their normalization.
    """

    width: int
    wrap: Wrap

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"], *, train: bool) -> list[Array]:
        """Returns the outputs of all layers."""
        long = partial(Conv, self.width, (3, 9))
        halving = partial(long, stride=(1, 2))
        features = []
        for layer in (long(), halving(), halving(), halving(), _square(self.width)):
            x = nn.leaky_relu(self.wrap(layer)(x, train=train), SLOPE)
            features.append(x)
        return features


def _square(width: int) -> Conv:
    return Conv(width, (3, 3))


class Last(nn.Module):
    """The convolution that makes a logit at each place, and what classes add to it."""

    wrap: Wrap
    classes: int

    @nn.compact
    def __call__(
        self, features: Sequence[Array], label: Int[Array, " b"], *, train: bool
    ) -> Judgment:
        x = features[-1]
        logits = self.wrap(_square(1))(x, train=train)
        if self.classes:
            logits += PlaceProjection(self.classes)(x, label)
        return Judgment(logits.reshape(len(x), -1), [*features, logits])


class MultiResolution(nn.Module):
    """Maps signals [b, n, 1] to logits [b, m], those of all resolutions side by side.

    Spectra are images of bins by frames; strides are along the frames.

    Attributes:
        resolutions: the sizes of frames.
        width: channels of all convolutions.
        classes: number of classes, 0 for an unconditional discriminator.
        wrap: normalization of all convolutions.
    """

    resolutions: tuple[Resolution, ...] = UNIVNET
    width: int = 32
    classes: int = 0
    wrap: Wrap = WeightNorm

    def __call__(
        self, image: Float[Array, "b n 1"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b m"]:
        return joined_logits(self.judge(image, label, train=train))

    @nn.compact
    def judge(
        self, image: Float[Array, "b n 1"], label: Int[Array, " b"], *, train: bool
    ) -> list[Judgment]:
        """Returns the outputs at each resolution."""
        sizes.length_of("The multi-resolution discriminator", image)
        judgments = []
        for size, hop, window in self.resolutions:
            x = spectra.pad_for_hops(image[..., 0], size, hop)
            weights = np.ones(window, np.float32)
            x = spectra.magnitude(x, size, hop, center=False, window=weights)
            features = Convolutions(self.width, self.wrap)(
                x.swapaxes(1, 2)[..., None], train=train
            )
            last = Last(self.wrap, self.classes)
            judgments.append(last(features, label, train=train))
        return judgments


class MultiBand(nn.Module):
    """Maps signals [b, n, 1] to logits [b, m], those of all sizes side by side.

    Signals are centered and scaled to one peak first. Spectra are images of frames by bins;
    strides are along the bins.

    Attributes:
        frames: samples of a frame for each size; a quarter of them is between frames.
        bands: where each band begins and ends, as shares of half of the rate.
        width: channels of all convolutions.
        classes: number of classes, 0 for an unconditional discriminator.
        wrap: normalization of all convolutions.
    """

    frames: tuple[int, ...] = (2048, 1024, 512)
    bands: tuple[tuple[float, float], ...] = BANDS
    width: int = 32
    classes: int = 0
    wrap: Wrap = WeightNorm

    def __call__(
        self, image: Float[Array, "b n 1"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b m"]:
        return joined_logits(self.judge(image, label, train=train))

    @nn.compact
    def judge(
        self, image: Float[Array, "b n 1"], label: Int[Array, " b"], *, train: bool
    ) -> list[Judgment]:
        """Returns the outputs at each size."""
        sizes.length_of("The multi-band discriminator", image)
        x = image[..., 0]
        x = x - x.mean(-1, keepdims=True)
        x = PEAK * x / (jnp.abs(x).max(-1, keepdims=True) + 1e-9)
        judgments = []
        for size in self.frames:
            padded = spectra.pad_for_hops(x, size, size // 4)
            spectrum = spectra.stft(padded, size, size // 4, center=False)
            parts = jnp.stack([spectrum.real, spectrum.imag], axis=-1)
            bins = parts.shape[2]
            features, ends = [], []
            for low, high in self.bands:
                band = parts[:, :, int(low * bins) : int(high * bins)]
                outputs = Convolutions(self.width, self.wrap)(band, train=train)
                features += outputs
                ends.append(outputs[-1])
            joined = jnp.concatenate(ends, axis=2)
            last = Last(self.wrap, self.classes)
            found = last([joined], label, train=train)
            # The joined bands are among the features of the bands already.
            judgments.append(found._replace(features=[*features, found.features[-1]]))
        return judgments


TINY = {
    "d": Example(
        partial(MultiResolution, (Resolution(32, 4, 16), Resolution(16, 2, 8)), 2),
        (128, 1),
    ),
    "d of bands": Example(
        partial(MultiBand, (64, 32), ((0.0, 0.3), (0.3, 1.0)), 2), (128, 1)
    ),
}
