"""Three digits in one image: a thousand modes for two small MLPs to find.

StackedMNIST's protocol (Metz et al., 2017; Srivastava et al., 2017; Lin et al., 2018) on
the 8x8 digits that come with the installation. Relativistic loss, R1 and R2 (the
objective of R3GAN, Huang et al., 2024). `modes` counts the combinations of digits among
25,600 samples; `kl` is their divergence from equal frequency, in nats.
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
        "runs/relativistic",
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
    """How much D's slope costs, on real and on generated images."""


TINY = Args(
    Run("runs/tiny_relativistic", steps=4, batch=16), latent=4, width=8, d_width=8
)


def make(args: Args) -> Game:
    adam = optax.adam(args.lr, b1=0.0, b2=0.99)
    penalties = {"r1": r1(args.gamma), "r2": r2(args.gamma)}
    return game(
        GAN(
            g=Player(mlp.Generator(shape=(8, 8, 3), width=args.width), adam),
            d=Player(mlp.Discriminator(width=args.d_width), adam, penalties),
            loss=losses.relativistic(),
            augment=augment.identity(),
            prior=normal(args.latent),
            ema=optax.constant_schedule(0.999),
        )
    )


def main(args: Args):
    return train(args, make(args), Spec("stacked_digits"))


if __name__ == "__main__":
    command(main)
