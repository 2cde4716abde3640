"""ReACGAN on CIFAR-10 (Kang et al., 2021): BigGAN's networks, and D2D-CE on D's head.

As in StudioGAN's configuration, whose FID is 3.87.
"""

from dataclasses import dataclass
from functools import partial

import jax.numpy as jnp
import optax

from ganjax import GAN, Game, Player, augment, game, losses, train
from ganjax.data import Sizes, Spec
from ganjax.gan import normal
from ganjax.models import biggan
from ganjax.models.heads import Contrastive
from ganjax.regularizers import ac, data_to_data
from ganjax.run import Count, Flat, Positive, Run, Share, Weight, command


@dataclass(frozen=True)
class Args:
    run: Flat[Run] = Run("runs/reacgan", steps=100_000, batch=128)
    data: str = "tfds:cifar10"
    size: Count = 32
    """Height and width of the images: 32, 64, 128 or 256; without precedent 8 or 16."""
    channels: Count = 3
    mirror: bool = True
    """Every image is there once more, with left and right exchanged."""
    classes: Count = 10
    latent: Count = 80
    shared: Count = 128
    """Numbers that G embeds a class in."""
    embed: Count = 512
    """Numbers that D embeds images and classes in."""
    ch: Count = 96
    attend: Count = 16
    """The side of the images at which both attend to them."""
    d_turns: Count = 5
    lr: Positive = 2.83e-4
    weight: Weight = 0.5
    """How much the distance to one's class counts beside the hinge loss."""
    temperature: Positive = 0.5
    margin: Share = 0.98
    """The cosine above which a class counts as reached."""


TINY = Args(
    Run("runs/tiny_reacgan", steps=4, batch=8),
    data="digits",
    size=8,
    channels=1,
    latent=6,
    shared=3,
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
        shared=args.shared,
        attend=args.attend,
    )
    d = biggan.Discriminator(
        size=args.size,
        ch=args.ch,
        classes=args.classes,
        attend=args.attend,
        head=partial(Contrastive, size=args.embed),
    )
    near = ac(data_to_data(args.temperature, args.margin), args.weight)
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
