"""ScratchGAN (d'Autume et al., 2019): a text GAN that needs no likelihood model.

G's tokens are choices, and its gradient comes from REINFORCE: D scores the text after each
token, and a token is rewarded for the scores from there on. The paper's batches are of 512,
its LSTMs of 512 units, two in G, and it has pretrained embeddings and 200,000 steps.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import optax

import ganjax as gx
from ganjax.data.texts import BYTE_PAIRS, CHARACTERS, WORDS
from ganjax.ops.texts import is_written


@dataclass(frozen=True)
class Args:
    run: gx.NoPrefix[gx.Run] = gx.Run("runs/scratchgan", steps=10_000, batch=128)
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
    d_width: gx.PositiveInt = 128
    d_embedding: gx.PositiveInt = 64
    dropout: gx.Fraction = 0.1
    """The share of D's embeddings that are dropped."""
    gamma: gx.Fraction = 0.23
    """How much less the reward of each further token counts."""
    baseline_decay: gx.Fraction = 0.08
    """The decay of the average return, which is subtracted from returns."""
    l2: gx.NonNegativeFloat = 1e-6
    """The weight of half the squared norm of D's weights."""
    g_lr: gx.PositiveFloat = 9.59e-5
    d_lr: gx.PositiveFloat = 9.38e-3


TINY = Args(
    gx.Run("runs/tiny_scratchgan", steps=4, batch=8),
    length=14,
    width=4,
    embedding=3,
    d_width=4,
    d_embedding=3,
)


def reinforce(gamma: float, decay: float) -> gx.Regularizer:
    """G's term: -E (R_t - b) log p(x_t), of each token that is a part of its text.

    With D's logits d_s after each token, the reward is r_s = 2 sigmoid(d_s) - 1, the return
    is R_t = sum over s >= t of gamma^(s - t) r_s, and the baseline b is a moving average of
    all returns, with this batch's in it.

    Args:
        gamma: the discount.
        decay: the decay of the baseline.
    """

    def apply(turn, baseline):
        rewards = 2 * jax.nn.sigmoid(turn.fake.logits) - 1
        gap = jnp.arange(rewards.shape[1])
        gap = gap[:, None] - gap[None]  # [s, t]
        discount = jnp.where(gap >= 0, gamma ** jnp.maximum(gap, 0), 0.0)
        # A fixed number per token: no gradient passes through D.
        returns = jax.lax.stop_gradient(rewards @ discount)
        mean = turn.on.mean(returns.mean())
        baseline = decay * baseline + (1 - decay) * mean
        text = jax.lax.stop_gradient(turn.fake.x)
        log_p = turn.g(text, turn.fake.label, method="log_likelihood")
        return -((returns - baseline) * log_p * is_written(text)).mean(), baseline

    return gx.Regularizer(init=lambda: jnp.zeros(()), apply=apply)


def make(args: Args) -> gx.Game:
    tokens = CHARACTERS if args.characters else WORDS
    tokens = BYTE_PAIRS if args.byte_pairs else tokens
    texts = gx.modalities.texts(args.data, args.length, tokens, args.vocabulary)
    size = gx.modalities.vocabulary_size(texts)
    text = gx.models.text
    g = text.Generator(size, args.width, args.embedding, soft=False)
    d = gx.models.scratchgan.Discriminator(args.d_width, args.d_embedding, args.dropout)
    reward = reinforce(args.gamma, args.baseline_decay)
    decayed = optax.add_decayed_weights(args.l2)
    # D's half of the usual sum; G's loss is the term of REINFORCE alone.
    adversarial = gx.losses.minimax()._replace(g=gx.losses.zero().g)
    return gx.game(
        gx.GAN(
            g=gx.Player(g, optax.adam(args.g_lr, b1=0.5), {"reinforce": reward}),
            d=gx.Player(d, optax.chain(decayed, optax.adam(args.d_lr, b1=0.5))),
            loss=gx.losses.weighted(adversarial, d=0.5),
            prior=text.gumbel(args.length, size),
            ema=optax.constant_schedule(0.0),
        ),
        texts,
    )


def main(args: Args):
    return gx.train(make(args), gx.Spec(args.data), args.run, config=args)


if __name__ == "__main__":
    gx.command(main)
