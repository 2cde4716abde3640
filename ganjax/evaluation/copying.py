"""Does the generator repeat its training images?"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from ganjax.errors import Mistake
from ganjax.evaluation.distances import Nearest, nearest


CLOSEST = 0.01  # the share of held-out images that sets what "suspiciously close" is


class Copies(NamedTuple):
    """How near samples come to the training set, measured in unseen real images."""

    ratio: float  # median distance, samples over held-out: 1 is innocent, 0 is a copy
    close: float  # share nearer than the nearest 1 % of held-out: 0.01 is innocent
    fake: Nearest  # each sample's training image, for pictures
    held_out: Nearest  # each held-out image's


def copies(
    fake: Float[np.ndarray, "n f"],
    train: Float[np.ndarray, "m _"],
    held_out: Float[np.ndarray, "h _"],
) -> Copies:
    """Distances from samples to their nearest training images, beside held-out ones'.

    The comparison with unseen real data is that of Meehan et al. (2020), on two
    summaries that a reader can picture. A ratio above 1 says only that samples are
    far from all real images, which poor samples are too. `Mistake` on NaN, features
    of unequal width, or a held-out set that is mostly made of training images.
    """
    unseen = nearest(held_out, train)
    usual = np.median(unseen.distance)
    if usual == 0:
        raise Mistake("Most held-out images are training images: hold out others.")
    seen = nearest(fake, train)
    limit = np.quantile(unseen.distance, CLOSEST)
    return Copies(
        ratio=float(np.median(seen.distance) / usual),
        close=float((seen.distance < limit).mean()),
        fake=seen,
        held_out=unseen,
    )


def closest(near: Nearest, count: int) -> Int[np.ndarray, " c"]:
    """The samples that come closest, nearest first: `near.index` of them are theirs."""
    return np.argsort(near.distance, kind="stable")[:count]
