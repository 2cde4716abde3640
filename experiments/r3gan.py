"""R3GAN (Huang et al., 2024): the relativistic loss, R1 and R2, and a modern backbone.

The numbers are the released ones for CIFAR-10 with classes (published FID 1.96); those
of FFHQ and ImageNet are

    --data FFHQ --size 64 --classes 0 --batch 256 --widths 768 768 768 768 384
    --cardinalities 96 96 96 96 48 --gamma 2 --p 0.3 --ema 500e3
    --data tfds:imagenet_resized/64x64 --size 64 --classes 1000 --batch 4096
    --widths 1536 1536 1536 1536 1536 --cardinalities 96 96 96 96 96
    --gamma 1 --p 0.4 --ema 50e6 --decay-images 200e6

Rates, penalties, averaging and augmentation go along half a cosine for `decay_images`
images and stay. Each player has images of its own.
"""

from dataclasses import dataclass
from math import pi

import jax.numpy as jnp
import optax

import ganjax as gx
from ganjax.augment import affine, colors, corruption, transform


@dataclass(frozen=True)
class Args:
    run: gx.NoPrefix[gx.Run] = gx.Run("runs/r3gan", steps=488_000, batch=512)
    data: str = "tfds:cifar10"
    size: gx.PositiveInt = 32
    """Height and width of the images, 4 doubled once for each stage but the first."""
    channels: gx.PositiveInt = 3
    mirror: bool = True
    """Every image is there once more, with left and right exchanged."""
    classes: gx.NonNegativeInt = 10
    latent: gx.PositiveInt = 64
    widths: tuple[gx.PositiveInt, ...] = (768,) * 4
    """Channels of the stages, from 4x4 up."""
    cardinalities: tuple[gx.PositiveInt, ...] = (96,) * 4
    """Groups of their convolutions."""
    blocks: gx.PositiveInt = 2
    """Blocks in each stage."""
    lr: gx.PositiveFloat = 2e-4
    """At first; a quarter of it in the end."""
    gamma: gx.NonNegativeFloat = 0.05
    """How much D's slope costs at first; a tenth of it in the end."""
    ema: gx.PositiveFloat = 5e6
    """Images in which a weight of G's average halves, in the end."""
    p: gx.Fraction = 0.55
    """How likely each augmentation is in the end; 0 does without."""
    decay_images: gx.PositiveFloat = 20e6
    """Images after which all of these stay."""


TINY = Args(
    gx.Run("runs/tiny_r3gan", steps=4, batch=8),
    data="digits",
    size=8,
    channels=1,
    latent=4,
    widths=(8, 8),
    cardinalities=(2, 2),
    blocks=1,
    p=0.0,
)


def augmented(p: optax.Schedule) -> gx.Augment:
    """ADA's geometry and cutout, and its colors half as often."""
    half = dict.fromkeys(
        ("brightness", "contrast", "lumaflip", "hue", "saturation"), 0.5
    )
    return gx.augment.fixed(
        transform.pipeline(affine.affine(), colors.colors(**half), corruption.cutout()),
        p,
    )


def make(args: Args) -> gx.Game:
    def along(first: float, last: float) -> optax.Schedule:
        def value(step):
            done = jnp.minimum(step * args.run.batch / args.decay_images, 1.0)
            return last + (first - last) * (1 + jnp.cos(pi * done)) / 2

        return value

    rate, beta2 = along(args.lr, args.lr / 4), along(0.9, 0.99)
    adam = optax.inject_hyperparams(optax.adam, static_args="b1")
    gamma = along(args.gamma, args.gamma / 10)
    shape = {
        "widths": args.widths,
        "cardinalities": args.cardinalities,
        "blocks": args.blocks,
        "classes": args.classes,
    }
    return gx.game(
        gx.GAN(
            g=gx.Player(
                gx.models.r3gan.Generator(args.channels, **shape),
                adam(rate, b1=0.0, b2=beta2),
            ),
            d=gx.Player(
                gx.models.r3gan.Discriminator(**shape),
                adam(rate, b1=0.0, b2=beta2),
                {"r1": gx.regularizers.r1(gamma), "r2": gx.regularizers.r2(gamma)},
            ),
            loss=gx.losses.relativistic(),
            augment=augmented(along(0.0, args.p)) if args.p else gx.augment.identity(),
            prior=gx.priors.normal(args.latent),
            ema=gx.schedules.half_life(along(0.0, args.ema), args.run.batch),
        )
    )


def main(args: Args):
    spec = gx.Spec(args.data, args.size, args.channels, mirror=args.mirror)
    return gx.train(make(args), spec, args.run, config=args)


if __name__ == "__main__":
    gx.command(main)
