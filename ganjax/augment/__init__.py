"""What stands in front of the discriminator, for real and fake alike.

A transform says what happens to an image: those of DiffAugment, those of `ada`, a chain
of several. `fixed` and `adaptive` say how often, and make the game's `Augment` of it:
`adaptive(ada.bgc(), batch=64)`, `fixed(diff_augment())`. `pseudo` wraps one of these,
`both` joins two.
"""

from ganjax.augment import ada
from ganjax.augment.blur import blur
from ganjax.augment.diff_augment import (
    colour,
    cutout,
    diff_augment,
    flip,
    translation,
)
from ganjax.augment.probability import adaptive, both, fixed, identity, pseudo
from ganjax.augment.transform import Image, Transform, chain


__all__ = [
    "Image",
    "Transform",
    "ada",
    "adaptive",
    "blur",
    "both",
    "chain",
    "colour",
    "cutout",
    "diff_augment",
    "fixed",
    "flip",
    "identity",
    "pseudo",
    "translation",
]
