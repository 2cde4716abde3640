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

from ganjax import GAN, Game, Player, augment, game, losses, train
from ganjax.core import normal
from ganjax.data import Sizes, Spec
from ganjax.layers.heads import Contrastive
from ganjax.models import biggan
from ganjax.regularizers import ac_gan, contrastive, data_to_data
from ganjax.run import (
    Fraction,
    NonNegativeFloat,
    NoPrefix,
    PositiveFloat,
    PositiveInt,
    Run,
    command,
)


@dataclass(frozen=True)
class Args:
    run: NoPrefix[Run] = Run("runs/reacgan", steps=100_000, batch=128)
    data: str = "tfds:cifar10"
    size: PositiveInt = 32
    """Height and width of the images: 32, 64, 128 or 256; without precedent 8 or 16."""
    channels: PositiveInt = 3
    mirror: bool = True
    """Every image is there once more, with left and right exchanged."""
    classes: PositiveInt = 10
    latent: PositiveInt = 80
    shared_dim: PositiveInt = 128
    """Length of G's class embedding."""
    embed: PositiveInt = 512
    """Length of D's embeddings of images and classes."""
    ch: PositiveInt = 96
    attention_resolution: PositiveInt = 16
    """Side of the feature maps at which both have self-attention."""
    d_turns: PositiveInt = 5
    lr: PositiveFloat = 2.83e-4
    d2d_ce: bool = True
    """The data-to-data cross-entropy of ReACGAN, and not ContraGAN's 2C loss."""
    weight: NonNegativeFloat = 0.5
    """How much the distance to one's class counts beside the hinge loss."""
    temperature: PositiveFloat = 0.5
    margin: Fraction = 0.98
    """The cosine above which a class counts as reached, with D2D-CE."""


TINY = Args(
    Run("runs/tiny_reacgan", steps=4, batch=8),
    data="digits",
    size=8,
    channels=1,
    latent=6,
    shared_dim=3,
    embed=6,
    ch=2,
    d_turns=1,
)


def make(args: Args) -> Game:
    adam = optax.adam(args.lr, b1=0.5, b2=0.999, eps=1e-6)
    g = biggan.Generator(
        size=args.size,
        channels=args.channels,
        ch=args.ch,
        classes=args.classes,
        shared_dim=args.shared_dim,
        attention_resolution=args.attention_resolution,
    )
    d = biggan.Discriminator(
        size=args.size,
        ch=args.ch,
        classes=args.classes,
        attention_resolution=args.attention_resolution,
        head=partial(Contrastive, embedding_size=args.embed),
    )
    objective = contrastive(args.temperature)
    if args.d2d_ce:
        objective = data_to_data(args.temperature, args.margin)
    near = ac_gan(objective, args.weight)
    return game(
        GAN(
            g=Player(g, adam, {"classes": near.g}),
            d=Player(d, adam, {"classes": near.d}),
            loss=losses.hinge(),
            augment=augment.identity(),
            prior=normal(args.latent),
            ema=lambda step: jnp.where(step < 1_000, 0.0, 0.9999),
        )
    )


def main(args: Args):
    spec = Spec(args.data, args.size, args.channels, mirror=args.mirror)
    sizes = Sizes(args.d_turns, d_batch=args.run.batch, g_batch=args.run.batch)
    return train(args, make(args), spec, sizes)


if __name__ == "__main__":
    command(main)
