"""Handwritten digits by two small MLPs: the first GAN to run.

1,797 images of 8x8 pixels come with the installation. Relativistic loss, R1 and R2 (the
objective of R3GAN, Huang et al., 2024); half of the images are held out for the scores.
"""

from dataclasses import dataclass

import optax

from ganjax import GAN, Game, Player, augment, game, losses, train
from ganjax.core import normal
from ganjax.data import Spec
from ganjax.models import mlp
from ganjax.regularizers import r1, r2
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
        "runs/mlp",
        steps=20_000,
        batch=64,
        log_every=100,
        sample_every=1_000,
        evaluate_every=2_000,
        save_every=2_000,
    )
    latent: PositiveInt = 32
    """Numbers in a latent z."""
    width: PositiveInt = 256
    """Units in each of a network's three hidden layers."""
    lr: PositiveFloat = 2e-4
    gamma: NonNegativeFloat = 1.0
    """How much D's slope costs, on real and on generated images."""


TINY = Args(Run("runs/tiny_mlp", steps=4, batch=16), latent=4, width=8)


def make(args: Args) -> Game:
    adam = optax.adam(args.lr, b1=0.0, b2=0.99)
    penalties = {"r1": r1(args.gamma), "r2": r2(args.gamma)}
    return game(
        GAN(
            g=Player(mlp.Generator(shape=(8, 8, 1), width=args.width), adam),
            d=Player(mlp.Discriminator(width=args.width), adam, penalties),
            loss=losses.relativistic(),
            augment=augment.identity(),
            prior=normal(args.latent),
            ema=optax.constant_schedule(0.999),
        )
    )


def main(args: Args):
    return train(args, make(args), Spec("digits"))


if __name__ == "__main__":
    command(main)
