"""Precision, recall, density and coverage: fidelity and variety told apart."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from ganjax.evaluation.distances import (
    Centred,
    Rows,
    centred,
    expand,
    products,
    same_width,
    squared,
    table,
    tolerance,
)


class PRDC(NamedTuple):
    """Shares of samples, 0 to 1; density alone may exceed 1."""

    precision: float  # of fakes that lie within some real sample's ball
    recall: float  # of reals that lie within some fake sample's ball
    density: float  # real balls around a fake, over k: about 1 when fake is as real
    coverage: float  # of real balls that hold a fake


class Balls(NamedTuple):
    """A set whose members each have a ball up to their k-th neighbour."""

    set: Centred
    k: int
    squared_radii: Float[np.ndarray, " n"]


def prdc(
    real: Float[np.ndarray, "n f"] | Rows,
    fake: Float[np.ndarray, "m _"] | Rows,
    k: int = 5,
) -> PRDC:
    """The four scores on balls that reach each sample's k-th neighbour in its own set.

    Precision and recall: Kynkäänniemi et al. (2019), eqs. 1 and 2. Density and
    coverage: Naeem et al. (2020). As in their package prdc, a sample is
    not its own neighbour and a point on a ball's surface is outside. `Mistake` if
    either set has no k + 1 samples, on NaN, or if their widths differ.
    """
    real, fake = table(real, "real", k + 1), table(fake, "generated", k + 1)
    same_width(real, fake)
    about = centred(real)
    seen = centred(fake, about.centre)
    return prdc_of(balls(about, k), seen, products(about, seen))


def balls(of: Centred, k: int) -> Balls:
    """The balls of a set, which cost its distances within: of real data once."""
    radii = np.empty(of.rows.length)
    for block, square in squared(of, of):
        here = np.arange(block.start, block.stop)
        square[here - block.start, here] = 0
        square.partition(k, axis=1)
        radii[block] = square[:, k]
    return Balls(of, k, radii)


def prdc_of(
    real: Balls,
    fake: Centred,
    between: Iterable[tuple[slice, Float[np.ndarray, "rows m"]]],
) -> PRDC:
    """The four scores from the `products` of the real set with the generated one.

    Distances are put in the place of the products.
    """
    k, (n, m) = real.k, (real.set.rows.length, fake.rows.length)
    surface = tolerance(
        real.set, fake
    )  # so that ties are outside, whatever the rounding
    real_balls = real.squared_radii - surface
    fake_balls = balls(fake, k).squared_radii - surface

    holds = np.zeros(m, np.int64)  # real balls around each fake
    recalled = np.zeros(n, bool)
    covered = np.zeros(n, bool)
    for rows, product in between:
        square = expand(product, real.set.norms[rows], fake.norms)
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
