"""Projected GAN (Sauer et al., 2021): D judges what a frozen network sees in an image.

The network's feature maps are mixed by 1x1 convolutions that are drawn once and stay so:
over the channels of each map, then over the scales, from the coarsest to the finest. On
each scale a small discriminator gives a grid of logits. Sizes are those of the authors'
code for FastGAN's G, but for the biases that a batch norm takes away. Losses are means
over all logits; no gradient penalty belongs to it.
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from math import sqrt
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ganjax.errors import Mistake
from ganjax.gan import PyTree
from ganjax.models import layers, sizes
from ganjax.models.convolution import conv
from ganjax.models.example import Example
from ganjax.models.resnet import halve


INIT = nn.initializers.variance_scaling(1 / 3, "fan_in", "uniform")
WIDTHS = 64, 128, 256, 512
INSIDE = ((0, 0), (0, 0))  # the padding of a kernel that stays within the image


class Frozen(nn.Module):
    """A function of an image and of weights that are given, not learned.

    `weights` makes or reads them when the variables are made. Collection "frozen" keeps
    them, so they are a part of the state and of its saves, but no optimizer's.
    """

    call: Callable[[PyTree, Array], Sequence[Array]]  # (weights, image) -> maps
    weights: Callable[[], PyTree]

    @nn.compact
    def __call__(self, image: Float[Array, "b h w c"]) -> Sequence[Array]:
        weights = self.variable("frozen", "weights", self.weights)
        return self.call(weights.value, image)


class Discriminator(nn.Module):
    """From images to logits [b, n], some for each scale, of which the finest is first.

    `features` gives maps [b, h, w, c], each of half the side of the one before it, as
    does a frozen network (above) or any function. Images that are smaller than `side` are
    enlarged to it. `widths` are those of the finest scale's blocks, which halve it after
    it was doubled; the next scale has one block less. Classes enter by projection.
    """

    features: Callable[[Array], Sequence[Array]]
    classes: int = 0
    side: int = 224
    mixed: int = (
        64  # channels of the finest map once it is mixed; twice as many a scale
    )
    widths: tuple[int, ...] = WIDTHS
    wrap: Callable[[nn.Module], Callable[..., Any]] = layers.SpectralNorm
    use_bias: bool = False  # before the batch norms, as in the authors' code

    @nn.compact
    def __call__(
        self, image: Float[Array, "b h w c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b n"]:
        if max(sizes.sides_of("Projected GAN's D", image)) < self.side:
            shape = len(image), self.side, self.side, image.shape[-1]
            image = jax.image.resize(image, shape, "bilinear")
        logits = []
        for i, x in enumerate(Projector(self.features, self.mixed)(image)):
            fields = self.widths[i:], self.classes, self.wrap, self.use_bias
            judge = Judge(*fields, name=f"scale_{i}")
            logits.append(judge(x, label, train=train))
        return jnp.concatenate(logits, axis=-1)


class Projector(nn.Module):
    """The mixed maps of an image, at twice the sides of the network's (section 3.2)."""

    features: Callable[[Array], Sequence[Array]]
    mixed: int

    @nn.compact
    def __call__(self, image: Float[Array, "b h w c"]) -> list[Array]:
        maps = [
            Mixing(self.mixed << i, name=f"channels_{i}")(x)
            for i, x in enumerate(self.features(image))
        ]
        _check(image, maps)
        coarser, found = jnp.zeros((1, 1, 1, 1)), []
        for i in reversed(range(len(maps))):
            mixing = Mixing(self.mixed << max(i - 1, 0), name=f"scales_{i}")
            coarser = enlarge(mixing(maps[i] + coarser))  # in this order it costs less
            found.append(coarser)
        return found[::-1]


