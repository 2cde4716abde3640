"""Precision, recall, density and coverage: fidelity and variety told apart."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from ganjax.evaluation.distances import same_width, squared, tolerance, vectors


class PRDC(NamedTuple):
    """Shares of samples, 0 to 1; density alone may exceed 1."""

    precision: float  # of fakes that lie within some real sample's ball
    recall: float  # of reals that lie within some fake sample's ball
    density: float  # real balls around a fake, over k: about 1 when fake is as real
    coverage: float  # of real balls that hold a fake


def prdc(
    real: Float[np.ndarray, "n f"], fake: Float[np.ndarray, "m _"], k: int = 5
) -> PRDC:
    """The four scores on balls that reach each sample's k-th neighbour in its own set.

    Precision and recall: Kynkäänniemi et al. (2019), eqs. 1 and 2. Density and
    coverage: Naeem et al. (2020). As in their package prdc, a sample is
    not its own neighbour and a point on a ball's surface is outside. `Mistake` if
    either set has no k + 1 samples, on NaN, or if their widths differ.
    """
    real, fake = vectors(real, "real", k + 1), vectors(fake, "generated", k + 1)
    same_width(real, fake)
    centre = real.mean(0)
    real, fake = real - centre, fake - centre
    surface = tolerance(real, fake)  # so that ties are outside, whatever the rounding
    real_balls = _squared_radii(real, k) - surface
    fake_balls = _squared_radii(fake, k) - surface

    holds = np.zeros(len(fake), np.int64)  # real balls around each fake
    recalled = np.zeros(len(real), bool)
    covered = np.zeros(len(real), bool)
    for rows, square in squared(real, fake):
        inside = square < real_balls[rows, None]
        holds += inside.sum(0)
        covered[rows] = inside.any(1)
        recalled[rows] = (square < fake_balls[None]).any(1)
    return PRDC(
        precision=float((holds > 0).mean()),
        recall=float(recalled.mean()),
        density=float(holds.mean() / k),
        coverage=float(covered.mean()),
    )


def _squared_radii(rows: Float[np.ndarray, "n f"], k: int) -> Float[np.ndarray, " n"]:
    radii = np.empty(len(rows))
    for block, square in squared(rows, rows):
        here = np.arange(block.start, block.stop)
        square[here - block.start, here] = 0
        square.partition(k, axis=1)
        radii[block] = square[:, k]
    return radii
