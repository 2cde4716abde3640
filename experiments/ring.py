"""Eight Gaussians on a ring: the smallest GAN that can still lose a mode.

MLP players, relativistic loss, R1 and R2 (the objective of R3GAN, Huang et al., 2024).
"""

from dataclasses import dataclass

import optax

import ganjax as gx


@dataclass(frozen=True)
class Args:
    run: gx.NoPrefix[gx.Run] = gx.Run(
        "runs/ring", steps=3_000, batch=512, evaluate_every=1_000
    )
    width: gx.PositiveInt = 128
    lr: gx.PositiveFloat = 1e-3
    gamma: gx.NonNegativeFloat = 0.1


TINY = Args(gx.Run("runs/tiny_ring", steps=4, batch=16), width=8)


def make(args: Args) -> gx.Game:
    adam = optax.adam(args.lr, b1=0.0, b2=0.99)
    penalties = {
        "r1": gx.regularizers.r1(args.gamma),
        "r2": gx.regularizers.r2(args.gamma),
    }
    g = gx.models.mlp.Generator(
        shape=(2,), width=args.width, output=gx.models.mlp.linear
    )
    d = gx.models.mlp.Discriminator(width=args.width)
    return gx.game(
        gx.GAN(
            g=gx.Player(g, adam),
            d=gx.Player(d, adam, penalties),
            loss=gx.losses.relativistic(),
            prior=gx.priors.normal(2),
        ),
        gx.modalities.POINTS,
    )


def main(args: Args):
    return gx.train(make(args), "ring", args.run, config=args)


if __name__ == "__main__":
    gx.command(main)
