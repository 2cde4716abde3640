"""StyleGAN3 on AFHQv2 at 512 px (Karras et al., 2021), configuration T of the authors.

R1 is paid once in 16 steps, in an optimizer step of its own. Configuration R, for which D
at first sees images through a blur that fades, is

    --rotated --gamma 16.4 --blur 10

Published FID: 4.04 with T, 4.40 with R.
"""

from dataclasses import dataclass

import optax

import ganjax as gx


@dataclass(frozen=True)
class Args:
    run: gx.NoPrefix[gx.Run] = gx.Run("runs/stylegan3", steps=781_250, batch=32)
    data: str = "afhqv2-512x512.zip"
    size: gx.PositiveInt = 512
    """Height and width of the images, a power of two."""
    channels: gx.PositiveInt = 3
    mirror: bool = True
    """Every image is there once more, with left and right exchanged."""
    classes: gx.NonNegativeInt = 0
    latent: gx.PositiveInt = 512
    width: gx.PositiveInt = 512
    """The most channels that a layer has; twice as many in R's G."""
    base: gx.PositiveInt = 32768
    """Channels of a layer times the side of its images, where that is less."""
    layers: gx.PositiveInt = 14
    """G's layers between the Fourier features and the last."""
    group: gx.PositiveInt = 4
    """Images whose deviation D sees."""
    rotated: bool = False
    """G is equivariant to rotation, too."""
    g_lr: gx.PositiveFloat = 2.5e-3
    d_lr: gx.PositiveFloat = 2e-3
    gamma: gx.NonNegativeFloat = 8.2
    """How much D's slope on real images costs."""
    blur: gx.NonNegativeFloat = 0.0
    """The width of the blur at first, in pixels, and"""
    fade: gx.PositiveFloat = 200e3
    """the images after which there is none."""
    ema: gx.PositiveFloat = 10e3
    """Images in which a weight of G's average halves, and"""
    ramp: gx.NonNegativeFloat = 0.05
    """as a share of those seen so far while that is less; 0: always the former."""
    magnitudes: gx.PositiveFloat = 20e3
    """Images in which a layer of G forgets half of how large its inputs were."""
    target: float = 0.6
    """The mean sign of D on real images that the augmentation keeps to."""


TINY = Args(
    gx.Run("runs/tiny_stylegan3", steps=4, batch=8),
    data="digits",
    size=8,
    channels=1,
    latent=4,
    width=4,
    layers=3,
    rotated=True,
    blur=1.0,
    fade=32,
)


def make(args: Args) -> gx.Game:
    batch, twice = args.run.batch, 1 + args.rotated
    g = (
        gx.models.stylegan3.GeneratorR
        if args.rotated
        else gx.models.stylegan3.Generator
    )(
        size=args.size,
        channels=args.channels,
        width=args.width * twice,
        base=args.base * twice,
        w_dim=args.latent,
        classes=args.classes,
        layers=args.layers,
        magnitude_decay=0.5 ** (batch / args.magnitudes),
    )
    d = gx.models.stylegan2.Discriminator(
        args.width, args.base, args.classes, args.group
    )
    seen = gx.augment.adaptive(gx.augment.ada.bgc(), batch, args.target)
    if args.blur:
        fading = optax.linear_schedule(1.0, 0.0, int(args.fade / batch))
        seen = gx.augment.chain_augments(
            gx.augment.fixed(gx.augment.blur(args.blur), fading), seen
        )
    return gx.games.lazy(
        gx.GAN(
            g=gx.Player(g, optax.adam(args.g_lr, b1=0.0, b2=0.99)),
            d=gx.Player(
                d,
                gx.optim.lazy_adam(args.d_lr, every=16),
                {"r1": gx.regularizers.r1(args.gamma)},
            ),
            loss=gx.losses.non_saturating(),
            augment=seen,
            prior=gx.priors.normal(args.latent),
            ema=gx.schedules.half_life(args.ema, batch, args.ramp),
        )
    )


def main(args: Args):
    spec = gx.Spec(args.data, args.size, args.channels, mirror=args.mirror)
    return gx.train(make(args), spec, args.run, config=args)


if __name__ == "__main__":
    gx.command(main)
