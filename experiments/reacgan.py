"""ReACGAN and ContraGAN on CIFAR-10: BigGAN with a contrastive objective on D's head.

ReACGAN (Kang et al., 2021) pulls images to their class by D2D-CE, with a margin. ContraGAN
(Kang & Park, 2020), whose objective is the 2C loss, also pulls images of a class together:

    --no-d2d-ce --batch 64 --lr 2e-4 --weight 1 --temperature 1

Both as in StudioGAN's configurations, whose FID is 3.87 and 6.01.
"""

from dataclasses import dataclass
from functools import partial

import jax.numpy as jnp
import optax

import ganjax as gx
from ganjax.layers import heads


@dataclass(frozen=True)
class Args:
    run: gx.NoPrefix[gx.Run] = gx.Run("runs/reacgan", steps=100_000, batch=128)
    data: str = "tfds:cifar10"
    size: gx.PositiveInt = 32
    """Height and width of the images: 32, 64, 128 or 256; without precedent 8 or 16."""
    channels: gx.PositiveInt = 3
    mirror: bool = True
    """Every image is there once more, with left and right exchanged."""
    classes: gx.PositiveInt = 10
    latent: gx.PositiveInt = 80
    shared_dim: gx.PositiveInt = 128
    """Length of G's class embedding."""
    embed: gx.PositiveInt = 512
    """Length of D's embeddings of images and classes."""
    ch: gx.PositiveInt = 96
    attention_resolution: gx.PositiveInt = 16
    """Side of the feature maps at which both have self-attention."""
    d_turns: gx.PositiveInt = 5
    lr: gx.PositiveFloat = 2.83e-4
    d2d_ce: bool = True
    """The data-to-data cross-entropy of ReACGAN, and not ContraGAN's 2C loss."""
    weight: gx.NonNegativeFloat = 0.5
    """How much the distance to one's class counts beside the hinge loss."""
    temperature: gx.PositiveFloat = 0.5
    margin: gx.Fraction = 0.98
    """The cosine above which a class counts as reached, with D2D-CE."""


TINY = Args(
    gx.Run("runs/tiny_reacgan", steps=4, batch=8),
    data="digits",
    size=8,
    channels=1,
    latent=6,
    shared_dim=3,
    embed=6,
    ch=2,
    d_turns=1,
)


def make(args: Args) -> gx.Game:
    adam = optax.adam(args.lr, b1=0.5, b2=0.999, eps=1e-6)
    g = gx.models.biggan.Generator(
        size=args.size,
        channels=args.channels,
        ch=args.ch,
        classes=args.classes,
        shared_dim=args.shared_dim,
        attention_resolution=args.attention_resolution,
    )
    d = gx.models.biggan.Discriminator(
        size=args.size,
        ch=args.ch,
        classes=args.classes,
        attention_resolution=args.attention_resolution,
        head=partial(heads.Contrastive, embedding_size=args.embed),
    )
    objective = gx.regularizers.contrastive(args.temperature)
    if args.d2d_ce:
        objective = gx.regularizers.data_to_data(args.temperature, args.margin)
    near = gx.regularizers.ac_gan(objective, args.weight)
    return gx.game(
        gx.GAN(
            g=gx.Player(g, adam, {"classes": near.g}),
            d=gx.Player(d, adam, {"classes": near.d}),
            loss=gx.losses.hinge(),
            prior=gx.priors.normal(args.latent),
            ema=lambda step: jnp.where(step < 1_000, 0.0, 0.9999),
        )
    )


def main(args: Args):
    spec = gx.Spec(args.data, args.size, args.channels, mirror=args.mirror)
    sizes = gx.Sizes(args.d_turns, d_batch=args.run.batch, g_batch=args.run.batch)
    return gx.train(make(args), spec, args.run, config=args, sizes=sizes)


if __name__ == "__main__":
    gx.command(main)
