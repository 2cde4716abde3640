"""LOGAN (Wu et al., 2019): z takes a step uphill on D's logit before it is used.

The experiment is `mlp`, on the same digits, but for the prior and that step: natural
gradient ascent of D(G(z)) by z, through which the gradients of both players pass. Samples
are made of z as drawn. The published GAN is a BigGAN-deep on ImageNet.
"""

from dataclasses import dataclass

import optax

import ganjax as gx


@dataclass(frozen=True)
class Args:
    run: gx.NoPrefix[gx.Run] = gx.Run(
        "runs/logan",
        steps=20_000,
        batch=64,
        log_every=100,
        sample_every=1_000,
        evaluate_every=2_000,
        save_every=2_000,
    )
    latent: gx.PositiveInt = 32
    """Numbers in a latent z."""
    width: gx.PositiveInt = 256
    """Units in each of a network's three hidden layers."""
    lr: gx.PositiveFloat = 2e-4
    gamma: gx.NonNegativeFloat = 1.0
    """How much D's slope costs, on real and on generated images."""
    alpha: gx.PositiveFloat = 0.9
    """The length of the step in z, and"""
    beta: gx.PositiveFloat = 0.1
    """the damping, which shortens it where the slope is small."""
    fraction: gx.Fraction = 0.8
    """The fraction of latents that take the step."""
    weight: gx.NonNegativeFloat = 0.1
    """How much the square of the distance moved costs both players."""


TINY = Args(gx.Run("runs/tiny_logan", steps=4, batch=16), latent=4, width=8)


def make(args: Args) -> gx.Game:
    adam = optax.adam(args.lr, b1=0.0, b2=0.99)
    penalties = {
        "r1": gx.regularizers.r1(args.gamma),
        "r2": gx.regularizers.r2(args.gamma),
    }
    plain = gx.GAN(
        g=gx.Player(gx.models.mlp.Generator(shape=(8, 8, 1), width=args.width), adam),
        d=gx.Player(gx.models.mlp.Discriminator(width=args.width), adam, penalties),
        loss=gx.losses.relativistic(),
        prior=gx.priors.uniform(args.latent),
    )
    return gx.game(
        gx.games.logan(plain, args.alpha, args.beta, args.fraction, args.weight)
    )


def main(args: Args):
    return gx.train(make(args), "digits", args.run, config=args)


if __name__ == "__main__":
    gx.command(main)
