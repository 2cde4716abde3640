"""DiffAugment (Zhao et al., 2020): a GAN that is told of classes, from few images.

Colors, place and parts of every image that D sees are changed at random, real and
generated alike, so that D does not learn the few by heart. The networks are SNDCGAN's
(Miyato et al., 2018) with class-conditional batch norm and projection, the loss is the
hinge. `studies/augmented.py` asks whether what G makes helps a classifier.
"""

from dataclasses import dataclass

import optax

import ganjax as gx


@dataclass(frozen=True)
class Args:
    run: gx.NoPrefix[gx.Run] = gx.Run("runs/diff_augment", steps=20_000, batch=64)
    data: str = "tfds:cifar10"
    size: gx.PositiveInt = 32
    """Height and width of the images, a multiple of 8."""
    channels: gx.PositiveInt = 3
    classes: gx.NonNegativeInt = 10
    """How many classes G is told of; 0 for none."""
    latent: gx.PositiveInt = 128
    g_width: gx.PositiveInt = 64
    d_width: gx.PositiveInt = 64
    p: gx.Fraction = 1.0
    """How often D sees an image that is changed."""
    lr: gx.PositiveFloat = 2e-4


TINY = Args(
    gx.Run("runs/tiny_diff_augment", steps=4, batch=8),
    data="digits",
    size=8,
    channels=1,
    latent=4,
    g_width=4,
    d_width=4,
)


def make(args: Args) -> gx.Game:
    adam = optax.adam(args.lr, b1=0.5)
    g = gx.models.sndcgan.Generator(
        args.size, args.channels, args.g_width, args.classes
    )
    d = gx.models.sndcgan.Discriminator(args.d_width, args.classes)
    return gx.game(
        gx.GAN(
            g=gx.Player(g, adam),
            d=gx.Player(d, adam),
            loss=gx.losses.hinge(),
            augment=gx.augment.fixed(gx.augment.diff_augment(), args.p),
            prior=gx.priors.normal(args.latent),
            ema=gx.schedules.half_life(22_000, args.run.batch, ramp=0.05),
        )
    )


def main(args: Args):
    return gx.train(
        make(args), gx.Spec(args.data, args.size, args.channels), args.run, config=args
    )


if __name__ == "__main__":
    gx.command(main)
