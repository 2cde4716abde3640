"""Eight Gaussians on a ring: the smallest GAN that can still lose a mode.

MLP players, relativistic loss, R1 and R2 (the objective of R3GAN, Huang et al., 2024).
"""

from dataclasses import dataclass

import optax

from ganjax import GAN, Game, Player, augment, game, losses, train
from ganjax.core import normal
from ganjax.data import Spec
from ganjax.modalities import POINTS
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
    run: NoPrefix[Run] = Run("runs/ring", steps=3_000, batch=512, evaluate_every=1_000)
    width: PositiveInt = 128
    lr: PositiveFloat = 1e-3
    gamma: NonNegativeFloat = 0.1


TINY = Args(Run("runs/tiny_ring", steps=4, batch=16), width=8)


def make(args: Args) -> Game:
    adam = optax.adam(args.lr, b1=0.0, b2=0.99)
    penalties = {"r1": r1(args.gamma), "r2": r2(args.gamma)}
    g = mlp.Generator(shape=(2,), width=args.width, output=mlp.linear)
    d = mlp.Discriminator(width=args.width)
    return game(
        GAN(
            g=Player(g, adam),
            d=Player(d, adam, penalties),
            loss=losses.relativistic(),
            augment=augment.identity(),
            prior=normal(2),
            ema=optax.constant_schedule(0.999),
        ),
        POINTS,
    )


def main(args: Args):
    return train(args, make(args), Spec("ring"))


if __name__ == "__main__":
    command(main)
