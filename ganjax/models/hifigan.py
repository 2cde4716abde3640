"""HiFi-GAN's generator (Kong et al., 2020): a mel spectrogram becomes sound.

Transposed convolutions make the frames longer until there is one for each sample. Between
them the outputs of several residual stacks, each with a kernel size of its own, are
averaged ("multi-receptive field fusion"). All kernels have weight norm. `V1`, `V2` and `V3`
are the published sizes, from the best to the fastest:

    g = hifigan.Generator(**hifigan.V2)

The authors' initial N(0, 0.01) has no effect in their code, where weight norm makes the
kernels anew from directions and lengths of PyTorch's usual initialization, as here.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ganjax.layers import signal, sizes
from ganjax.layers.example import Example
from ganjax.layers.weight_norm import WeightNorm
from ganjax.models.vocoder_discriminators import MultiPeriod


SLOPE = 0.1  # of the leaky ReLUs
LAST_SLOPE = 0.01  # of the last one, as in the authors' code
ENDS = 7  # taps of the first and of the last convolution

V1: dict[str, Any] = {
    "width": 512,
    "rates": (8, 8, 2, 2),
    "kernels": (3, 7, 11),
    "dilations": ((1, 3, 5), (1, 3, 5), (1, 3, 5)),
    "convs": 2,
}
V2: dict[str, Any] = {**V1, "width": 128}
V3: dict[str, Any] = {
    "width": 256,
    "rates": (8, 8, 4),
    "kernels": (3, 5, 7),
    "dilations": ((1, 2), (2, 6), (3, 12)),
    "convs": 1,
}


class Residual(nn.Module):
    """A stack of residual steps of dilated convolutions, which keeps the shape.

    Attributes:
        size: taps of all kernels.
        dilations: the dilation of each step's first convolution.
        convs: convolutions of a step: 2 in the paper's "ResBlock1", whose second one has no
            dilation, or 1 in "ResBlock2".
    """

    size: int
    dilations: Sequence[int]
    convs: int

    @nn.compact
    def __call__(self, x: Float[Array, "b n c"], *, train: bool) -> Array:
        for dilation in self.dilations:
            y = x
            for rate in (dilation, 1)[: self.convs]:
                conv = signal.Conv(x.shape[-1], self.size, rate=rate)
                y = WeightNorm(conv)(nn.leaky_relu(y, SLOPE), train=train)
            x += y
        return x


class Generator(nn.Module):
    """Maps log-mel spectrograms [b, frames, bands] to sound [b, frames * hop, 1] in -1..1.

    They may have any number of frames.

    Attributes:
        width: channels after the first convolution; each transposed one halves them.
        rates: how many times longer each transposed convolution makes the signal, even
            numbers; the hop of the spectrogram is their product. Their kernels are twice as
            long.
        kernels: taps of each of the residual stacks, odd numbers.
        dilations: the dilations of each of them.
        convs: convolutions of each of their steps, 1 or 2.
        classes: number of classes, such as speakers, whose embeddings are added after the
            first convolution; 0 for none, as published.
    """

    width: int = 512
    rates: tuple[int, ...] = (8, 8, 2, 2)
    kernels: tuple[int, ...] = (3, 7, 11)
    dilations: tuple[tuple[int, ...], ...] = ((1, 3, 5), (1, 3, 5), (1, 3, 5))
    convs: int = 2
    classes: int = 0

    @nn.compact
    def __call__(
        self, z: Float[Array, "b f m"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b n 1"]:
        name = "HiFi-GAN's G"
        sizes.length_of(name, z)
        parts = 2 ** len(self.rates)
        sizes.check_divisible(name, "channels", self.width, parts, "parts")
        for rate in self.rates:
            sizes.check_divisible(name, "samples", rate, 2, "halves")
        x = WeightNorm(signal.Conv(self.width, ENDS))(z, train=train)
        if self.classes:
            embedded = nn.Embed(self.classes, self.width)(label)
            x += embedded[:, None]
        for i, rate in enumerate(self.rates):
            up = signal.Upsample(self.width >> (i + 1), rate, 2 * rate)
            x = WeightNorm(up, axis=-2)(nn.leaky_relu(x, SLOPE), train=train)
            stacks = [
                Residual(size, dilations, self.convs)(x, train=train)
                for size, dilations in zip(self.kernels, self.dilations, strict=True)
            ]
            x = sum(stacks[1:], stacks[0]) / len(stacks)
        last = WeightNorm(signal.Conv(1, ENDS))
        return jnp.tanh(last(nn.leaky_relu(x, LAST_SLOPE), train=train))


TINY = {
    "g": Example(
        partial(
            Generator, 16, rates=(4, 2), kernels=(3, 5), dilations=((1, 3), (1, 2))
        ),
        (16, 5),
    ),
    "g of one convolution": Example(
        partial(Generator, 8, (4, 2), (3,), ((1, 3),), convs=1), (16, 5)
    ),
    "d": Example(partial(MultiPeriod, (2,), 1), (128, 1)),
}
