"""The sample DCGAN of many tutorials, repaired, on any images.

Its hyperparameters are kept: z 100, batch 32, Adam 2e-4 / 0.5, leaky ReLU 0.2, batch
norm 0.8, dropout 0.3, a first grid of 8x8x256, images of 64x64x3. As it is often
printed it cannot run or learn, for these reasons:

- G reshapes to (-1, 8*8*256), which no transposed convolution takes; here it is 8x8x256.
- G makes one channel, while D expects 64x64x3; here both have `--channels`.
- One loss, D's, serves both players, and both minimize it; here each has its own.
- That loss sums raw logits with no cross-entropy; here it is the non-saturating one.
- The noise is drawn once, before the loop; here every turn of every step draws its own.
"""

from dataclasses import dataclass
from functools import partial

import optax

from ganjax import GAN, Game, Player, augment, game, losses, train
from ganjax.core import half_life, normal
from ganjax.data import Spec
from ganjax.models import dcgan
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
    run: NoPrefix[Run] = Run("runs/dcgan", steps=50_000, batch=32, save_every=2_500)
    data: str = "digits"
    """digits, tfds:NAME, or the path of a folder, a .zip or an .npz of images."""
    size: PositiveInt = 64
    """Height and width of the images, 4 or 8 doubled a few times."""
    channels: PositiveInt = 3
    classes: NonNegativeInt = 0
    """How many classes G is told of; 0 for none."""
    latent: PositiveInt = 100
    g_width: PositiveInt = 64
    """G's channels at half the size of the image; it has as many more as it is smaller."""
    d_width: PositiveInt = 64
    """D's channels at half the size of the image."""
    lr: PositiveFloat = 2e-4
    beta1: Fraction = 0.5
    slope: Fraction = 0.2
    momentum: Fraction = 0.8
    """What batch norm keeps of its averages in a step."""
    dropout: Fraction = 0.3


TINY = Args(
    Run("runs/tiny_dcgan", steps=4, batch=16),
    size=16,
    channels=1,
    latent=4,
    g_width=4,
    d_width=4,
)


def make(args: Args) -> Game:
    adam = optax.adam(args.lr, b1=args.beta1)
    norm = partial(dcgan.NORM, momentum=args.momentum)
    g = dcgan.Generator(
        size=args.size,
        channels=args.channels,
        width=args.g_width,
        classes=args.classes,
        grid=8,
        slope=args.slope,
        norm=norm,
    )
    d = dcgan.Discriminator(
        width=args.d_width,
        classes=args.classes,
        slope=args.slope,
        dropout=args.dropout,
        norm=norm,
    )
    return game(
        GAN(
            g=Player(g, adam),
            d=Player(d, adam),
            loss=losses.non_saturating(),
            augment=augment.identity(),
            prior=normal(args.latent),
            ema=half_life(22_000, args.run.batch, ramp=0.05),
        )
    )


def main(args: Args):
    return train(args, make(args), Spec(args.data, args.size, args.channels))


if __name__ == "__main__":
    command(main)
