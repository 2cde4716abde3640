"""Three digits in one image: a thousand modes for two small MLPs to find.

StackedMNIST's protocol (Metz et al., 2017; Srivastava et al., 2017; Lin et al., 2018) on
the 8x8 digits that come with the installation. Relativistic loss, R1 and R2 (the
objective of R3GAN, Huang et al., 2024). `modes` counts the combinations of digits among
25,600 samples; `kl` is their divergence from equal frequency, in nats.
"""

from dataclasses import dataclass

import optax

import ganjax as gx


@dataclass(frozen=True)
class Args:
    run: gx.NoPrefix[gx.Run] = gx.Run(
        "runs/relativistic",
        steps=20_000,
        batch=64,
        evaluate_every=5_000,
        save_every=5_000,
    )
    latent: gx.PositiveInt = 32
    """Numbers in a latent z."""
    width: gx.PositiveInt = 256
    """Units in each of G's three hidden layers."""
    d_width: gx.PositiveInt = 256
    """Units in each of D's three hidden layers."""
    lr: gx.PositiveFloat = 1e-3
    gamma: gx.NonNegativeFloat = 1.0
    """How much D's slope costs, on real and on generated images."""


TINY = Args(
    gx.Run("runs/tiny_relativistic", steps=4, batch=16), latent=4, width=8, d_width=8
)


def make(args: Args) -> gx.Game:
    adam = optax.adam(args.lr, b1=0.0, b2=0.99)
    penalties = {
        "r1": gx.regularizers.r1(args.gamma),
        "r2": gx.regularizers.r2(args.gamma),
    }
    return gx.game(
        gx.GAN(
            g=gx.Player(
                gx.models.mlp.Generator(shape=(8, 8, 3), width=args.width), adam
            ),
            d=gx.Player(
                gx.models.mlp.Discriminator(width=args.d_width), adam, penalties
            ),
            loss=gx.losses.relativistic(),
            prior=gx.priors.normal(args.latent),
        )
    )


def main(args: Args):
    return gx.train(make(args), "stacked_digits", args.run, config=args)


if __name__ == "__main__":
    gx.command(main)
