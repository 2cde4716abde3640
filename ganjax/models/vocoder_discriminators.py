"""HiFi-GAN's discriminators (Kong et al., 2020): by periods and by scales.

- `MultiPeriod` folds a signal to rows of a period, 2, 3, 5, 7 or 11 samples, and looks
  along each column alone, so that it hears periodic parts of the signal.
- `MultiScale` hears the signal and its averages over 2 and 4 samples (Kumar et al., 2019).
- `Ensemble` is several of them as one player. HiFi-GAN has both.

Each is made of parts and has a method `judge` (`ganjax.layers.judgment`). Those that look
at spectra are in `stft_discriminators`.
"""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ganjax.layers import signal, sizes
from ganjax.layers.example import Example
from ganjax.layers.judgment import Judgment, PlaceProjection, joined_logits
from ganjax.layers.spectral_norm import SpectralNorm, Wrap
from ganjax.layers.weight_norm import WeightNorm


SLOPE = 0.1  # of the leaky ReLUs
LAST = 3  # taps of the convolution that makes the logits


class Layer(NamedTuple):
    """One convolution: its channels, in widths, its taps, its stride and its groups."""

    multiplier: int
    size: int
    stride: int = 1
    groups: int = 1


OF_PERIODS = (
    *(Layer(1, 5, 3), Layer(4, 5, 3), Layer(16, 5, 3), Layer(32, 5, 3)),
    Layer(32, 5),
)
OF_SCALES = (
    *(Layer(1, 15), Layer(1, 41, 2, 4), Layer(2, 41, 2, 16), Layer(4, 41, 4, 16)),
    *(Layer(8, 41, 4, 16), Layer(8, 41, 1, 16), Layer(8, 5)),
)


class SubDiscriminator(nn.Module):
    """Convolutions of signals with leaky ReLUs, then one that makes a logit at each place.

    Attributes:
        width: the unit of the channels.
        layers: all but the last.
        wrap: their normalization.
        classes: number of classes, 0 for none.
    """

    width: int
    layers: Sequence[Layer]
    wrap: Wrap
    classes: int

    @nn.compact
    def __call__(
        self, x: Float[Array, "b n c"], label: Int[Array, " b"], *, train: bool
    ) -> Judgment:
        features = []
        for layer in self.layers:
            conv = signal.Conv(
                layer.multiplier * self.width,
                layer.size,
                layer.stride,
                groups=layer.groups,
            )
            x = nn.leaky_relu(self.wrap(conv)(x, train=train), SLOPE)
            features.append(x)
        logits = self.wrap(signal.Conv(1, LAST))(x, train=train)
        if self.classes:
            logits += PlaceProjection(self.classes)(x, label)
        features.append(logits)
        return Judgment(logits[..., 0], features)


class MultiPeriod(nn.Module):
    """Maps signals [b, n, c] to logits [b, m], those of all periods side by side.

    Attributes:
        periods: samples of a row, different primes in the paper.
        width: channels of the first convolution; those of the last are 32 times as many.
        classes: number of classes, 0 for an unconditional discriminator.
        wrap: normalization of all convolutions.
    """

    periods: tuple[int, ...] = (2, 3, 5, 7, 11)
    width: int = 32
    classes: int = 0
    wrap: Wrap = WeightNorm

    def __call__(
        self, image: Float[Array, "b n c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b m"]:
        return joined_logits(self.judge(image, label, train=train))

    @nn.compact
    def judge(
        self, image: Float[Array, "b n c"], label: Int[Array, " b"], *, train: bool
    ) -> list[Judgment]:
        """Returns the outputs for each period, features [b * period, n, c]."""
        sizes.length_of("The multi-period discriminator", image)
        sizes.check_positive("The multi-period discriminator", "periods", self.periods)
        judgments = []
        for period in self.periods:
            net = SubDiscriminator(self.width, OF_PERIODS, self.wrap, self.classes)
            columns = _columns(image, period)
            found = net(columns, jnp.repeat(label, period), train=train)
            logits = found.logits.reshape(len(image), -1)
            judgments.append(found._replace(logits=logits))
        return judgments


def _columns(x: Float[Array, "b n c"], period: int) -> Float[Array, "b_p m c"]:
    """Returns every `period`-th sample of each signal, from each of the first ones on."""
    b, n, c = x.shape
    x = jnp.pad(x, ((0, 0), (0, -n % period), (0, 0)), mode="reflect")
    return x.reshape(b, -1, period, c).swapaxes(1, 2).reshape(b * period, -1, c)


class MultiScale(nn.Module):
    """Maps signals [b, n, c] to logits [b, m], those of all scales side by side.

    Attributes:
        width: channels of the first convolution, a multiple of 16; those of the last are 8
            times as many.
        classes: number of classes, 0 for an unconditional discriminator.
        wraps: normalization at each scale, of which each has half as many samples as the
            one before.
    """

    width: int = 128
    classes: int = 0
    wraps: tuple[Wrap, ...] = (SpectralNorm, WeightNorm, WeightNorm)

    def __call__(
        self, image: Float[Array, "b n c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b m"]:
        return joined_logits(self.judge(image, label, train=train))

    @nn.compact
    def judge(
        self, image: Float[Array, "b n c"], label: Int[Array, " b"], *, train: bool
    ) -> list[Judgment]:
        """Returns the outputs for each scale."""
        name = "The multi-scale discriminator"
        sizes.length_of(name, image)
        sizes.check_divisible(name, "channels", self.width, 16, "groups")
        x = image
        judgments = []
        for i, wrap in enumerate(self.wraps):
            # Averages of four, with margins of zeros, which count as in PyTorch.
            if i:
                padded = jnp.pad(x, ((0, 0), (2, 2), (0, 0)))
                x = nn.avg_pool(padded, (4,), (2,), "VALID")
            net = SubDiscriminator(self.width, OF_SCALES, wrap, self.classes)
            judgments.append(net(x, label, train=train))
        return judgments


class Ensemble(nn.Module):
    """Several discriminators as one; their logits are side by side.

    Attributes:
        nets: discriminators with a method `judge`.
    """

    nets: tuple[nn.Module, ...]

    def __call__(
        self, image: Float[Array, "b n c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b m"]:
        return joined_logits(self.judge(image, label, train=train))

    def judge(
        self, image: Float[Array, "b n c"], label: Int[Array, " b"], *, train: bool
    ) -> list[Judgment]:
        """Returns the outputs of all parts of all discriminators."""
        return [
            judgment
            for net in self.nets
            for judgment in net.judge(image, label, train=train)
        ]


def hifigan(width: int = 32, periods: tuple[int, ...] = (2, 3, 5, 7, 11)) -> Ensemble:
    """Returns HiFi-GAN's two discriminators as one.

    Args:
        width: channels of the first convolution for a period, a multiple of 4; those for a
            scale have four times as many.
        periods: those of the first one.
    """
    return Ensemble((MultiPeriod(periods, width), MultiScale(4 * width)))


def _tiny(classes: int = 0) -> Ensemble:
    return Ensemble((MultiPeriod((2,), 2, classes), MultiPeriod((3,), 2, classes)))


TINY = {
    "d of periods": Example(partial(MultiPeriod, (2, 3), 2), (64, 1)),
    "d of scales": Example(partial(MultiScale, 16), (64, 1)),
    "d": Example(_tiny, (64, 1)),
}
