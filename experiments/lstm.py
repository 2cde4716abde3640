"""An LSTM that maximizes the likelihood of a text: the baseline of text GANs.

Adversarial training begins with its weights: `relgan.py --init-from RUN --init-parts g`.
"""

from dataclasses import dataclass

import optax

import ganjax as gx
from ganjax.data.texts import BYTE_PAIRS, CHARACTERS, WORDS


@dataclass(frozen=True)
class Args:
    run: gx.NoPrefix[gx.Run] = gx.Run("runs/lstm", steps=5_000, batch=64)
    data: str = "grammar"
    """A .txt, a folder of them, tfds:NAME, or a built-in text: grammar, oracle."""
    length: gx.PositiveInt = 16
    """Tokens of a text."""
    characters: bool = False
    """Divides lines into characters instead of words."""
    byte_pairs: bool = False
    """Divides lines into frequent parts of words; it needs the extra `text`."""
    vocabulary: gx.PositiveInt = 5_000
    """The largest number of different tokens."""
    width: gx.PositiveInt = 128
    embedding: gx.PositiveInt = 32
    lr: gx.PositiveFloat = 1e-3


TINY = Args(gx.Run("runs/tiny_lstm", steps=4, batch=8), length=14, width=4, embedding=3)


def make(args: Args) -> gx.Game:
    tokens = CHARACTERS if args.characters else WORDS
    tokens = BYTE_PAIRS if args.byte_pairs else tokens
    texts = gx.modalities.texts(args.data, args.length, tokens, args.vocabulary)
    size = gx.modalities.vocabulary_size(texts)
    text = gx.models.text
    net = text.Generator(size, args.width, args.embedding)
    player = gx.Player(net, optax.adam(args.lr))
    prior = text.gumbel(args.length, size)
    return gx.games.likelihood(player, prior, texts)


def main(args: Args):
    return gx.train(make(args), gx.Spec(args.data), args.run, config=args)


if __name__ == "__main__":
    gx.command(main)
