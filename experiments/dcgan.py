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

import ganjax as gx


@dataclass(frozen=True)
class Args:
    run: gx.NoPrefix[gx.Run] = gx.Run(
        "runs/dcgan", steps=50_000, batch=32, save_every=2_500
    )
    data: str = "digits"
    """digits, tfds:NAME, or the path of a folder, a .zip or an .npz of images."""
    size: gx.PositiveInt = 64
    """Height and width of the images, 4 or 8 doubled a few times."""
    channels: gx.PositiveInt = 3
    classes: gx.NonNegativeInt = 0
    """How many classes G is told of; 0 for none."""
    latent: gx.PositiveInt = 100
    g_width: gx.PositiveInt = 64
    """G's channels at half the size of the image; it has as many more as it is smaller."""
    d_width: gx.PositiveInt = 64
    """D's channels at half the size of the image."""
    lr: gx.PositiveFloat = 2e-4
    beta1: gx.Fraction = 0.5
    slope: gx.Fraction = 0.2
    momentum: gx.Fraction = 0.8
    """What batch norm keeps of its averages in a step."""
    dropout: gx.Fraction = 0.3


TINY = Args(
    gx.Run("runs/tiny_dcgan", steps=4, batch=16),
    size=16,
    channels=1,
    latent=4,
    g_width=4,
    d_width=4,
)


def make(args: Args) -> gx.Game:
    adam = optax.adam(args.lr, b1=args.beta1)
    norm = partial(gx.models.dcgan.NORM, momentum=args.momentum)
    g = gx.models.dcgan.Generator(
        size=args.size,
        channels=args.channels,
        width=args.g_width,
        classes=args.classes,
        grid=8,
        slope=args.slope,
        norm=norm,
    )
    d = gx.models.dcgan.Discriminator(
        width=args.d_width,
        classes=args.classes,
        slope=args.slope,
        dropout=args.dropout,
        norm=norm,
    )
    return gx.game(
        gx.GAN(
            g=gx.Player(g, adam),
            d=gx.Player(d, adam),
            loss=gx.losses.non_saturating(),
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
