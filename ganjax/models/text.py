"""Networks for text: an LSTM that writes one token after another, and RelGAN's D.

A text is one-hot vectors [b, n, v], n tokens of a vocabulary of v. While it trains G gives
soft ones, so that D's gradient reaches it (`layers.decoding`); otherwise it gives choices.
The noise of the choices is z, so that a text follows from z alone, and z times t gives
texts at the temperature t.

`Generator.log_likelihood` is the likelihood model that adversarial training starts from, of
the same weights: the recurrent baseline. `models.text_transformer` has another such G.
"""

from collections.abc import Callable
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from ganjax.layers import decoding, heads
from ganjax.layers.example import Example


INIT = nn.initializers.glorot_uniform()
WINDOWS = (2, 3, 4, 5)  # tokens that D's convolutions see at once


def gumbel(
    length: int, vocabulary: int, temperature: float = 1.0
) -> Callable[[Key[Array, ""]], Float[Array, "n v"]]:
    """Returns the prior of texts: a key -> Gumbel noise [length, vocabulary].

    The token with the largest logit + noise is a draw of the softmax of the logits; with
    noise times the temperature, of that of the logits over the temperature.

    Args:
        length: tokens of a text.
        vocabulary: number of different tokens.
        temperature: below 1 texts are more probable and less diverse.
    """

    def draw(key: Key[Array, ""]) -> Float[Array, "n v"]:
        return temperature * jax.random.gumbel(key, (length, vocabulary))

    return draw


class Generator(nn.Module):
    """An LSTM that writes texts, token by token.

    Attributes:
        vocabulary: number of different tokens.
        width: units of the LSTM.
        embedding: numbers of a token's embedding.
        classes: number of classes, which enter at the first token; 0 for none.
        beta: the largest inverse temperature of the softmax in training.
        anneal: turns over which it grows to that from 1, by a power (Nie et al., 2019).
        soft: whether texts are soft while it trains; REINFORCE needs choices.
    """

    vocabulary: int
    width: int = 128
    embedding: int = 32
    classes: int = 0
    beta: float = 100.0
    anneal: int = 10_000
    soft: bool = True

    def setup(self) -> None:
        self.embed = nn.Dense(self.embedding, use_bias=False, kernel_init=INIT)
        self.begin = nn.Dense(self.embedding, kernel_init=INIT)
        self.cell = nn.OptimizedLSTMCell(self.width)
        self.out = nn.Dense(self.vocabulary, kernel_init=INIT)
        self.turns = decoding.count_turns(self)

    def __call__(
        self, z: Float[Array, "b n v"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b n v"]:
        """Writes texts, soft ones while it trains."""
        choose = decoding.chooser(
            self, self.turns, self.beta, self.anneal, soft=self.soft, train=train
        )
        return decoding.decode(self, self.first(label), z, choose)

    def log_likelihood(
        self, x: Float[Array, "b n v"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b n"]:
        """Returns the log-probability of each token of texts, given those before it."""

        def read(module, carry, token):
            state, before = carry
            state, logits = module.next_token(state, before)
            found = (nn.log_softmax(logits) * token).sum(-1)
            return (state, module.embed(token)), found

        over_tokens = nn.scan(
            read, variable_broadcast=("params", "counter"), split_rngs={"params": False}
        )
        _, found = over_tokens(self, self.first(label), x.swapaxes(0, 1))
        return found.swapaxes(0, 1)

    def first(self, label: Int[Array, " b"]) -> tuple:
        """Returns the state before the first token, and what stands in its place."""
        shape = (len(label), self.embedding)
        state = self.cell.initialize_carry(jax.random.key(0), shape)
        return state, self.begin(decoding.given_class(label, self.classes))

    def next_token(self, state: tuple, token: Float[Array, "b e"]) -> tuple:
        """Returns the state after a token, and the logits [b, v] of the next."""
        state, hidden = self.cell(state, token)
        return state, self.out(hidden)


class Discriminator(nn.Module):
    """RelGAN's D (Nie et al., 2019): convolutions over several embeddings of a text.

    Attributes:
        width: channels of each convolution.
        representations: embeddings of the text, each of which gets a logit of its own.
        embedding: numbers of a token in each of them.
        classes: number of classes, 0 for an unconditional discriminator.
        head: makes the last layer; see `ganjax.layers.heads`.
    """

    width: int = 64
    representations: int = 16
    embedding: int = 4
    classes: int = 0
    head: heads.Head = heads.Projection

    @nn.compact
    def __call__(
        self, image: Float[Array, "b n v"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b r"]:
        b, n, _ = image.shape
        r = self.representations
        x = nn.Dense(r * self.embedding, use_bias=False, kernel_init=INIT)(image)
        # [b, n, r e] to [b r, n, e]: each representation is read by the same filters.
        x = x.reshape(b, n, r, self.embedding).swapaxes(1, 2)
        x = x.reshape(b * r, n, self.embedding)
        found = []
        for window in WINDOWS:
            # Short texts are followed by zeros, so that each window fits.
            padded = jnp.pad(x, ((0, 0), (0, max(0, window - n)), (0, 0)))
            seen = jnp.concatenate(
                [
                    padded[:, i : padded.shape[1] - window + 1 + i]
                    for i in range(window)
                ],
                axis=-1,
            )
            seen = nn.relu(nn.Dense(self.width, kernel_init=INIT)(seen))
            found.append(seen.max(1))
        x = jnp.concatenate(found, -1)
        # A highway layer, as in the paper.
        gate = nn.sigmoid(nn.Dense(x.shape[-1], kernel_init=INIT)(x))
        x = gate * nn.relu(nn.Dense(x.shape[-1], kernel_init=INIT)(x)) + (1 - gate) * x
        head = self.head(self.classes, kernel_init=INIT, name="head")
        labels = jnp.repeat(label, r)
        return head(x, labels, train=train).reshape(b, r)


TINY = {
    "g": Example(partial(Generator, 5, width=4, embedding=3), (6, 5)),
    "d": Example(partial(Discriminator, width=3, representations=2), (6, 5)),
}
