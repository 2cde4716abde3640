"""StyleGAN2-ADA on CIFAR-10 (Karras et al., 2020), configuration `cifar` of the authors.

D's turn is R1's once in 16 steps, an optimizer step of its own, and the augmentation is
as likely as D needs it. Published FID: 2.92, with classes 2.42. Their `paper256`, for
FFHQ at 256 px, is

    --data FFHQ --size 256 --steps 390625 --base 16384 --depth 8 --group 8 --residual
    --gamma 1 --path 2 --mixing 0.9 --ema 20e3 --ramp 0
"""

from dataclasses import dataclass
from functools import partial

import ganjax as gx


@dataclass(frozen=True)
class Args:
    run: gx.NoPrefix[gx.Run] = gx.Run("runs/stylegan2_ada", steps=1_562_500, batch=64)
    data: str = "tfds:cifar10"
    size: gx.PositiveInt = 32
    """Height and width of the images, a power of two."""
    channels: gx.PositiveInt = 3
    classes: gx.NonNegativeInt = 0
    latent: gx.PositiveInt = 512
    width: gx.PositiveInt = 512
    """The most channels that a layer has."""
    base: gx.PositiveInt = 32768
    """Channels of a layer times the side of its images, where that is less."""
    depth: gx.PositiveInt = 2
    """Layers of the mapping networks."""
    group: gx.PositiveInt = 32
    """Images whose deviation D sees."""
    residual: bool = False
    """D has residual blocks, as on every set but CIFAR-10."""
    lr: gx.PositiveFloat = 2.5e-3
    gamma: gx.NonNegativeFloat = 0.01
    """How much D's slope on real images costs."""
    path: gx.NonNegativeFloat = 0.0
    """How much an uneven path length costs G."""
    mixing: gx.Fraction = 0.0
    """How likely an image is of two z."""
    ema: gx.PositiveFloat = 500e3
    """Images in which a weight of G's average halves, and"""
    ramp: gx.NonNegativeFloat = 0.05
    """as a share of those seen so far while that is less; 0: always the former."""
    target: float = 0.6
    """The mean sign of D on real images that the augmentation keeps to."""


TINY = Args(
    gx.Run("runs/tiny_stylegan2_ada", steps=4, batch=8),
    data="digits",
    size=8,
    channels=1,
    latent=4,
    width=4,
    depth=1,
    group=4,
    mixing=0.9,
)


def make(args: Args) -> gx.Game:
    g = gx.models.stylegan2.Generator(
        size=args.size,
        channels=args.channels,
        width=args.width,
        base=args.base,
        w_dim=args.latent,
        depth=args.depth,
        classes=args.classes,
        mixing=args.mixing,
    )
    d = gx.models.stylegan2.Discriminator(
        width=args.width,
        base=args.base,
        classes=args.classes,
        group=args.group,
        block=gx.models.stylegan2.Residual
        if args.residual
        else gx.models.stylegan2.Straight,
        head=partial(gx.models.stylegan2.MappedProjectionHead, depth=args.depth),
    )
    path = {"path": gx.regularizers.path_length(args.path)} if args.path else {}
    batch = args.run.batch
    return gx.games.lazy(
        gx.GAN(
            g=gx.Player(g, gx.optim.lazy_adam(args.lr, every=4), path),
            d=gx.Player(
                d,
                gx.optim.lazy_adam(args.lr, every=16),
                {"r1": gx.regularizers.r1(args.gamma)},
            ),
            loss=gx.losses.non_saturating(),
            augment=gx.augment.adaptive(gx.augment.ada.bgc(), batch, args.target),
            prior=gx.priors.normal(args.latent),
            ema=gx.schedules.half_life(args.ema, batch, args.ramp),
        )
    )


def main(args: Args):
    return gx.train(
        make(args), gx.Spec(args.data, args.size, args.channels), args.run, config=args
    )


if __name__ == "__main__":
    gx.command(main)