class Mixing(nn.Module):
    """A 1x1 convolution that stays as it was drawn, in collection "frozen"."""

    features: int

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w d"]:
        bound = 1 / sqrt(x.shape[-1])

        def draw(*shape):
            key = self.make_rng("params")
            return jax.random.uniform(key, shape, minval=-bound, maxval=bound)

        keep = partial(self.variable, "frozen")
        kernel = keep("kernel", draw, 1, 1, x.shape[-1], self.features)
        bias = keep("bias", draw, self.features)
        return conv(x, kernel.value, INSIDE) + bias.value.reshape(1, 1, 1, -1)


class Judge(nn.Module):
    """One scale's discriminator: blocks that halve, then a logit for each 4x4 square."""

    widths: tuple[int, ...]
    classes: int
    wrap: Callable[[nn.Module], Callable[..., Any]]
    use_bias: bool

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b n"]:
        ends = [side >> len(self.widths) for side in x.shape[1:3]]
        if min(ends) < 4:
            raise Mistake(
                f"A scale ends as {ends[0]}x{ends[1]}, in which there is no 4x4 "
                "square: give D a larger side or fewer widths."
            )
        for width in self.widths:
            x = self.wrap(layers.Down(width, kernel_init=INIT))(x, train=train)
            if self.use_bias:
                x = layers.Shift()(x, label, train=train)
            x = layers.BatchNorm()(x, label, train=train)
            x = nn.leaky_relu(x, 0.2)
        return Verdict(self.classes, self.wrap)(x, label, train=train)


class Verdict(nn.Module):
    """A logit for each 4x4 square; classes and squares say something to each other."""

    classes: int
    wrap: Callable[[nn.Module], Callable[..., Any]]
    kernel_init: Callable[..., Array] = INIT
    size: int = 64  # of what they say
    embedding: int = 128

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b n"]:
        square = Square(self.size if self.classes else 1, self.kernel_init)
        x = self.wrap(square)(x, train=train)
        if not self.classes:
            return x.reshape(len(x), -1)
        init = nn.initializers.normal(1.0)
        known = nn.Embed(self.classes, self.embedding, embedding_init=init)(label)
        known = nn.leaky_relu(nn.Dense(self.size, kernel_init=INIT)(known), 0.2)
        logits = jnp.sum(x * known[:, None, None], axis=-1) / sqrt(self.size)
        return logits.reshape(len(x), -1)


class Square(nn.Module):
    """A 4x4 convolution of the squares that lie within the image, without bias."""

    features: int
    kernel_init: Callable[..., Array] = INIT

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b H W d"]:
        shape = (4, 4, x.shape[-1], self.features)
        return conv(x, self.param("kernel", self.kernel_init, shape), INSIDE)


def enlarge(x: Float[Array, "b h w c"]) -> Float[Array, "b H W c"]:
    """[b, h, w, c] to [b, 2h, 2w, c], linear in between, with the corners kept."""

    def share(n):
        place = np.linspace(0, n - 1, 2 * n)[:, None]
        return jnp.asarray(np.maximum(0, 1 - np.abs(place - np.arange(n))), x.dtype)

    rows, columns = share(x.shape[1]), share(x.shape[2])
    highest = jax.lax.Precision.HIGHEST
    return jnp.einsum("ih,bhwc,jw->bijc", rows, x, columns, precision=highest)


def _check(image: Array, maps: Sequence[Array]) -> None:
    """Raises a `Mistake` unless each map has half the sides of the one before it."""
    sides = [x.shape[1:3] for x in maps]
    for fine, coarse in pairwise(sides):
        if fine != (2 * coarse[0], 2 * coarse[1]):
            raise Mistake(
                f"Of images of {image.shape[1]}x{image.shape[2]} D sees maps of "
                f"{', '.join(f'{h}x{w}' for h, w in sides)}, each of which must have half "
                "the sides of the one before: give images, or a `side`, that can be halved "
                "more often, such as multiples of 32."
            )


def _two_scales(image: Array) -> tuple[Array, Array]:
    return image, halve(image)


SMALL = {"side": 8, "mixed": 4, "widths": (4, 6)}
TINY = {"d": Example(partial(Discriminator, _two_scales, **SMALL), (8, 8, 2))}
