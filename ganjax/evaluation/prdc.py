"""Precision, recall, density and coverage, which measure fidelity and diversity separately.

The distribution of a set is approximated by balls around its vectors, each of which reaches
to the k-th nearest neighbor in the same set. Precision and density measure how samples lie
in the balls of real data (fidelity), recall and coverage how much of the real data the
samples account for (diversity).
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from ganjax.evaluation.distances import (
    Centered,
    Rows,
    as_rows,
    centered,
    check_same_width,
    inner_products,
    squared_distances,
    squared_distances_in_place,
    tolerance,
)
from ganjax.evaluation.metric import higher_is_better, neither_is_better


# In the order of `PRDC`.
METRICS = (
    higher_is_better("precision", "Fraction of samples that lie within the real data."),
    higher_is_better("recall", "Fraction of real data that lies within the samples."),
    neither_is_better(
        "density", "about 1", "How densely real data lies around the samples."
    ),
    higher_is_better(
        "coverage", "Fraction of real examples that have a sample nearby."
    ),
)


class PRDC(NamedTuple):
    """The four scores, 0 (worst) to 1; density alone may exceed 1."""

    precision: float  # fraction of samples that lie in some real ball
    recall: float  # fraction of real images that lie in some sample's ball
    density: float  # mean number of real balls around a sample, over k
    coverage: float  # fraction of real balls that contain a sample


class Balls(NamedTuple):
    """A set of vectors with the ball of each."""

    set: Centered
    k: int  # which nearest neighbor a ball reaches to
    squared_radii: Float[np.ndarray, " n"]  # squared distances to the k-th neighbor


def prdc(
    real: Float[np.ndarray, "n f"] | Rows,
    fake: Float[np.ndarray, "m _"] | Rows,
    k: int = 5,
) -> PRDC:
    """Computes precision, recall, density and coverage.

    Precision and recall are those of Kynkäänniemi et al. (2019, eq. 1 and 2), density and
    coverage those of Naeem et al. (2020). As in the latter's package `prdc`, a vector is
    not its own neighbor, and a point on the surface of a ball is outside.

    Args:
        real: features of real images.
        fake: features of samples.
        k: which nearest neighbor a ball reaches to.

    Raises:
        UsageError: a set of k or fewer vectors, NaN or infinity, or unequal widths.
    """
    real = as_rows(real, "real", k + 1)
    fake = as_rows(fake, "generated", k + 1)
    check_same_width(real, fake)
    real_set = centered(real)
    fake_set = centered(fake, real_set.center)
    return prdc_centered(
        balls(real_set, k), fake_set, inner_products(real_set, fake_set)
    )


def balls(vectors: Centered, k: int) -> Balls:
    """Computes the balls of a set, each of which reaches to the k-th nearest neighbor."""
    squared_radii = np.empty(vectors.rows.length)
    for block, square in squared_distances(vectors, vectors):
        # The distance of a vector to itself may not be exactly 0. Set to 0 it is always the
        # smallest, so that entry k of the sorted distances is the k-th neighbor.
        diagonal = np.arange(block.start, block.stop)
        square[diagonal - block.start, diagonal] = 0
        square.partition(k, axis=1)
        squared_radii[block] = square[:, k]
    return Balls(vectors, k, squared_radii)


def prdc_centered(
    real: Balls,
    fake: Centered,
    cross_products: Iterable[tuple[slice, Float[np.ndarray, "rows m"]]],
) -> PRDC:
    """Computes `prdc` from the balls of the real set and inner products with the samples.

    Args:
        real: the balls of the real set, which are computed once for many sets of samples.
        fake: the samples, with the center of the real set.
        cross_products: `inner_products(real.set, fake)`, which are overwritten.
    """
    n = real.set.rows.length
    m = fake.rows.length
    k = real.k
    # Shrink balls by the rounding error, so that a point on the surface is outside.
    rounding = tolerance(real.set, fake)
    real_balls = real.squared_radii - rounding
    fake_balls = balls(fake, k).squared_radii - rounding

    # One pass over the distances between the sets serves all four scores.
    balls_around_fake = np.zeros(m, np.int64)
    recalled = np.zeros(n, bool)
    covered = np.zeros(n, bool)
    for rows, product in cross_products:
        square = squared_distances_in_place(
            product, real.set.squared_norms[rows], fake.squared_norms
        )
        # [real, samples]: whether sample j lies in the ball of real image i.
        inside = square < real_balls[rows, None]
        balls_around_fake += inside.sum(0)
        covered[rows] = inside.any(1)
        # The reverse: whether real image i lies in the ball of some sample.
        recalled[rows] = (square < fake_balls[None]).any(1)
    return PRDC(
        precision=float((balls_around_fake > 0).mean()),
        recall=float(recalled.mean()),
        density=float(balls_around_fake.mean() / k),
        coverage=float(covered.mean()),
    )
