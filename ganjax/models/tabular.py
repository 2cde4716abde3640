"""The networks of CTGAN (Xu et al., 2019, section 4), which generate rows of tables.

A table has continuous and discrete columns. By mode-specific normalization a continuous
value becomes a one-hot vector, which names the mode of the column that it belongs to, and a
scalar in -1..1, its position relative to that mode. A discrete value becomes a one-hot
vector. So a row is a concatenation of scalars and one-hot vectors, and the outputs of the
last layer that make one of them are a `Span`. Conditions enter as a one-hot label.
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import accumulate
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ganjax.errors import UsageError
from ganjax.layers import sizes
from ganjax.layers.example import Example
from ganjax.layers.normalization import BatchNorm


INIT = nn.initializers.variance_scaling(1 / 3, "fan_in", "uniform")  # PyTorch's default


class Span(NamedTuple):
    """Neighboring outputs of the last layer, and their activation.

    Attributes:
        width: number of outputs.
        activation: (x, noisy) -> columns of a row. `x` are the outputs, `noisy` the same
            after Gumbel noise and the division by the temperature.
    """

    width: int
    activation: Callable[
        [Float[Array, "b w"], Float[Array, "b w"]], Float[Array, "b w"]
    ]


def scalar(x: Float[Array, "b w"], noisy: Float[Array, "b w"]) -> Float[Array, "b w"]:
    """Returns scalars in -1..1, as an `activation`; it ignores the noise."""
    return jnp.tanh(x)


def one_hot(x: Float[Array, "b w"], noisy: Float[Array, "b w"]) -> Float[Array, "b w"]:
    """Returns nearly one-hot vectors, as an `activation`, by a Gumbel softmax.

    See Jang et al. (2017).
    """
    return nn.softmax(noisy)


def continuous(modes: int = 10) -> tuple[Span, ...]:
    """Returns the spans of a continuous column: position in the mode, then the mode."""
    return Span(1, scalar), Span(modes, one_hot)


def discrete(count: int) -> tuple[Span, ...]:
    """Returns the span of a discrete column of `count` values."""
    return (Span(count, one_hot),)


def spans(layout: Sequence[tuple[bool, int]]) -> tuple[Span, ...]:
    """Returns the spans of all columns of a table.

    Args:
        layout: of each column, whether it is continuous, and the number of its modes or of
            its values; `ganjax.data.schema.Schema.layout`.
    """
    columns = (
        continuous(width) if is_continuous else discrete(width)
        for is_continuous, width in layout
    )
    return tuple(span for column in columns for span in column)


class Generator(nn.Module):
    """Maps z to rows [b, d].

    Hidden layers are concatenated with their input, as in a DenseNet.

    Attributes:
        spans: the spans of all columns in their order, `(*continuous(), *discrete(3))`.
        widths: units of each hidden layer.
        classes: number of conditions, 0 for an unconditional generator.
        temperature: temperature of the Gumbel softmax.
        noise: scale of the Gumbel noise (the rng "noise"), which is drawn in training and
            evaluation alike.
    """

    spans: tuple[Span, ...]
    widths: tuple[int, ...] = (256, 256)
    classes: int = 0
    temperature: float = 0.2
    noise: float = 1.0

    def __call__(
        self, z: Float[Array, "b z"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b d"]:
        x = self.outputs(z, label, train=train)
        # Gumbel noise samples the one-hot vectors; a low temperature makes them sharp.
        gumbel = jax.random.gumbel(self.make_rng("noise"), x.shape, x.dtype)
        noisy = (x + self.noise * gumbel) / self.temperature

        # Each span has its own activation.
        *ends, _ = accumulate(span.width for span in self.spans)
        parts = zip(
            self.spans, jnp.split(x, ends, -1), jnp.split(noisy, ends, -1), strict=True
        )
        return jnp.concatenate(
            [span.activation(part, noisy_part) for span, part, noisy_part in parts],
            axis=-1,
        )

    @nn.compact
    def outputs(
        self, z: Float[Array, "b z"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b d"]:
        """Returns the outputs of the last layer, before their activations.

        They are the logits of the one-hot vectors (`regularizers.conditional_column`).
        """
        sizes.check_positive(
            "CTGAN's G", "spans of widths", [s.width for s in self.spans]
        )
        condition = jax.nn.one_hot(label, self.classes, dtype=z.dtype)
        x = jnp.concatenate([z, condition], axis=-1)
        # Each hidden layer sees the outputs of all layers before it, z and the condition.
        for width in self.widths:
            h = nn.Dense(width, use_bias=False, kernel_init=INIT)(x)
            h = nn.relu(BatchNorm()(h, label, train=train))
            x = jnp.concatenate([h, x], axis=-1)
        return nn.Dense(sum(span.width for span in self.spans), kernel_init=INIT)(x)


class Discriminator(nn.Module):
    """Maps rows to logits: dense layers, each with a leaky ReLU and dropout.

    With `pack` above 1 it judges as many rows together (PacGAN; Lin et al., 2018), so that
    a generator which repeats itself is found out, and there is one logit for each pack.

    Attributes:
        widths: units of each hidden layer.
        classes: number of conditions, 0 for an unconditional discriminator.
        slope: slope of the leaky ReLU.
        dropout: dropout rate (the rng "dropout").
        pack: rows that are judged together; 10 in the paper. Batches are multiples of it.
    """

    widths: tuple[int, ...] = (256, 256)
    classes: int = 0
    slope: float = 0.2
    dropout: float = 0.5
    pack: int = 1

    @nn.compact
    def __call__(
        self, image: Float[Array, "b d"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, " packs"]:
        if len(image) % self.pack:
            raise UsageError(
                f"CTGAN's D judges {self.pack} rows together, not {len(image)}: "
                f"give each device a multiple of {self.pack} in a batch."
            )
        # Without classes the one-hot label has no columns.
        condition = jax.nn.one_hot(label, self.classes, dtype=image.dtype)
        x = jnp.concatenate([image, condition], axis=-1)
        x = x.reshape(len(x) // self.pack, -1)
        for width in self.widths:
            # No norms: the published D is trained with a gradient penalty, which a batch
            # norm would make depend on the other rows of the batch.
            x = nn.leaky_relu(nn.Dense(width, kernel_init=INIT)(x), self.slope)
            x = nn.Dropout(self.dropout, deterministic=not train)(x)
        return nn.Dense(1, kernel_init=INIT)(x)[:, 0]


TINY = {
    "g": Example(
        partial(Generator, (*continuous(4), *discrete(3)), widths=(8, 8)), (5,)
    ),
    "d": Example(partial(Discriminator, widths=(8, 8)), (8,)),
}
