"""A transformer that writes one token after another, in place of the LSTM of `models.text`.

Its layers are those of today's language models: normalization before attention and before
the feed-forward part, rotations for positions (RoPE: Su et al., 2021) and SwiGLU. A text
whose tokens are known passes through all places at once (`log_likelihood`). When it writes,
the keys and values of the tokens before are kept, so that a token is computed once, in one
scan. Both give the same logits.
"""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ganjax.errors import UsageError
from ganjax.layers import decoding
from ganjax.layers.example import Example
from ganjax.layers.tokens import GLOROT, FeedForward, apply_rope, sequence_angles
from ganjax.models import text


# The keys and the values of the tokens so far, [b, n, heads, size]; zeros for the others.
Cache = tuple[Array, Array]


class CausalAttention(nn.Module):
    """Multi-head self-attention, in which a token sees itself and those before it.

    Attributes:
        width: the width of the tokens.
        heads: the number of heads, which divides the width.
    """

    width: int
    heads: int

    def setup(self) -> None:
        self.qkv = nn.Dense(3 * self.width, use_bias=False, kernel_init=GLOROT)
        self.out = nn.Dense(self.width, kernel_init=GLOROT)

    def __call__(
        self, x: Float[Array, "b n d"], angles: Float[Array, "n half"]
    ) -> Float[Array, "b n d"]:
        """Returns what all tokens of a text attend to."""
        q, k, v = self.project(x, angles)
        attended = jax.nn.dot_product_attention(q, k, v, is_causal=True)
        return self.out(attended.reshape(x.shape))

    def next_token(
        self,
        x: Float[Array, "b 1 d"],
        angle: Float[Array, "1 half"],
        cache: Cache,
        position: Int[Array, ""],
    ) -> tuple[Float[Array, "b 1 d"], Cache]:
        """Returns what the token at a position attends to, and the cache with it."""
        q, *own = self.project(x, angle)
        k, v = (
            jax.lax.dynamic_update_slice_in_dim(before, new, position, 1)
            for before, new in zip(cache, own, strict=True)
        )
        seen = (jnp.arange(k.shape[1]) <= position)[None, None, None]
        attended = jax.nn.dot_product_attention(q, k, v, mask=seen)
        return self.out(attended.reshape(x.shape)), (k, v)

    def project(
        self, x: Float[Array, "b n d"], angles: Float[Array, "n half"]
    ) -> tuple[Array, Array, Array]:
        """Returns queries, keys and values [b, n, heads, size]."""
        shape = (*x.shape[:2], 3, self.heads, self.width // self.heads)
        q, k, v = (self.qkv(x).reshape(shape)[:, :, i] for i in range(3))
        return apply_rope(q, angles), apply_rope(k, angles), v


class Block(nn.Module):
    """Attention and a feed-forward part, each of normalized tokens and added to them."""

    width: int
    heads: int

    def setup(self) -> None:
        self.attention_norm = nn.LayerNorm()
        self.attention = CausalAttention(self.width, self.heads)
        self.feed_forward_norm = nn.LayerNorm()
        self.feed_forward = FeedForward()

    def __call__(
        self, x: Float[Array, "b n d"], angles: Float[Array, "n half"]
    ) -> Float[Array, "b n d"]:
        """Returns all tokens of a text after this block."""
        x = x + self.attention(self.attention_norm(x), angles)
        return x + self.feed_forward(self.feed_forward_norm(x))

    def next_token(
        self,
        x: Float[Array, "b 1 d"],
        angle: Float[Array, "1 half"],
        cache: Cache,
        position: Int[Array, ""],
    ) -> tuple[Float[Array, "b 1 d"], Cache]:
        """Returns the token at a position after this block, and the cache with it."""
        normalized = self.attention_norm(x)
        attended, cache = self.attention.next_token(normalized, angle, cache, position)
        x = x + attended
        return x + self.feed_forward(self.feed_forward_norm(x)), cache


class Generator(nn.Module):
    """A causal transformer that writes texts, token by token.

    Attributes:
        vocabulary: number of different tokens.
        width: numbers of a token's embedding.
        layers: how many blocks there are.
        heads: heads of attention, whose size is even.
        classes: number of classes, which enter before the first token; 0 for none.
        beta: the largest inverse temperature of the softmax in training.
        anneal: turns over which it grows to that from 1.
        soft: whether texts are soft while it trains; REINFORCE needs choices.

    Raises:
        UsageError: if the heads do not divide the width into even sizes.
    """

    vocabulary: int
    width: int = 128
    layers: int = 2
    heads: int = 4
    classes: int = 0
    beta: float = 100.0
    anneal: int = 10_000
    soft: bool = True

    def setup(self) -> None:
        if self.width % (2 * self.heads):
            raise UsageError(
                f"A width of {self.width} cannot be divided among {self.heads} heads of an "
                f"even size: give a multiple of {2 * self.heads}."
            )
        self.embed = nn.Dense(self.width, use_bias=False, kernel_init=GLOROT)
        self.begin = nn.Dense(self.width, kernel_init=GLOROT)
        self.blocks = [Block(self.width, self.heads) for _ in range(self.layers)]
        self.norm = nn.LayerNorm()
        self.out = nn.Dense(self.vocabulary, kernel_init=GLOROT)
        self.turns = decoding.count_turns(self)

    def __call__(
        self, z: Float[Array, "b n v"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b n v"]:
        """Writes texts, soft ones while it trains."""
        choose = decoding.chooser(
            self, self.turns, self.beta, self.anneal, soft=self.soft, train=train
        )
        return decoding.decode(self, self.first(label, z.shape[1]), z, choose)

    def log_likelihood(
        self, x: Float[Array, "b n v"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b n"]:
        """Returns the log-probability of each token of texts, given those before it."""
        begin = self.begin(decoding.given_class(label, self.classes))
        # Each place is given the token before it.
        seen = jnp.concatenate([begin[:, None], self.embed(x[:, :-1])], 1)
        angles = self.angles(x.shape[1])
        for block in self.blocks:
            seen = block(seen, angles)
        logits = self.out(self.norm(seen))
        return (nn.log_softmax(logits) * x).sum(-1)

    def first(self, label: Int[Array, " b"], length: int) -> tuple:
        """Returns empty caches, the first position, and what is in place of a token."""
        shape = (len(label), length, self.heads, self.width // self.heads)
        caches = tuple((jnp.zeros(shape), jnp.zeros(shape)) for _ in self.blocks)
        begin = self.begin(decoding.given_class(label, self.classes))
        return (caches, jnp.zeros((), jnp.int32)), begin

    def next_token(self, state: tuple, token: Float[Array, "b d"]) -> tuple:
        """Returns the state after a token, and the logits [b, v] of the next."""
        caches, position = state
        length = caches[0][0].shape[1]
        angle = jax.lax.dynamic_slice_in_dim(self.angles(length), position, 1)
        x, kept = token[:, None], []
        for block, cache in zip(self.blocks, caches, strict=True):
            x, cache = block.next_token(x, angle, cache, position)
            kept.append(cache)
        return (tuple(kept), position + 1), self.out(self.norm(x))[:, 0]

    def angles(self, length: int) -> Float[Array, "n half"]:
        """Returns the angles by which queries and keys are rotated at each place."""
        return sequence_angles(length, self.width // self.heads)


TINY = {
    "g": Example(partial(Generator, 5, width=8, layers=1, heads=2), (6, 5)),
    "d": text.TINY["d"],
}
