"""A variational autoencoder of images (Kingma & Welling, 2014), of DCGAN's networks.

The encoder is DCGAN's D with another last layer, the decoder its G, at the hyperparameters
of `dcgan.py`, so that the two are compared by objective alone. D's dropout is left out. A
pixel is a logistic distribution in bins of a byte, whose scale is learned: the logged bound
is in bits per dimension. Samples are means, which are smoother than images.
"""

from dataclasses import dataclass
from functools import partial

import optax

import ganjax as gx


@dataclass(frozen=True)
class Args:
    run: gx.NoPrefix[gx.Run] = gx.Run(
        "runs/vae", steps=50_000, batch=32, save_every=2_500
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
    scale: gx.PositiveFloat = 0.1
    """Scale of a pixel's distribution before the first step; images are in -1..1."""
    kl_weight: gx.PositiveFloat = 1.0
    """Weight of the KL divergence; 1 is the bound."""
    warmup: gx.NonNegativeInt = 0
    """Steps over which the weight rises to that from 0."""
    lr: gx.PositiveFloat = 2e-4
    beta1: gx.Fraction = 0.5
    slope: gx.Fraction = 0.2
    momentum: gx.Fraction = 0.8
    """What batch norm keeps of its averages in a step."""


TINY = Args(
    gx.Run("runs/tiny_vae", steps=4, batch=16),
    size=16,
    channels=1,
    latent=4,
    g_width=4,
    e_width=4,
)


def make(args: Args) -> gx.Game:
    adam = optax.adam(args.lr, b1=args.beta1)
    dcgan, parts = gx.models.dcgan, gx.layers.autoencoders
    norm = partial(dcgan.NORM, momentum=args.momentum)
    e = dcgan.Discriminator(
        width=args.e_width,
        slope=args.slope,
        norm=norm,
        head=partial(parts.Posterior, latent=args.latent),
    )
    g = dcgan.Generator(
        size=args.size,
        channels=args.channels,
        width=args.g_width,
        grid=8,
        slope=args.slope,
        norm=norm,
    )
    weight = args.kl_weight
    if args.warmup:
        weight = optax.linear_schedule(0.0, args.kl_weight, args.warmup)
    return gx.games.vae(
        e=gx.Player(e, adam),
        g=gx.Player(parts.LearnedScale(g, args.scale), adam),
        likelihood=gx.likelihoods.discretized_logistic(),
        latent=args.latent,
        kl_weight=weight,
        ema=gx.schedules.half_life(22_000, args.run.batch, ramp=0.05),
    )


def main(args: Args):
    return gx.train(
        make(args), gx.Spec(args.data, args.size, args.channels), args.run, config=args
    )


if __name__ == "__main__":
    gx.command(main)
