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

from ganjax import GAN, Game, Player, augment, losses, train
from ganjax.core import Loss, normal
from ganjax.data import Spec
from ganjax.games import unrolled
from ganjax.modalities import POINTS
from ganjax.models import mlp
from ganjax.run import (
    Fraction,
    NonNegativeInt,
    NoPrefix,
    PositiveFloat,
    PositiveInt,
    Run,
    command,
)


@dataclass(frozen=True)
class Args:
    run: NoPrefix[Run] = Run(
        "runs/unrolled", steps=25_000, batch=512, evaluate_every=5_000, save_every=5_000
    )
    unroll: NonNegativeInt = 5
    """How many steps D is ahead of G."""
    latent: PositiveInt = 256
    """Numbers in a latent z."""
    width: PositiveInt = 128
    """Units in each of a network's two hidden layers."""
    g_lr: PositiveFloat = 1e-3
    d_lr: PositiveFloat = 1e-4
    beta1: Fraction = 0.5


TINY = Args(Run("runs/tiny_unrolled", steps=4, batch=16), unroll=2, latent=4, width=8)


def zero_sum() -> Loss:
    """The minimax game in full: G minimizes what D maximizes.

    `losses.minimax` leaves out E log D(x), which does not depend on G. Here it does, by way
    of the steps that D takes on G's samples.
    """
    d = losses.minimax().d
    return Loss(d=d, g=lambda real, fake: -d(real, fake))


def make(args: Args) -> Game:
    g = mlp.Generator(shape=(2,), width=args.width, depth=2, output=mlp.linear)
    d = mlp.Discriminator(width=args.width, depth=2)
    return unrolled(
        GAN(
            g=Player(g, optax.adam(args.g_lr, b1=args.beta1)),
            d=Player(d, optax.adam(args.d_lr, b1=args.beta1)),
            loss=zero_sum(),
            augment=augment.identity(),
            prior=normal(args.latent),
            ema=optax.constant_schedule(0.0),
        ),
        args.unroll,
        POINTS,
    )


def main(args: Args):
    return train(args, make(args), Spec("ring"))


if __name__ == "__main__":
    command(main)
