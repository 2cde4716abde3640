"""Does the generator repeat its training images?"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from ganjax.errors import Mistake
from ganjax.evaluation.distances import (
    Centred,
    Nearest,
    Rows,
    centred,
    nearest_of,
    same_width,
    table,
)


CLOSEST = 0.01  # the share of held-out images that sets what "suspiciously close" is


class Copies(NamedTuple):
    """How near samples come to the training set, measured in unseen real images."""

    ratio: float  # median distance, samples over held-out: 1 is innocent, 0 is a copy
    close: float  # share nearer than the nearest 1 % of held-out: 0.01 is innocent
    fake: Nearest  # each sample's training image, for pictures
    held_out: Nearest  # each held-out image's


def copies(
    fake: Float[np.ndarray, "n f"] | Rows,
    train: Float[np.ndarray, "m _"] | Rows,
    held_out: Float[np.ndarray, "h _"] | Rows,
) -> Copies:
    """Distances from samples to their nearest training images, beside held-out ones'.

    The comparison with unseen real data is that of Meehan et al. (2020), on two
    summaries that a reader can picture. A ratio above 1 says only that samples are
    far from all real images, which poor samples are too. `Mistake` on NaN, features
    of unequal width, or a held-out set that is mostly made of training images.
    """
    train = table(train, "training", 1)
    held_out, fake = table(held_out, "held-out", 1), table(fake, "generated", 1)
    for each in held_out, fake:
        same_width(each, train)
    about = centred(train)
    unseen = usual(centred(held_out, about.centre), about)
    return copies_of(centred(fake, about.centre), about, unseen)


def usual(held_out: Centred, train: Centred) -> Nearest:
    """How near held-out images come to training images: of real data, found once."""
    unseen = nearest_of(held_out, train)
    if np.median(unseen.distance) == 0:
        raise Mistake("Most held-out images are training images: hold out others.")
    return unseen


def copies_of(fake: Centred, train: Centred, unseen: Nearest) -> Copies:
    """`copies` of sets seen from one centre, beside what is `usual`."""
    seen = nearest_of(fake, train)
    limit = np.quantile(unseen.distance, CLOSEST)
    return Copies(
        ratio=float(np.median(seen.distance) / np.median(unseen.distance)),
        close=float((seen.distance < limit).mean()),
        fake=seen,
        held_out=unseen,
    )


def closest(near: Nearest, count: int) -> Int[np.ndarray, " c"]:
    """The samples that come closest, nearest first: `near.index` of them are theirs."""
    return np.argsort(near.distance, kind="stable")[:count]
