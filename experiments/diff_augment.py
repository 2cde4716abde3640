"""DiffAugment (Zhao et al., 2020): a GAN that is told of classes, from few images.

Colors, place and parts of every image that D sees are changed at random, real and
generated alike, so that D does not learn the few by heart. The networks are SNDCGAN's
(Miyato et al., 2018) with class-conditional batch norm and projection, the loss is the
hinge. `studies/augmented.py` asks whether what G makes helps a classifier.
"""

from dataclasses import dataclass

import optax

from ganjax import GAN, Game, Player, augment, game, losses, train
from ganjax.augment import diff_augment
from ganjax.core import half_life, normal
from ganjax.data import Spec
from ganjax.models import sndcgan
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
    run: NoPrefix[Run] = Run("runs/diff_augment", steps=20_000, batch=64)
    data: str = "tfds:cifar10"
    size: PositiveInt = 32
    """Height and width of the images, a multiple of 8."""
    channels: PositiveInt = 3
    classes: NonNegativeInt = 10
    """How many classes G is told of; 0 for none."""
    latent: PositiveInt = 128
    g_width: PositiveInt = 64
    d_width: PositiveInt = 64
    p: Fraction = 1.0
    """How often D sees an image that is changed."""
    lr: PositiveFloat = 2e-4


TINY = Args(
    Run("runs/tiny_diff_augment", steps=4, batch=8),
    data="digits",
    size=8,
    channels=1,
    latent=4,
    g_width=4,
    d_width=4,
)


def make(args: Args) -> Game:
    adam = optax.adam(args.lr, b1=0.5)
    g = sndcgan.Generator(args.size, args.channels, args.g_width, args.classes)
    d = sndcgan.Discriminator(args.d_width, args.classes)
    return game(
        GAN(
            g=Player(g, adam),
            d=Player(d, adam),
            loss=losses.hinge(),
            augment=augment.fixed(diff_augment(), args.p),
            prior=normal(args.latent),
            ema=half_life(22_000, args.run.batch, ramp=0.05),
        )
    )


def main(args: Args):
    return train(args, make(args), Spec(args.data, args.size, args.channels))


if __name__ == "__main__":
    command(main)
