"""RelGAN on texts (Nie et al., 2019), with an LSTM as its generator.

The relativistic loss, Gumbel-softmax whose inverse temperature grows to 100, a D of several
representations. As published it begins with a likelihood model: train `lstm.py` first, and
give `--init-from runs/lstm --init-parts g`.
"""

from dataclasses import dataclass

import optax

import ganjax as gx
from ganjax.data.texts import BYTE_PAIRS, CHARACTERS, WORDS


@dataclass(frozen=True)
class Args:
    run: gx.NoPrefix[gx.Run] = gx.Run("runs/relgan", steps=5_000, batch=64)
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
    d_width: gx.PositiveInt = 64
    representations: gx.PositiveInt = 16
    d_turns: gx.PositiveInt = 5
    beta: gx.PositiveFloat = 100.0
    """The largest inverse temperature."""
    anneal: gx.PositiveInt = 5_000
    """Steps over which it grows from 1 to that; a longer run goes on at the largest."""
    g_lr: gx.PositiveFloat = 1e-4
    d_lr: gx.PositiveFloat = 1e-4


TINY = Args(
    gx.Run("runs/tiny_relgan", steps=4, batch=8),
    length=14,
    width=4,
    embedding=3,
    d_width=3,
    representations=2,
    d_turns=1,
    anneal=4,
)


def make(args: Args) -> gx.Game:
    tokens = CHARACTERS if args.characters else WORDS
    tokens = BYTE_PAIRS if args.byte_pairs else tokens
    texts = gx.modalities.texts(args.data, args.length, tokens, args.vocabulary)
    size = gx.modalities.vocabulary_size(texts)
    text = gx.models.text
    g = text.Generator(
        size, args.width, args.embedding, beta=args.beta, anneal=args.anneal
    )
    d = text.Discriminator(args.d_width, args.representations)
    return gx.game(
        gx.GAN(
            g=gx.Player(g, optax.adam(args.g_lr, b1=0.9, b2=0.999)),
            d=gx.Player(d, optax.adam(args.d_lr, b1=0.9, b2=0.999)),
            loss=gx.losses.relativistic(),
            prior=text.gumbel(args.length, size),
            ema=optax.constant_schedule(0.0),
        ),
        texts,
    )


def main(args: Args):
    sizes = gx.Sizes(args.d_turns, d_batch=args.run.batch, g_batch=args.run.batch)
    return gx.train(make(args), gx.Spec(args.data), args.run, config=args, sizes=sizes)


if __name__ == "__main__":
    gx.command(main)
