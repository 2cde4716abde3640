"""Image completion (Yu et al., 2019): what is missing from a photograph, made up.

DeepFill v2's networks in one stage, over a smooth fill and the texture beside the hole
(`mirrored.fill`) in place of its first stage, its loss (hinge on an SN-PatchGAN's logits,
and the mean absolute difference) and its optimizers. Every example of every step has a
mask of its own: DeepFill's boxes and brush strokes, LaMa's (Suvorov et al., 2021) thin,
medium or thick ones, or a whole side; `gated.Generator` takes LaMa's Fourier blocks, too.
`ganjax complete RUN photo.png --mask mask.png` fills photographs of any size; `ganjax
translate RUN folder/` what is transparent in a folder of images.
"""

from dataclasses import dataclass

import optax

import ganjax as gx
from ganjax.games import inpainting, translation


@dataclass(frozen=True)
class Args:
    run: gx.NoPrefix[gx.Run] = gx.Run("runs/completion", steps=100_000, batch=16)
    data: str = "photographs"
    size: gx.PositiveInt = 64
    margin: gx.NonNegativeInt = 0
    """Pixels beyond `size` within which the part that is seen lies anywhere."""
    channels: gx.PositiveInt = 3
    g_width: gx.PositiveInt = 24
    """Channels at the full size; the published 48 count the gates, too."""
    gain: gx.PositiveFloat = 3.0
    """Of G's first weights; the published 1 takes thousands of steps to get going."""
    d_widths: tuple[gx.PositiveInt, ...] = (64, 128, 256, 256)
    """Each halves the image; for 256 pixels 64 128 256 256 256 256."""
    d_stem_width: gx.NonNegativeInt = 0
    """Channels of a first convolution of D at full resolution, for small images."""
    d_logit_scale: gx.NonNegativeFloat = 0.0
    """Factor of the logits of D's linear head; the published 0 leaves it out."""
    l1_weight: gx.NonNegativeFloat = 1.0
    """Weight of the mean absolute difference in G's loss."""
    g_lr: gx.PositiveFloat = 1e-4
    d_lr: gx.PositiveFloat = 1e-4
    flat: gx.Fraction = 1.0
    """The share of the steps after which these begin to fall; published: all of them."""


TINY = Args(
    gx.Run("runs/tiny_completion", steps=4, batch=8, seed=1),
    size=16,
    g_width=2,
    d_widths=(4, 4),
)

MASK = gx.ops.masks.one_of(
    gx.ops.masks.union(gx.ops.masks.box(), gx.ops.masks.free_form()),
    gx.ops.masks.thin(),
    gx.ops.masks.medium(),
    gx.ops.masks.thick(),
    gx.ops.masks.half(0.4),
)


def make(args: Args) -> gx.Game:
    def adam(rate: float) -> optax.GradientTransformation:
        return optax.adam(
            translation.linear_decay(rate, args.run.steps, args.flat), b1=0.5
        )

    net = gx.models.gated.Generator(
        args.g_width, fill=gx.ops.mirrored.fill, gain=args.gain
    )
    g = gx.Player(net, adam(args.g_lr))
    small = {"stem_width": args.d_stem_width, "logit_scale": args.d_logit_scale}
    d = gx.Player(
        gx.models.sn_patch.Discriminator(args.d_widths, **small), adam(args.d_lr)
    )
    view = translation.View(args.size, args.margin)
    return inpainting.inpainting(g, d, gx.losses.hinge(), MASK, view, args.l1_weight)


def main(args: Args):
    return gx.train(
        make(args),
        gx.Spec(args.data, args.size + args.margin, args.channels),
        args.run,
        config=args,
    )


if __name__ == "__main__":
    gx.command(main)
