"""Unrolled GAN (Metz et al., 2017): G trains against D as it will have answered.

Eight Gaussians on a ring. G's loss is that against a D which has taken `--unroll` more
steps, and its gradient passes through them: a G that moves all of its samples to one mode
is met by the D that this provokes. With 0 it is a plain GAN. After 2,500 steps all eight
modes are found with 5 (one seed), and one of them with 0 (two seeds), which finds all by
step 5,000.

Optimizers, batch and sizes are those of the authors' demonstration; the networks here have
leaky ReLUs for its tanh, and other initial weights.
"""

from dataclasses import dataclass

import optax

import ganjax as gx


@dataclass(frozen=True)
class Args:
    run: gx.NoPrefix[gx.Run] = gx.Run(
        "runs/unrolled", steps=25_000, batch=512, evaluate_every=5_000, save_every=5_000
    )
    unroll: gx.NonNegativeInt = 5
    """How many steps D is ahead of G."""
    latent: gx.PositiveInt = 256
    """Numbers in a latent z."""
    width: gx.PositiveInt = 128
    """Units in each of a network's two hidden layers."""
    g_lr: gx.PositiveFloat = 1e-3
    d_lr: gx.PositiveFloat = 1e-4
    beta1: gx.Fraction = 0.5


TINY = Args(
    gx.Run("runs/tiny_unrolled", steps=4, batch=16), unroll=2, latent=4, width=8
)


def zero_sum() -> gx.Loss:
    """The minimax game in full: G minimizes what D maximizes.

    `losses.minimax` leaves out E log D(x), which does not depend on G. Here it does, by way
    of the steps that D takes on G's samples.
    """
    d = gx.losses.minimax().d
    return gx.Loss(d=d, g=lambda real, fake: -d(real, fake))


def make(args: Args) -> gx.Game:
    g = gx.models.mlp.Generator(
        shape=(2,), width=args.width, depth=2, output=gx.models.mlp.linear
    )
    d = gx.models.mlp.Discriminator(width=args.width, depth=2)
    return gx.games.unrolled(
        gx.GAN(
            g=gx.Player(g, optax.adam(args.g_lr, b1=args.beta1)),
            d=gx.Player(d, optax.adam(args.d_lr, b1=args.beta1)),
            loss=zero_sum(),
            prior=gx.priors.normal(args.latent),
            ema=optax.constant_schedule(0.0),
        ),
        args.unroll,
        gx.modalities.POINTS,
    )


def main(args: Args):
    return gx.train(make(args), "ring", args.run, config=args)


if __name__ == "__main__":
    gx.command(main)
