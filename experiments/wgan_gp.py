"""WGAN-GP on CIFAR-10 (Gulrajani et al., 2017), as in the authors' residual network.

Wasserstein loss, a gradient penalty of 10, batch norm in G and none in D, five D turns a
step, 64 images for D and 128 for G, both learning rates falling to zero over the run.
"""

from dataclasses import dataclass

import optax

import ganjax as gx


@dataclass(frozen=True)
class Args:
    run: gx.NoPrefix[gx.Run] = gx.Run("runs/wgan_gp", steps=100_000, batch=64)
    data: str = "tfds:cifar10"
    latent: gx.PositiveInt = 128
    width: gx.PositiveInt = 128
    d_turns: gx.PositiveInt = 5
    lr: gx.PositiveFloat = 2e-4
    penalty: gx.NonNegativeFloat = 10.0


TINY = Args(
    gx.Run("runs/tiny_wgan_gp", steps=4, batch=8),
    data="digits",
    latent=4,
    width=4,
    d_turns=2,
)


def make(args: Args) -> gx.Game:
    def adam(turns):
        falling = optax.linear_schedule(args.lr, 0.0, args.run.steps * turns)
        return optax.adam(falling, b1=0.0, b2=0.9)

    g = gx.models.resnet.Generator(width=args.width)
    d = gx.models.resnet.Critic(width=args.width)
    penalty = {"gradient_penalty": gx.regularizers.gradient_penalty(args.penalty)}
    return gx.game(
        gx.GAN(
            g=gx.Player(g, adam(1)),
            d=gx.Player(d, adam(args.d_turns), penalty),
            loss=gx.losses.wasserstein(),
            prior=gx.priors.normal(args.latent),
            ema=optax.constant_schedule(0.0),
        )
    )


def main(args: Args):
    sizes = gx.Sizes(args.d_turns, d_batch=args.run.batch, g_batch=2 * args.run.batch)
    return gx.train(
        make(args),
        gx.Spec(args.data, size=32, channels=3),
        args.run,
        config=args,
        sizes=sizes,
    )


if __name__ == "__main__":
    gx.command(main)
