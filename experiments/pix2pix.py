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

from ganjax import Game, Player, losses, train
from ganjax.core import Pair
from ganjax.data import Spec
from ganjax.games.multiplayer import l1
from ganjax.games.paired import Task, joined, paired
from ganjax.games.translation import View, linear_decay, sides
from ganjax.layers.normalization import AdaIN
from ganjax.models import patch, unet
from ganjax.run import (
    Fraction,
    NonNegativeFloat,
    NonNegativeInt,
    NoPrefix,
    PositiveFloat,
    PositiveInt,
    Run,
    command,
)


@dataclass(frozen=True)
class Args:
    run: NoPrefix[Run] = Run("runs/pix2pix", steps=80_000, batch=1)
    data: str = "facades"
    """Files of two images side by side; or, with `target`, of x."""
    target: str = ""
    """Where y is, in the same order."""
    reverse: bool = False
    """Makes the first of the second."""
    size: PositiveInt = 256
    margin: NonNegativeInt = 30
    """Pixels beyond `size` within which the part that is seen lies anywhere."""
    flip: bool = True
    """Half of the images are seen in a mirror: not for letters, numbers or maps."""
    channels: PositiveInt = 3
    g_width: PositiveInt = 64
    d_width: PositiveInt = 64
    times: tuple[PositiveInt, ...] = (1, 2, 4, 8, 8, 8, 8, 8)
    """Widths of G's halvings, in `g_width`."""
    halvings: PositiveInt = 3
    """Of D: with 3 a logit sees 70 pixels, with 2 it sees 34."""
    dropout: Fraction = 0.5
    l1_weight: NonNegativeFloat = 100.0
    """Weight of the mean absolute difference to y in G's loss."""
    lr: PositiveFloat = 2e-4


TINY = Args(
    Run("runs/tiny_pix2pix", steps=4, batch=8),
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


def make(args: Args) -> Game:
    adam = optax.adam(linear_decay(args.lr, args.run.steps), b1=0.5)
    shape = {"multipliers": args.times, "dropout": args.dropout, "norm": AdaIN}
    g = unet.Generator(args.channels, args.g_width, **shape)
    d = patch.Pix2pix(args.d_width, halvings=args.halvings, norm=AdaIN)
    of = sides(args.reverse)
    task = Task(
        pair=lambda keys, x: Pair(of.x(x), of.y(x)),
        view=View(args.size, args.margin, args.flip),
        d_input=joined,
        distances={"l1": lambda made, y: args.l1_weight * l1(made, y)},
    )
    loss = losses.weighted(losses.non_saturating(), d=0.5)
    return paired(Player(g, adam), Player(d, adam), loss, task)


def main(args: Args):
    spec = Spec(args.data, args.size + args.margin, args.channels)
    if args.target:
        spec = spec._replace(target=args.target, paired=True)
    else:
        spec = spec._replace(side_by_side=True)
    return train(args, make(args), spec)


if __name__ == "__main__":
    command(main)
