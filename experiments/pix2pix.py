"""pix2pix (Isola et al., 2017): one image made of another, learned from pairs of them.

The numbers are those of the authors' code: a U-Net and a 70x70 PatchGAN that sees both
images, log loss and 100 times the absolute difference, batches of one, in which a batch
norm is an instance norm with weights, as it is here in any batch. Pairs are files that
hold two images side by side, or two folders in which they come in the same order:

    --data facades/                  x is the left half; --reverse takes the right
    --data maps/ --target aerial/

A U-Net of 64 pixels has `--times 1 2 4 8 8 8`.
"""

from dataclasses import dataclass

import optax

import ganjax as gx
from ganjax.games import multiplayer, paired, translation
from ganjax.layers import normalization


@dataclass(frozen=True)
class Args:
    run: gx.NoPrefix[gx.Run] = gx.Run("runs/pix2pix", steps=80_000, batch=1)
    data: str = "facades"
    """Files of two images side by side; or, with `target`, of x."""
    target: str = ""
    """Where y is, in the same order."""
    reverse: bool = False
    """Makes the first of the second."""
    size: gx.PositiveInt = 256
    margin: gx.NonNegativeInt = 30
    """Pixels beyond `size` within which the part that is seen lies anywhere."""
    flip: bool = True
    """Half of the images are seen in a mirror: not for letters, numbers or maps."""
    channels: gx.PositiveInt = 3
    g_width: gx.PositiveInt = 64
    d_width: gx.PositiveInt = 64
    times: tuple[gx.PositiveInt, ...] = (1, 2, 4, 8, 8, 8, 8, 8)
    """Widths of G's halvings, in `g_width`."""
    halvings: gx.PositiveInt = 3
    """Of D: with 3 a logit sees 70 pixels, with 2 it sees 34."""
    dropout: gx.Fraction = 0.5
    l1_weight: gx.NonNegativeFloat = 100.0
    """Weight of the mean absolute difference to y in G's loss."""
    lr: gx.PositiveFloat = 2e-4


TINY = Args(
    gx.Run("runs/tiny_pix2pix", steps=4, batch=8),
    data="digits",
    target="digits",
    size=8,
    margin=2,
    channels=1,
    g_width=4,
    d_width=4,
    times=(1, 1, 2),
    halvings=1,
)


def make(args: Args) -> gx.Game:
    adam = optax.adam(translation.linear_decay(args.lr, args.run.steps), b1=0.5)
    shape = {
        "multipliers": args.times,
        "dropout": args.dropout,
        "norm": normalization.AdaIN,
    }
    g = gx.models.unet.Generator(args.channels, args.g_width, **shape)
    d = gx.models.patch.Pix2pix(
        args.d_width, halvings=args.halvings, norm=normalization.AdaIN
    )
    of = translation.sides(args.reverse)
    task = paired.Task(
        pair=lambda keys, x: gx.Pair(of.x(x), of.y(x)),
        view=translation.View(args.size, args.margin, args.flip),
        d_input=paired.joined,
        distances={"l1": lambda made, y: args.l1_weight * multiplayer.l1(made, y)},
    )
    loss = gx.losses.weighted(gx.losses.non_saturating(), d=0.5)
    return paired.paired(gx.Player(g, adam), gx.Player(d, adam), loss, task)


def main(args: Args):
    spec = gx.Spec(args.data, args.size + args.margin, args.channels)
    if args.target:
        spec = spec._replace(target=args.target, paired=True)
    else:
        spec = spec._replace(side_by_side=True)
    return gx.train(make(args), spec, args.run, config=args)


if __name__ == "__main__":
    gx.command(main)
