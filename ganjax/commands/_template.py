"""A small GAN on images of handwritten digits.

Flags change the numbers; networks, loss and optimizers are changed in this file. `--data`
takes a folder of one's own images, which are brought to `--size` and `--channels`.
"""

from dataclasses import dataclass

import optax

import ganjax as gx


@dataclass(frozen=True)
class Args:
    """The numbers of this experiment; each one is a flag."""

    run: gx.NoPrefix[gx.Run] = gx.Run("runs/my_gan", steps=5_000, batch=64)
    data: str = "digits"
    """A built-in data set, tfds:NAME, or the path of a folder, .zip or .npz of images."""
    size: gx.PositiveInt = 16
    """Height and width of the images, a power of two."""
    channels: gx.PositiveInt = 1
    """1 for gray images, 3 for color."""
    width: gx.PositiveInt = 32
    """Channels of both networks at half the size of the images."""
    lr: gx.PositiveFloat = 2e-4
    """Learning rate of both players."""
    gamma: gx.NonNegativeFloat = 1.0
    """Weight of the gradient penalty on real images."""


def make(args: Args) -> gx.Game:
    """Returns the game: two networks, how each is updated, and the loss."""
    g = gx.models.dcgan.Generator(args.size, args.channels, args.width)
    d = gx.models.dcgan.Discriminator(args.width)
    adam = optax.adam(args.lr, b1=0.5)
    return gx.game(
        gx.GAN(
            g=gx.Player(g, adam),
            d=gx.Player(d, adam, {"r1": gx.regularizers.r1(args.gamma)}),
            loss=gx.losses.non_saturating(),
            prior=gx.priors.normal(64),
        )
    )


def main(args: Args) -> None:
    """Trains the game, or resumes it."""
    data = gx.Spec(args.data, args.size, args.channels)
    gx.train(make(args), data, args.run, config=args)


if __name__ == "__main__":
    gx.command(main)
