"""De-identification (Hukkelås et al., 2019): one region of each image is made up anew.

What is in the region never reaches G: it is completed from what is around it, by the
networks and the loss of DeepFill v2 (Yu et al., 2019). What is around it stays, and may
still tell who it is. Nothing is detected: G learns one rectangle of images that are
aligned, by default the face of CelebA's, and is to be given images of that kind with
`ganjax complete RUN photo.png --mask mask.png`. Where what is hidden has letters or
numbers, `--no-flip`.
"""

from dataclasses import dataclass

import optax

import ganjax as gx
from ganjax.games import inpainting, translation


@dataclass(frozen=True)
class Args:
    run: gx.NoPrefix[gx.Run] = gx.Run("runs/deidentify", steps=100_000, batch=16)
    data: str = "tfds:celeb_a"
    size: gx.PositiveInt = 128
    margin: gx.NonNegativeInt = 0
    """Pixels beyond `size` within which the part that is seen lies anywhere."""
    flip: bool = True
    """Half of the images are seen in a mirror: not for letters, numbers or maps."""
    channels: gx.PositiveInt = 3
    region: tuple[gx.Fraction, gx.Fraction, gx.Fraction, gx.Fraction] = (
        0.3,
        0.2,
        0.85,
        0.8,
    )
    """Top, left, bottom and right of what is made up, as shares of the sides."""
    g_width: gx.PositiveInt = 24
    """Channels at the full size; the published 48 count the gates, too."""
    gain: gx.PositiveFloat = 3.0
    """Of G's first weights; the published 1 takes thousands of steps to get going."""
    d_widths: tuple[gx.PositiveInt, ...] = (64, 128, 256, 256, 256)
    """Each halves the image."""
    l1_weight: gx.NonNegativeFloat = 1.0
    """Weight of the mean absolute difference in G's loss."""
    lr: gx.PositiveFloat = 1e-4


TINY = Args(
    gx.Run("runs/tiny_deidentify", steps=4, batch=8, seed=1),
    data="digits",
    size=8,
    channels=1,
    g_width=2,
    d_widths=(4, 4),
)


def make(args: Args) -> gx.Game:
    adam = optax.adam(args.lr, b1=0.5)
    g = gx.Player(gx.models.gated.Generator(args.g_width, gain=args.gain), adam)
    d = gx.Player(gx.models.sn_patch.Discriminator(args.d_widths), adam)
    view, mask = (
        translation.View(args.size, args.margin, args.flip),
        gx.ops.masks.region(*args.region),
    )
    return inpainting.inpainting(g, d, gx.losses.hinge(), mask, view, args.l1_weight)


def main(args: Args):
    return gx.train(
        make(args),
        gx.Spec(args.data, args.size + args.margin, args.channels),
        args.run,
        config=args,
    )


if __name__ == "__main__":
    gx.command(main)
