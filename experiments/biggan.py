"""BigGAN on CIFAR-10 (Brock et al., 2019), as StudioGAN plays it (its FID: 4.16).

The paper's own, on ImageNet at 128 px (its FID: 8.7), is

    --data tfds:imagenet2012 --size 128 --classes 1000 --latent 120 --batch 2048
    --steps 200000 --g-attention-resolution 64 --d-attention-resolution 64
    --g-lr 5e-5 --d-lr 2e-4 --beta1 0 --d-turns 2 --start 20000
"""

from dataclasses import dataclass

import jax.numpy as jnp
import optax

import ganjax as gx


@dataclass(frozen=True)
class Args:
    run: gx.NoPrefix[gx.Run] = gx.Run("runs/biggan", steps=100_000, batch=64)
    data: str = "tfds:cifar10"
    size: gx.PositiveInt = 32
    """Height and width of the images: 32, 64, 128 or 256; without precedent 8 or 16."""
    channels: gx.PositiveInt = 3
    mirror: bool = True
    """Every image is there once more, with left and right exchanged."""
    classes: gx.NonNegativeInt = 10
    """How many classes both are told of; 0 for none."""
    latent: gx.PositiveInt = 80
    """Numbers in a latent z, as many for every block of G and its first layer."""
    shared_dim: gx.PositiveInt = 128
    """Length of the class embedding that all of G's blocks share."""
    ch: gx.PositiveInt = 96
    """What all widths are multiples of."""
    g_attention_resolution: gx.PositiveInt = 16
    """Side of the feature maps at which G has self-attention."""
    d_attention_resolution: gx.PositiveInt = 16
    d_turns: gx.PositiveInt = 5
    g_lr: gx.PositiveFloat = 2e-4
    d_lr: gx.PositiveFloat = 2e-4
    beta1: gx.Fraction = 0.5
    ema: gx.Fraction = 0.9999
    """What G's average keeps of itself in a step, from step `start` on."""
    start: gx.NonNegativeInt = 1_000


TINY = Args(
    gx.Run("runs/tiny_biggan", steps=4, batch=8),
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


def make(args: Args) -> gx.Game:
    adam = lambda rate: optax.adam(rate, b1=args.beta1, b2=0.999, eps=1e-6)
    g = gx.models.biggan.Generator(
        size=args.size,
        channels=args.channels,
        ch=args.ch,
        classes=args.classes,
        shared_dim=args.shared_dim,
        attention_resolution=args.g_attention_resolution,
    )
    d = gx.models.biggan.Discriminator(
        args.size,
        args.ch,
        classes=args.classes,
        attention_resolution=args.d_attention_resolution,
    )
    return gx.game(
        gx.GAN(
            g=gx.Player(g, adam(args.g_lr)),
            d=gx.Player(d, adam(args.d_lr)),
            loss=gx.losses.hinge(),
            prior=gx.priors.normal(args.latent),
            ema=lambda step: jnp.where(step < args.start, 0.0, args.ema),
        )
    )


def main(args: Args):
    spec = gx.Spec(args.data, args.size, args.channels, mirror=args.mirror)
    sizes = gx.Sizes(args.d_turns, d_batch=args.run.batch, g_batch=args.run.batch)
    return gx.train(make(args), spec, args.run, config=args, sizes=sizes)


if __name__ == "__main__":
    gx.command(main)
