"""Colorisation: pix2pix (Isola et al., 2017) from gray images to the colors they had.

Any images in color will do, as x is made of y: `--data PATH`.
"""

from dataclasses import dataclass

import jax.numpy as jnp
import optax

import ganjax as gx
from ganjax.games import multiplayer, paired, translation
from ganjax.layers import normalization


LUMA = 0.299, 0.587, 0.114  # of red, green and blue (ITU-R 601-2)


@dataclass(frozen=True)
class Args:
    run: gx.NoPrefix[gx.Run] = gx.Run("runs/colors", steps=80_000, batch=4)
    data: str = "photographs"
    size: gx.PositiveInt = 64
    margin: gx.NonNegativeInt = 8
    """Pixels beyond `size` within which the part that is seen lies anywhere."""
    g_width: gx.PositiveInt = 64
    d_width: gx.PositiveInt = 64
    times: tuple[gx.PositiveInt, ...] = (1, 2, 4, 8, 8, 8)
    """Widths of G's halvings, in `g_width`."""
    halvings: gx.PositiveInt = 2
    l1_weight: gx.NonNegativeFloat = 100.0
    """Weight of the mean absolute difference to the colors in G's loss."""
    lr: gx.PositiveFloat = 2e-4


TINY = Args(
    gx.Run("runs/tiny_colors", steps=4, batch=8),
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
    return gx.Pair((image @ jnp.array(LUMA))[..., None], image)


def make(args: Args) -> gx.Game:
    adam = optax.adam(translation.linear_decay(args.lr, args.run.steps), b1=0.5)
    g = gx.models.unet.Generator(
        3, args.g_width, multipliers=args.times, norm=normalization.AdaIN
    )
    d = gx.models.patch.Pix2pix(
        args.d_width, halvings=args.halvings, norm=normalization.AdaIN
    )
    task = paired.Task(
        pair=grayed,
        view=translation.View(args.size, args.margin),
        d_input=paired.joined,
        distances={"l1": lambda made, y: args.l1_weight * multiplayer.l1(made, y)},
    )
    loss = gx.losses.weighted(gx.losses.non_saturating(), d=0.5)
    return paired.paired(gx.Player(g, adam), gx.Player(d, adam), loss, task)


def main(args: Args):
    return gx.train(
        make(args),
        gx.Spec(args.data, args.size + args.margin, 3),
        args.run,
        config=args,
    )


if __name__ == "__main__":
    gx.command(main)
