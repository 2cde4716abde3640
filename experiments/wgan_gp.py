"""WGAN-GP on CIFAR-10 (Gulrajani et al., 2017), as in the authors' residual network.

Wasserstein loss, a gradient penalty of 10, batch norm in G and none in D, five D turns a
step, 64 images for D and 128 for G, both learning rates falling to zero over the run.
"""

from dataclasses import dataclass

import optax

from ganjax import GAN, Game, Player, augment, game, losses, train
from ganjax.core import normal
from ganjax.data import Sizes, Spec
from ganjax.models import resnet
from ganjax.regularizers import gradient_penalty
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
    run: NoPrefix[Run] = Run("runs/wgan_gp", steps=100_000, batch=64)
    data: str = "tfds:cifar10"
    latent: PositiveInt = 128
    width: PositiveInt = 128
    d_turns: PositiveInt = 5
    lr: PositiveFloat = 2e-4
    penalty: NonNegativeFloat = 10.0


TINY = Args(
    Run("runs/tiny_wgan_gp", steps=4, batch=8),
    data="digits",
    latent=4,
    width=4,
    d_turns=2,
)


def make(args: Args) -> Game:
    def adam(turns):
        falling = optax.linear_schedule(args.lr, 0.0, args.run.steps * turns)
        return optax.adam(falling, b1=0.0, b2=0.9)

    g = resnet.Generator(width=args.width)
    d = resnet.Critic(width=args.width)
    penalty = {"gradient_penalty": gradient_penalty(args.penalty)}
    return game(
        GAN(
            g=Player(g, adam(1)),
            d=Player(d, adam(args.d_turns), penalty),
            loss=losses.wasserstein(),
            augment=augment.identity(),
            prior=normal(args.latent),
            ema=optax.constant_schedule(0.0),
        )
    )


def main(args: Args):
    sizes = Sizes(args.d_turns, d_batch=args.run.batch, g_batch=2 * args.run.batch)
    return train(args, make(args), Spec(args.data, size=32, channels=3), sizes)


if __name__ == "__main__":
    command(main)
