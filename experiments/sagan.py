"""SAGAN on ImageNet at 128 px (Zhang et al., 2019), as in the authors' code.

Hinge loss, spectral norm on both, one turn each with a rate of its own, attention where
the side is 32. Published FID: 18.65, inception score 52.52. Others have not come near
them: StudioGAN's own run of this reached 51.82.
"""

from dataclasses import dataclass

import optax

from ganjax import GAN, Game, Player, augment, game, losses, train
from ganjax.core import normal
from ganjax.data import Spec
from ganjax.layers import sizes
from ganjax.models import sagan
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
    run: NoPrefix[Run] = Run("runs/sagan", steps=1_000_000, batch=256)
    data: str = "tfds:imagenet2012"
    size: PositiveInt = 128
    """Height and width of the images, 4 doubled once for each of G's blocks."""
    channels: PositiveInt = 3
    classes: NonNegativeInt = 1000
    """How many classes both are told of; 0 for none."""
    latent: PositiveInt = 128
    g_widths: tuple[PositiveInt, ...] = (1024, 512, 256, 128, 64)
    """Channels of G's blocks, from 8x8 up."""
    d_widths: tuple[PositiveInt, ...] = (64, 128, 256, 512, 1024, 1024)
    """Channels of D's, from the image down to 4x4, where the last one stays."""
    attention_resolution: PositiveInt = 32
    """Side of the feature maps at which both have self-attention."""
    g_lr: PositiveFloat = 1e-4
    d_lr: PositiveFloat = 4e-4


TINY = Args(
    Run("runs/tiny_sagan", steps=4, batch=8),
    data="digits",
    size=16,
    channels=1,
    classes=0,
    latent=4,
    g_widths=(8, 8),
    d_widths=(8, 8, 8),
    attention_resolution=64,
)


def make(args: Args) -> Game:
    adam = lambda rate: optax.adam(rate, b1=0.0, b2=0.999)
    sizes.check_stages("SAGAN's G", args.size, 8, len(args.g_widths))
    g = sagan.Generator(
        args.g_widths, args.channels, args.classes, args.attention_resolution
    )
    d = sagan.Discriminator(args.d_widths, 4, args.classes, args.attention_resolution)
    return game(
        GAN(
            g=Player(g, adam(args.g_lr)),
            d=Player(d, adam(args.d_lr)),
            loss=losses.hinge(),
            augment=augment.identity(),
            prior=normal(args.latent),
            ema=optax.constant_schedule(0.0),
        )
    )


def main(args: Args):
    return train(args, make(args), Spec(args.data, args.size, args.channels))


if __name__ == "__main__":
    command(main)
