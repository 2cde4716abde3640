"""Colourisation: pix2pix (Isola et al., 2017) from grey images to the colours they had.

Any images in colour will do, as x is made of y: `--data PATH`.
"""

from dataclasses import dataclass

import jax.numpy as jnp
import optax

from ganjax import Game, Player, losses, train
from ganjax.data import Spec
from ganjax.games.paired import Task, joined, paired
from ganjax.games.table import l1
from ganjax.games.translation import View, linear_decay
from ganjax.models import layers, patch, unet
from ganjax.run import Cadence, Count, Flat, Positive, Run, Weight, command


LUMA = 0.299, 0.587, 0.114  # of red, green and blue (ITU-R 601-2)


@dataclass(frozen=True)
class Args:
    run: Flat[Run] = Run("runs/colours", steps=80_000, batch=4)
    data: str = "photographs"
    size: Count = 64
    margin: Cadence = 8
    """Pixels beyond `size` within which the part that is seen lies anywhere."""
    g_width: Count = 64
    d_width: Count = 64
    times: tuple[Count, ...] = (1, 2, 4, 8, 8, 8)
    """Widths of G's halvings, in `g_width`."""
    halvings: Count = 2
    far: Weight = 100.0
    """How much the mean absolute difference to the colours costs."""
    lr: Positive = 2e-4


TINY = Args(
    Run("runs/tiny_colours", steps=4, batch=8),
    data="photographs",
    size=8,
    margin=0,
    g_width=4,
    d_width=4,
    times=(1, 1, 2),
    halvings=1,
)


def greyed(keys, image):
    """An image's brightness, and the image."""
    return (image @ jnp.array(LUMA))[..., None], image


def make(args: Args) -> Game:
    adam = optax.adam(linear_decay(args.lr, args.run.steps), b1=0.5)
    g = unet.Generator(3, args.g_width, times=args.times, norm=layers.AdaIN)
    d = patch.Pix2pix(args.d_width, halvings=args.halvings, norm=layers.AdaIN)
    task = Task(
        pair=greyed,
        view=View(args.size, args.margin),
        beside=joined,
        distances={"far": lambda made, y: args.far * l1(made, y)},
    )
    loss = losses.weighed(losses.non_saturating(), d=0.5)
    return paired(Player(g, adam), Player(d, adam), loss, task)


def main(args: Args):
    return train(args, make(args), Spec(args.data, args.size + args.margin, 3))


if __name__ == "__main__":
    command(main)
