"""The pipeline of adaptive discriminator augmentation (Karras et al., 2020).

Each function is one of the released code's sets of transformations, by its own name
there, each with a chance of p; `affine`, `colours`, `bands`, `noise` and `cutout` of the
modules beside take other chances and strengths, for a `pipeline` of one's own. Every
image of any size has its own key; under p = 0 it stays the very same.
"""

from ganjax.augment import corruption
from ganjax.augment.affine import affine
from ganjax.augment.bands import bands
from ganjax.augment.colours import colours
from ganjax.augment.transform import Transform, pipeline


PARTS = affine(), colours(), bands(), corruption.noise(), corruption.cutout()


def blit() -> Transform:
    """Flips, quarter turns, shifts by whole pixels."""
    return pipeline(affine(scale=0.0, rotate=0.0, aniso=0.0, xfrac=0.0))


def geom() -> Transform:
    """Scale, rotation, anisotropic scale, shifts by any share of the size."""
    return pipeline(affine(xflip=0.0, rotate90=0.0, xint=0.0))


def color() -> Transform:
    """Brightness, contrast, luma flip, hue, saturation."""
    return pipeline(colours())


def filter() -> Transform:
    """Each of four bands of frequency weaker or stronger."""
    return pipeline(bands())


def noise() -> Transform:
    """Additive noise."""
    return pipeline(corruption.noise())


def cutout() -> Transform:
    """A hole of half the width and half the height."""
    return pipeline(corruption.cutout())


def bg() -> Transform:
    """`blit` and `geom`, resampled once."""
    return pipeline(*PARTS[:1])


def bgc() -> Transform:
    """These and `color`: what the paper recommends, and the released code's default."""
    return pipeline(*PARTS[:2])


def bgcf() -> Transform:
    """These and `filter`."""
    return pipeline(*PARTS[:3])


def bgcfn() -> Transform:
    """These and `noise`."""
    return pipeline(*PARTS[:4])


def bgcfnc() -> Transform:
    """These and `cutout`: all."""
    return pipeline(*PARTS)
