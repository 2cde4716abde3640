"""SNGAN on CIFAR-10 (Miyato et al., 2018), as in the authors' configuration.

Hinge loss, spectral norm on D, five D turns a step, 64 images for D and 128 for G, both
learning rates falling to zero over the run. With `--classes 10` it is the projection
discriminator of Miyato & Koyama (2018). Published FID: 21.7, or 8.2 inception score.
"""

from dataclasses import dataclass

import optax

from ganjax import GAN, Game, Player, augment, game, losses, train
from ganjax.core import normal
from ganjax.data import Sizes, Spec
from ganjax.models import resnet
from ganjax.run import (
    NonNegativeInt,
    NoPrefix,
    PositiveFloat,
    PositiveInt,
    Run,
    command,
)


@dataclass(frozen=True)
class Args:
    run: NoPrefix[Run] = Run("runs/sngan", steps=50_000, batch=64)
    data: str = "tfds:cifar10"
    classes: NonNegativeInt = 0
    latent: PositiveInt = 128
    channels: PositiveInt = 3
    g_width: PositiveInt = 256
    d_width: PositiveInt = 128
    d_turns: PositiveInt = 5
    lr: PositiveFloat = 2e-4


TINY = Args(
    Run("runs/tiny_sngan", steps=4, batch=8),
    data="digits",
    latent=4,
    g_width=4,
    d_width=5,
    d_turns=2,
)


def make(args: Args) -> Game:
    def adam(turns):
        falling = optax.linear_schedule(args.lr, 0.0, args.run.steps * turns)
        return optax.adam(falling, b1=0.0, b2=0.9)

    g = resnet.Generator(32, args.channels, args.g_width, classes=args.classes)
    d = resnet.Discriminator(width=args.d_width, classes=args.classes)
    return game(
        GAN(
            g=Player(g, adam(1)),
            d=Player(d, adam(args.d_turns)),
            loss=losses.hinge(),
            augment=augment.identity(),
            prior=normal(args.latent),
            ema=optax.constant_schedule(0.0),
        )
    )


def main(args: Args):
    sizes = Sizes(args.d_turns, d_batch=args.run.batch, g_batch=2 * args.run.batch)
    return train(
        args, make(args), Spec(args.data, size=32, channels=args.channels), sizes
    )


if __name__ == "__main__":
    command(main)
