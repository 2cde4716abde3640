"""Which modes of a known mixture a generator found, and how cleanly."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from ganjax.errors import Mistake
from ganjax.evaluation.distances import nearest


class Modes(NamedTuple):
    """What became of the mixture's modes."""

    covered: int  # modes that have enough high-quality samples
    quality: float  # share of samples that are of high quality: close to some mode
    samples: Int[np.ndarray, " m"]  # high-quality samples of each mode


def modes(
    points: Float[np.ndarray, "n d"],
    centres: Float[np.ndarray, "m _"],
    radius: float,
    at_least: int = 1,
) -> Modes:
    """Modes with `at_least` samples within `radius` of a centre, in the points' units.

    Srivastava et al. (2017, VEEGAN) call a sample of high quality within
    three standard deviations of its nearest mode, and count a mode from one such
    sample on. In the plane 3 sd hold 98.9 % of a Gaussian and 4 sd 99.97 %.
    `Mistake` on NaN or points and centres of unequal dimension.
    """
    if radius <= 0 or at_least < 1:
        raise Mistake("Modes need a radius above 0 and at least one sample each.")
    near = nearest(points, centres)
    good = near.distance <= radius
    samples = np.bincount(near.index[good], minlength=len(centres))
    return Modes(int((samples >= at_least).sum()), float(good.mean()), samples)
