"""ScratchGAN's D (d'Autume et al., 2019): a recurrent one with a logit for each token.

It reads a text from left to right and says after each token whether the text is real so
far, so that G gets a reward for each token. Its G is that of `models.text`, with
`soft=False`: its gradient comes from REINFORCE (`experiments/scratchgan.py`).
"""

from functools import partial

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ganjax.layers import heads
from ganjax.layers.example import Example
from ganjax.models import text
from ganjax.ops.texts import is_written


POSITIONS = 8  # sinusoids of the position of a token
INIT = nn.initializers.glorot_uniform()


class LayerNormLSTMCell(nn.Module):
    """An LSTM whose gates are normalized together (Ba et al., 2016).

    Attributes:
        width: units of the state.
    """

    width: int

    @nn.compact
    def __call__(
        self, carry: tuple[Array, Array], x: Float[Array, "b d"]
    ) -> tuple[tuple[Array, Array], Float[Array, "b w"]]:
        hidden, cell = carry
        # No bias, as the normalization would take it away.
        dense = nn.Dense(4 * self.width, use_bias=False, kernel_init=INIT, name="gates")
        gates = nn.LayerNorm()(dense(jnp.concatenate([x, hidden], -1)))
        i, candidate, f, o = jnp.split(gates, 4, axis=-1)
        # It begins with a forget gate that is open.
        cell = nn.sigmoid(f + 1) * cell + nn.sigmoid(i) * jnp.tanh(candidate)
        hidden = nn.sigmoid(o) * jnp.tanh(cell)
        return (hidden, cell), hidden


class Discriminator(nn.Module):
    """An LSTM that gives a logit after each token, and 0 after the end of a text.

    Attributes:
        width: units of the LSTM; 512 in the paper.
        embedding: numbers of a token's embedding. The paper adds 300 that are pretrained.
        dropout: the share of the embeddings' numbers that are dropped in training.
        classes: number of classes, 0 for an unconditional discriminator.
        head: makes the last layer; see `ganjax.layers.heads`.
    """

    width: int = 128
    embedding: int = 64
    dropout: float = 0.1
    classes: int = 0
    head: heads.Head = heads.Projection

    @nn.compact
    def __call__(
        self, image: Float[Array, "b n v"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b n"]:
        b, n, vocabulary = image.shape
        table = self.param("embedding", INIT, (vocabulary, self.embedding))
        # As in the released program, the same numbers are dropped in all texts of a batch.
        table = nn.Dropout(self.dropout, deterministic=not train)(table)
        position = jnp.broadcast_to(_position_signal(n), (b, n, POSITIONS))
        x = jnp.concatenate([image @ table, position], -1)
        x = nn.Dense(self.width, kernel_init=INIT, name="project")(x)
        over_tokens = nn.scan(
            LayerNormLSTMCell,
            variable_broadcast="params",
            split_rngs={"params": False},
            in_axes=1,
            out_axes=1,
        )
        zero = jnp.zeros((b, self.width))
        _, hidden = over_tokens(self.width, name="cell")((zero, zero), x)
        head = self.head(self.classes, kernel_init=INIT, name="head")
        labels = jnp.repeat(label, n)
        logits = head(hidden.reshape(b * n, self.width), labels, train=train)
        return logits.reshape(b, n) * is_written(image)


def _position_signal(length: int) -> Float[np.ndarray, "n p"]:
    """Returns sinusoids of positions, of periods from 4 tokens to twice the length.

    Args:
        length: the number of tokens.
    """
    halves = np.exp(np.linspace(np.log(2.0), np.log(length), POSITIONS))
    shifts = np.linspace(0.0, 2.0, POSITIONS)
    angles = np.arange(length)[:, None] / halves[None] + shifts[None]
    return np.cos(np.pi * angles).astype(np.float32)


TINY = {
    "g": text.TINY["g"],
    "d": Example(partial(Discriminator, width=4, embedding=3), (6, 5)),
}
