"""The transforms of adaptive discriminator augmentation, ADA (Karras et al., 2020).

Each function here is one of the sets of transformations that the released code offers,
under its name there (`--augpipe`). Every transformation in a set acts with probability p,
independently of the others.

For other probabilities or strengths, build a transform from the stages in the modules
`affine`, `colors`, `bands` and `corruption`:

    from ganjax.augment.transform import pipeline

    half = pipeline(affine(), colors(hue=0.5))  # the hue changes half as often

The adaptive p, which is how often they act, is set by `ganjax.augment.adaptive`.
"""

from ganjax.augment import corruption
from ganjax.augment.affine import affine
from ganjax.augment.bands import bands
from ganjax.augment.colors import colors
from ganjax.augment.transform import Transform, pipeline


# The order in which the paper applies them. Its two kinds of geometric transformations,
# pixel blitting and general ones, are one stage, so that images are resampled only once.
STAGES = (affine(), colors(), bands(), corruption.noise(), corruption.cutout())


def blit() -> Transform:
    """Pixel blitting: flips, quarter turns, shifts by whole pixels."""
    return pipeline(affine(scale=0.0, rotate=0.0, aniso=0.0, xfrac=0.0))


def geom() -> Transform:
    """General geometry: scale, rotation, anisotropic scale, fractional shifts."""
    return pipeline(affine(xflip=0.0, rotate90=0.0, xint=0.0))


def color() -> Transform:
    """Color: brightness, contrast, luma flip, hue, saturation."""
    return pipeline(colors())


def filter() -> Transform:
    """Image-space filtering: amplifies or weakens each of four frequency bands."""
    return pipeline(bands())


def noise() -> Transform:
    """Additive Gaussian noise."""
    return pipeline(corruption.noise())


def cutout() -> Transform:
    """Cutout: sets a rectangle of half the width and half the height to zero."""
    return pipeline(corruption.cutout())


def bg() -> Transform:
    """`blit` and `geom`."""
    return pipeline(*STAGES[:1])


def bgc() -> Transform:
    """`blit`, `geom` and `color`: the paper's choice and the released code's default."""
    return pipeline(*STAGES[:2])


def bgcf() -> Transform:
    """`blit`, `geom`, `color` and `filter`."""
    return pipeline(*STAGES[:3])


def bgcfn() -> Transform:
    """`blit`, `geom`, `color`, `filter` and `noise`."""
    return pipeline(*STAGES[:4])


def bgcfnc() -> Transform:
    """All of ADA: `blit`, `geom`, `color`, `filter`, `noise` and `cutout`."""
    return pipeline(*STAGES)
