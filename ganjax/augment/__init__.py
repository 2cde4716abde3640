"""Augmentations: what real and generated images pass through on their way to D.

There are two levels:

- A `Transform` changes one image, `(key, image, p) -> image`: those of DiffAugment
  (`color`, `translation`, `cutout`, `diff_augment`), those of ADA (the module `ada`),
  StyleGAN3-R's `blur`, ASGAN's `jitter` of signals, or several in a row (`chain`).
- An `Augment` (`ganjax.core.Augment`) is what a `GAN` takes: it wraps a transform and
  decides how often it acts. `fixed` follows a constant or a schedule, `adaptive` is ADA's
  feedback on D's overfitting, `identity` does nothing. `pseudo` (APA) and `chain_augments`
  wrap other `Augment`s.

Example:

    augment.fixed(augment.diff_augment())
    augment.adaptive(augment.ada.bgc(), batch=64)
"""

from ganjax.augment import ada
from ganjax.augment.blur import blur
from ganjax.augment.diff_augment import (
    color,
    cutout,
    diff_augment,
    flip,
    translation,
)
from ganjax.augment.probability import (
    adaptive,
    chain_augments,
    fixed,
    identity,
    pseudo,
)
from ganjax.augment.signals import jitter
from ganjax.augment.transform import Image, Transform, chain


__all__ = [
    "Image",
    "Transform",
    "ada",
    "adaptive",
    "blur",
    "chain",
    "chain_augments",
    "color",
    "cutout",
    "diff_augment",
    "fixed",
    "flip",
    "identity",
    "jitter",
    "pseudo",
    "translation",
]
