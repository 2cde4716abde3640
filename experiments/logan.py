"""LOGAN (Wu et al., 2019): z takes a step uphill on D's logit before it is used.

The experiment is `mlp`, on the same digits, but for the prior and that step: natural
gradient ascent of D(G(z)) by z, through which the gradients of both players pass. Samples
are made of z as drawn. The published GAN is a BigGAN-deep on ImageNet.
"""

from dataclasses import dataclass

import optax

from ganjax import GAN, Game, Player, augment, game, losses, train
from ganjax.core import uniform
from ganjax.data import Spec
from ganjax.games import logan
from ganjax.models import mlp
from ganjax.regularizers import r1, r2
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
    run: NoPrefix[Run] = Run(
        "runs/logan",
        steps=20_000,
        batch=64,
        log_every=100,
        sample_every=1_000,
        evaluate_every=2_000,
        save_every=2_000,
    )
    latent: PositiveInt = 32
    """Numbers in a latent z."""
    width: PositiveInt = 256
    """Units in each of a network's three hidden layers."""
    lr: PositiveFloat = 2e-4
    gamma: NonNegativeFloat = 1.0
    """How much D's slope costs, on real and on generated images."""
    alpha: PositiveFloat = 0.9
    """The length of the step in z, and"""
    beta: PositiveFloat = 0.1
    """the damping, which shortens it where the slope is small."""
    fraction: Fraction = 0.8
    """The fraction of latents that take the step."""
    weight: NonNegativeFloat = 0.1
    """How much the square of the distance moved costs both players."""


TINY = Args(Run("runs/tiny_logan", steps=4, batch=16), latent=4, width=8)


def make(args: Args) -> Game:
    adam = optax.adam(args.lr, b1=0.0, b2=0.99)
    penalties = {"r1": r1(args.gamma), "r2": r2(args.gamma)}
    plain = GAN(
        g=Player(mlp.Generator(shape=(8, 8, 1), width=args.width), adam),
        d=Player(mlp.Discriminator(width=args.width), adam, penalties),
        loss=losses.relativistic(),
        augment=augment.identity(),
        prior=uniform(args.latent),
        ema=optax.constant_schedule(0.999),
    )
    return game(logan(plain, args.alpha, args.beta, args.fraction, args.weight))


def main(args: Args):
    return train(args, make(args), Spec("digits"))


if __name__ == "__main__":
    command(main)
