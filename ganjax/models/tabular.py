"""CTGAN's networks (Xu et al., 2019, section 4), for the rows of tables.

A number is told as one of several modes and where it lies about that mode, in [-1, 1]; a
category is one of some. So a row is a line of scalars and of one-hot vectors, and what
each comes from is a `Span` of the last layer. Conditions enter as a one-hot label.
"""

from collections.abc import Callable
from functools import partial
from itertools import accumulate
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ganjax.models import layers, sizes
from ganjax.models.example import Example


INIT = nn.initializers.variance_scaling(1 / 3, "fan_in", "uniform")  # PyTorch's


class Span(NamedTuple):
    """Some outputs side by side, and what they pass through.

    `act` is a function of the last layer and of the same with noise, at a temperature.
    """

    width: int
    act: Callable[[Float[Array, "b w"], Float[Array, "b w"]], Float[Array, "b w"]]


def scalar(x: Float[Array, "b w"], noisy: Float[Array, "b w"]) -> Float[Array, "b w"]:
    """Numbers in [-1, 1]."""
    return jnp.tanh(x)


def choice(x: Float[Array, "b w"], noisy: Float[Array, "b w"]) -> Float[Array, "b w"]:
    """Shares of a choice, near one-hot: a Gumbel softmax (Jang et al., 2017)."""
    return nn.softmax(noisy)


def number(modes: int = 10) -> tuple[Span, ...]:
    """A continuous column: where the number lies about its mode, and which that is."""
    return Span(1, scalar), Span(modes, choice)


def category(count: int) -> tuple[Span, ...]:
    """A discrete column of `count` values."""
    return (Span(count, choice),)


class Generator(nn.Module):
    """From z to rows: layers that keep their input beside their output, then `spans`.

    `spans` are the columns' in their order: `(*number(), *category(3))`. Choices are
    drawn by Gumbel noise from the rng "noise", `noise` times, at every evaluation too.
    """

    spans: tuple[Span, ...]
    widths: tuple[int, ...] = (256, 256)
    classes: int = 0
    temperature: float = 0.2
    noise: float = 1.0

    @nn.compact
    def __call__(
        self, z: Float[Array, "b z"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b d"]:
        sizes.counted("CTGAN's G", "spans of widths", [s.width for s in self.spans])
        one_hot = jax.nn.one_hot(label, self.classes, dtype=z.dtype)
        x = jnp.concatenate([z, one_hot], axis=-1)
        for width in self.widths:
            h = nn.Dense(width, use_bias=False, kernel_init=INIT)(x)
            h = nn.relu(layers.BatchNorm()(h, label, train=train))
            x = jnp.concatenate([h, x], axis=-1)
        x = nn.Dense(sum(span.width for span in self.spans), kernel_init=INIT)(x)
        gumbel = jax.random.gumbel(self.make_rng("noise"), x.shape, x.dtype)
        noisy = (x + self.noise * gumbel) / self.temperature

        *ends, _ = accumulate(span.width for span in self.spans)
        pairs = zip(jnp.split(x, ends, -1), jnp.split(noisy, ends, -1), strict=True)
        parts = zip(self.spans, pairs, strict=True)
        return jnp.concatenate([span.act(*pair) for span, pair in parts], axis=-1)


class Discriminator(nn.Module):
    """From rows to logits [b]: leaky ReLU, then dropout (the rng "dropout")."""

    widths: tuple[int, ...] = (256, 256)
    classes: int = 0
    slope: float = 0.2
    dropout: float = 0.5

    @nn.compact
    def __call__(
        self, image: Float[Array, "b d"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, " b"]:
        one_hot = jax.nn.one_hot(label, self.classes, dtype=image.dtype)
        x = jnp.concatenate([image, one_hot], axis=-1)
        for width in self.widths:
            x = nn.leaky_relu(nn.Dense(width, kernel_init=INIT)(x), self.slope)
            x = nn.Dropout(self.dropout, deterministic=not train)(x)
        return nn.Dense(1, kernel_init=INIT)(x)[:, 0]


TINY = {
    "g": Example(partial(Generator, (*number(4), *category(3)), widths=(8, 8)), (5,)),
    "d": Example(partial(Discriminator, widths=(8, 8)), (8,)),
}
