"""Handwritten digits by two small MLPs: the first GAN to run.

1,797 images of 8x8 pixels come with the installation. Relativistic loss, R1 and R2 (the
objective of R3GAN, Huang et al., 2024); half of the images are held out for the scores.
"""

from dataclasses import dataclass

import optax

import ganjax as gx


@dataclass(frozen=True)
class Args:
    run: gx.NoPrefix[gx.Run] = gx.Run(
        "runs/mlp",
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


TINY = Args(gx.Run("runs/tiny_mlp", steps=4, batch=16), latent=4, width=8)


def make(args: Args) -> gx.Game:
    adam = optax.adam(args.lr, b1=0.0, b2=0.99)
    penalties = {
        "r1": gx.regularizers.r1(args.gamma),
        "r2": gx.regularizers.r2(args.gamma),
    }
    return gx.game(
        gx.GAN(
            g=gx.Player(
                gx.models.mlp.Generator(shape=(8, 8, 1), width=args.width), adam
            ),
            d=gx.Player(gx.models.mlp.Discriminator(width=args.width), adam, penalties),
            loss=gx.losses.relativistic(),
            prior=gx.priors.normal(args.latent),
        )
    )


def main(args: Args):
    return gx.train(make(args), "digits", args.run, config=args)


if __name__ == "__main__":
    gx.command(main)
