"""An autoencoder of images, of DCGAN's networks: squared error, and nothing else.

The encoder is DCGAN's D with another last layer, the decoder its G. Codes are normalized
over the batch, so that a standard normal z is of their scale; but nothing makes codes fill
it, and samples show what a VAE's KL divergence is for. Reconstructions are sharper.
"""

from dataclasses import dataclass
from functools import partial

import optax

import ganjax as gx


@dataclass(frozen=True)
class Args:
    run: gx.NoPrefix[gx.Run] = gx.Run(
        "runs/autoencoder", steps=50_000, batch=32, save_every=2_500
    )
    data: str = "digits"
    """digits, tfds:NAME, or the path of a folder, a .zip or an .npz of images."""
    size: gx.PositiveInt = 64
    """Height and width of the images, 4 or 8 doubled a few times."""
    channels: gx.PositiveInt = 3
    latent: gx.PositiveInt = 100
    g_width: gx.PositiveInt = 64
    """The decoder's channels at half the size of the image."""
    e_width: gx.PositiveInt = 64
    """The encoder's channels at half the size of the image."""
    lr: gx.PositiveFloat = 2e-4
    beta1: gx.Fraction = 0.5
    slope: gx.Fraction = 0.2
    momentum: gx.Fraction = 0.8
    """What batch norm keeps of its averages in a step."""


TINY = Args(
    gx.Run("runs/tiny_autoencoder", steps=4, batch=16),
    size=16,
    channels=1,
    latent=4,
    g_width=4,
    e_width=4,
)


def make(args: Args) -> gx.Game:
    adam = optax.adam(args.lr, b1=args.beta1)
    dcgan = gx.models.dcgan
    norm = partial(dcgan.NORM, momentum=args.momentum)
    code = partial(
        gx.layers.autoencoders.Code, latent=args.latent, momentum=args.momentum
    )
    e = dcgan.Discriminator(width=args.e_width, slope=args.slope, norm=norm, head=code)
    g = dcgan.Generator(
        size=args.size,
        channels=args.channels,
        width=args.g_width,
        grid=8,
        slope=args.slope,
        norm=norm,
    )
    likelihoods = gx.likelihoods
    return gx.games.autoencoder(
        e=gx.Player(e, adam),
        g=gx.Player(g, adam),
        likelihood=likelihoods.fixed(likelihoods.gaussian(), 1.0),
        latent=args.latent,
        ema=gx.schedules.half_life(22_000, args.run.batch, ramp=0.05),
    )


def main(args: Args):
    return gx.train(
        make(args), gx.Spec(args.data, args.size, args.channels), args.run, config=args
    )


if __name__ == "__main__":
    gx.command(main)
