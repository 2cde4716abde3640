"""StyleGAN2-ADA on CIFAR-10 (Karras et al., 2020), configuration `cifar` of the authors.

D's turn is R1's once in 16 steps, an optimizer step of its own, and the augmentation is
as likely as D needs it. Published FID: 2.92, with classes 2.42. Their `paper256`, for
FFHQ at 256 px, is

    --data FFHQ --size 256 --steps 390625 --base 16384 --depth 8 --group 8 --residual
    --gamma 1 --path 2 --mixing 0.9 --ema 20e3 --ramp 0
"""

from dataclasses import dataclass
from functools import partial

from ganjax import GAN, Game, Player, augment, losses, train
from ganjax.augment import ada
from ganjax.core import half_life, normal
from ganjax.data import Spec
from ganjax.games import lazy
from ganjax.models import stylegan2
from ganjax.optim import lazy_adam
from ganjax.regularizers import path_length, r1
from ganjax.run import (
    Fraction,
    NonNegativeFloat,
    NonNegativeInt,
    NoPrefix,
    PositiveFloat,
    PositiveInt,
    Run,
    command,
)


@dataclass(frozen=True)
class Args:
    run: NoPrefix[Run] = Run("runs/stylegan2_ada", steps=1_562_500, batch=64)
    data: str = "tfds:cifar10"
    size: PositiveInt = 32
    """Height and width of the images, a power of two."""
    channels: PositiveInt = 3
    classes: NonNegativeInt = 0
    latent: PositiveInt = 512
    width: PositiveInt = 512
    """The most channels that a layer has."""
    base: PositiveInt = 32768
    """Channels of a layer times the side of its images, where that is less."""
    depth: PositiveInt = 2
    """Layers of the mapping networks."""
    group: PositiveInt = 32
    """Images whose deviation D sees."""
    residual: bool = False
    """D has residual blocks, as on every set but CIFAR-10."""
    lr: PositiveFloat = 2.5e-3
    gamma: NonNegativeFloat = 0.01
    """How much D's slope on real images costs."""
    path: NonNegativeFloat = 0.0
    """How much an uneven path length costs G."""
    mixing: Fraction = 0.0
    """How likely an image is of two z."""
    ema: PositiveFloat = 500e3
    """Images in which a weight of G's average halves, and"""
    ramp: NonNegativeFloat = 0.05
    """as a share of those seen so far while that is less; 0: always the former."""
    target: float = 0.6
    """The mean sign of D on real images that the augmentation keeps to."""


TINY = Args(
    Run("runs/tiny_stylegan2_ada", steps=4, batch=8),
    data="digits",
    size=8,
    channels=1,
    latent=4,
    width=4,
    depth=1,
    group=4,
    mixing=0.9,
)


def make(args: Args) -> Game:
    g = stylegan2.Generator(
        size=args.size,
        channels=args.channels,
        width=args.width,
        base=args.base,
        w_dim=args.latent,
        depth=args.depth,
        classes=args.classes,
        mixing=args.mixing,
    )
    d = stylegan2.Discriminator(
        width=args.width,
        base=args.base,
        classes=args.classes,
        group=args.group,
        block=stylegan2.Residual if args.residual else stylegan2.Straight,
        head=partial(stylegan2.MappedProjectionHead, depth=args.depth),
    )
    path = {"path": path_length(args.path)} if args.path else {}
    batch = args.run.batch
    return lazy(
        GAN(
            g=Player(g, lazy_adam(args.lr, every=4), path),
            d=Player(d, lazy_adam(args.lr, every=16), {"r1": r1(args.gamma)}),
            loss=losses.non_saturating(),
            augment=augment.adaptive(ada.bgc(), batch, args.target),
            prior=normal(args.latent),
            ema=half_life(args.ema, batch, args.ramp),
        )
    )


def main(args: Args):
    return train(args, make(args), Spec(args.data, args.size, args.channels))


if __name__ == "__main__":
    command(main)
