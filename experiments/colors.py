"""Colorisation: pix2pix (Isola et al., 2017) from gray images to the colors they had.

Any images in color will do, as x is made of y: `--data PATH`.
"""

from dataclasses import dataclass

import jax.numpy as jnp
import optax

from ganjax import Game, Player, losses, train
from ganjax.core import Pair
from ganjax.data import Spec
from ganjax.games.multiplayer import l1
from ganjax.games.paired import Task, joined, paired
from ganjax.games.translation import View, linear_decay
from ganjax.layers.normalization import AdaIN
from ganjax.models import patch, unet
from ganjax.run import (
    NonNegativeFloat,
    NonNegativeInt,
    NoPrefix,
    PositiveFloat,
    PositiveInt,
    Run,
    command,
)


LUMA = 0.299, 0.587, 0.114  # of red, green and blue (ITU-R 601-2)


@dataclass(frozen=True)
class Args:
    run: NoPrefix[Run] = Run("runs/colors", steps=80_000, batch=4)
    data: str = "photographs"
    size: PositiveInt = 64
    margin: NonNegativeInt = 8
    """Pixels beyond `size` within which the part that is seen lies anywhere."""
    g_width: PositiveInt = 64
    d_width: PositiveInt = 64
    times: tuple[PositiveInt, ...] = (1, 2, 4, 8, 8, 8)
    """Widths of G's halvings, in `g_width`."""
    halvings: PositiveInt = 2
    l1_weight: NonNegativeFloat = 100.0
    """Weight of the mean absolute difference to the colors in G's loss."""
    lr: PositiveFloat = 2e-4


TINY = Args(
    Run("runs/tiny_colors", steps=4, batch=8),
    data="photographs",
    size=8,
    margin=0,
    g_width=4,
    d_width=4,
    times=(1, 1, 2),
    halvings=1,
)


def grayed(keys, image):
    """An image's brightness, and the image."""
    return Pair((image @ jnp.array(LUMA))[..., None], image)


def make(args: Args) -> Game:
    adam = optax.adam(linear_decay(args.lr, args.run.steps), b1=0.5)
    g = unet.Generator(3, args.g_width, multipliers=args.times, norm=AdaIN)
    d = patch.Pix2pix(args.d_width, halvings=args.halvings, norm=AdaIN)
    task = Task(
        pair=grayed,
        view=View(args.size, args.margin),
        d_input=joined,
        distances={"l1": lambda made, y: args.l1_weight * l1(made, y)},
    )
    loss = losses.weighted(losses.non_saturating(), d=0.5)
    return paired(Player(g, adam), Player(d, adam), loss, task)


def main(args: Args):
    return train(args, make(args), Spec(args.data, args.size + args.margin, 3))


if __name__ == "__main__":
    command(main)
