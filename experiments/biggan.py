"""BigGAN on CIFAR-10 (Brock et al., 2019), as StudioGAN plays it (its FID: 4.16).

The paper's own, on ImageNet at 128 px (its FID: 8.7), is

    --data tfds:imagenet2012 --size 128 --classes 1000 --latent 120 --batch 2048
    --steps 200000 --g-attend 64 --d-attend 64 --g-lr 5e-5 --d-lr 2e-4 --beta1 0
    --d-turns 2 --start 20000
"""

from dataclasses import dataclass

import jax.numpy as jnp
import optax

from ganjax import GAN, Game, Player, augment, game, losses, train
from ganjax.data import Sizes, Spec
from ganjax.gan import normal
from ganjax.models import biggan
from ganjax.run import Cadence, Count, Flat, Positive, Run, Share, command


@dataclass(frozen=True)
class Args:
    run: Flat[Run] = Run("runs/biggan", steps=100_000, batch=64)
    data: str = "tfds:cifar10"
    size: Count = 32
    """Height and width of the images: 32, 64, 128 or 256; without precedent 8 or 16."""
    channels: Count = 3
    mirror: bool = True
    """Every image is there once more, with left and right exchanged."""
    classes: Cadence = 10
    """How many classes both are told of; 0 for none."""
    latent: Count = 80
    """Numbers in a latent z, as many for every block of G and its first layer."""
    shared: Count = 128
    """Numbers that a class is embedded in."""
    ch: Count = 96
    """What all widths are multiples of."""
    g_attend: Count = 16
    """The side of the images at which G attends to them."""
    d_attend: Count = 16
    d_turns: Count = 5
    g_lr: Positive = 2e-4
    d_lr: Positive = 2e-4
    beta1: Share = 0.5
    ema: Share = 0.9999
    """What G's average keeps of itself in a step, from step `start` on."""
    start: Cadence = 1_000


TINY = Args(
    Run("runs/tiny_biggan", steps=4, batch=8),
    data="digits",
    size=8,
    channels=1,
    latent=6,
    shared=3,
    ch=2,
    g_attend=8,
    d_attend=4,
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
        shared=args.shared,
        attend=args.g_attend,
    )
    d = biggan.Discriminator(
        args.size, args.ch, classes=args.classes, attend=args.d_attend
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
