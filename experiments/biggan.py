"""BigGAN on CIFAR-10 (Brock et al., 2019), as StudioGAN plays it (its FID: 4.16).

The paper's own, on ImageNet at 128 px (its FID: 8.7), is

    --data tfds:imagenet2012 --size 128 --classes 1000 --latent 120 --batch 2048
    --steps 200000 --g-attention-resolution 64 --d-attention-resolution 64
    --g-lr 5e-5 --d-lr 2e-4 --beta1 0 --d-turns 2 --start 20000
"""

from dataclasses import dataclass

import jax.numpy as jnp
import optax

from ganjax import GAN, Game, Player, augment, game, losses, train
from ganjax.core import normal
from ganjax.data import Sizes, Spec
from ganjax.models import biggan
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
    run: NoPrefix[Run] = Run("runs/biggan", steps=100_000, batch=64)
    data: str = "tfds:cifar10"
    size: PositiveInt = 32
    """Height and width of the images: 32, 64, 128 or 256; without precedent 8 or 16."""
    channels: PositiveInt = 3
    mirror: bool = True
    """Every image is there once more, with left and right exchanged."""
    classes: NonNegativeInt = 10
    """How many classes both are told of; 0 for none."""
    latent: PositiveInt = 80
    """Numbers in a latent z, as many for every block of G and its first layer."""
    shared_dim: PositiveInt = 128
    """Length of the class embedding that all of G's blocks share."""
    ch: PositiveInt = 96
    """What all widths are multiples of."""
    g_attention_resolution: PositiveInt = 16
    """Side of the feature maps at which G has self-attention."""
    d_attention_resolution: PositiveInt = 16
    d_turns: PositiveInt = 5
    g_lr: PositiveFloat = 2e-4
    d_lr: PositiveFloat = 2e-4
    beta1: Fraction = 0.5
    ema: Fraction = 0.9999
    """What G's average keeps of itself in a step, from step `start` on."""
    start: NonNegativeInt = 1_000


TINY = Args(
    Run("runs/tiny_biggan", steps=4, batch=8),
    data="digits",
    size=8,
    channels=1,
    latent=6,
    shared_dim=3,
    ch=2,
    g_attention_resolution=8,
    d_attention_resolution=4,
    d_turns=1,
    start=2,
)


def make(args: Args) -> Game:
    adam = lambda rate: optax.adam(rate, b1=args.beta1, b2=0.999, eps=1e-6)
    g = biggan.Generator(
        size=args.size,
        channels=args.channels,
        ch=args.ch,
        classes=args.classes,
        shared_dim=args.shared_dim,
        attention_resolution=args.g_attention_resolution,
    )
    d = biggan.Discriminator(
        args.size,
        args.ch,
        classes=args.classes,
        attention_resolution=args.d_attention_resolution,
    )
    return game(
        GAN(
            g=Player(g, adam(args.g_lr)),
            d=Player(d, adam(args.d_lr)),
            loss=losses.hinge(),
            augment=augment.identity(),
            prior=normal(args.latent),
            ema=lambda step: jnp.where(step < args.start, 0.0, args.ema),
        )
    )


def main(args: Args):
    spec = Spec(args.data, args.size, args.channels, mirror=args.mirror)
    sizes = Sizes(args.d_turns, d_batch=args.run.batch, g_batch=args.run.batch)
    return train(args, make(args), spec, sizes)


if __name__ == "__main__":
    command(main)
