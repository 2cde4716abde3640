"""Stacked digits by the non-saturating loss, with R1 (Mescheder et al., 2018) or without.

All else is as in `experiments/relativistic.py`. Without R1 it is the game of
Goodfellow et al. (2014).
"""

from dataclasses import dataclass

import optax

from ganjax import GAN, Game, Player, augment, game, losses, train
from ganjax.core import normal
from ganjax.models import mlp
from ganjax.regularizers import r1
from ganjax.run import (
    NonNegativeFloat,
    NoPrefix,
    PositiveFloat,
    PositiveInt,
    Run,
    command,
)


@dataclass(frozen=True)
class Args:
    run: NoPrefix[Run] = Run(
        "runs/non_saturating",
        steps=20_000,
        batch=64,
        evaluate_every=5_000,
        save_every=5_000,
    )
    latent: PositiveInt = 32
    """Numbers in a latent z."""
    width: PositiveInt = 256
    """Units in each of G's three hidden layers."""
    d_width: PositiveInt = 256
    """Units in each of D's three hidden layers."""
    lr: PositiveFloat = 1e-3
    gamma: NonNegativeFloat = 1.0
    """How much D's slope costs on real images; 0 is the game without a penalty."""


def make(args: Args) -> Game:
    adam = optax.adam(args.lr, b1=0.0, b2=0.99)
    penalties = {"r1": r1(args.gamma)} if args.gamma else {}
    return game(
        GAN(
            g=Player(mlp.Generator(shape=(8, 8, 3), width=args.width), adam),
            d=Player(mlp.Discriminator(width=args.d_width), adam, penalties),
            loss=losses.non_saturating(),
            augment=augment.identity(),
            prior=normal(args.latent),
            ema=optax.constant_schedule(0.999),
        )
    )


def main(args: Args):
    return train(make(args), "stacked_digits", args.run, config=args)


if __name__ == "__main__":
    command(main)
