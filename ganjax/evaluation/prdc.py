"""Precision, recall, density and coverage, which measure fidelity and diversity separately.

The distribution of a set is approximated by balls around its vectors, each of which reaches
to the k-th nearest neighbor in the same set. Precision and density measure how samples lie
in the balls of real data (fidelity), recall and coverage how much of the real data the
samples account for (diversity). `count_in_balls` counts all that these scores, and those of
`ganjax.evaluation.clipped`, are made of in one pass over the distances.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from ganjax.evaluation.distances import (
    Centered,
    Rows,
    Tile,
    as_rows,
    centered,
    check_same_width,
    nearest_within,
    product_tiles,
    squared_distances_in_place,
    tolerance,
)
from ganjax.evaluation.feature_metric import FeatureMetrics, has_at_least
from ganjax.evaluation.metric import higher_is_better, neither_is_better


K = 5  # which nearest neighbor a ball reaches to, as in the experiments of Naeem et al.

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
    squared_distances: Float[np.ndarray, "n k"]  # to the k neighbors, ascending
    neighbors: Int[np.ndarray, "n k"]  # their row numbers


class BallCounts(NamedTuple):
    """How samples and the balls around real vectors and samples meet.

    Attributes:
        around_fake: how many real balls each sample lies in.
        clipped_around_fake: the same for balls whose radius is clipped at the median.
        in_real: how many samples lie in the ball of each real image.
        recalled: whether each real image lies in the ball of some sample.
    """

    around_fake: Int[np.ndarray, " m"]
    clipped_around_fake: Int[np.ndarray, " m"]
    in_real: Int[np.ndarray, " n"]
    recalled: Bool[np.ndarray, " n"]


def prdc(
    real: Float[np.ndarray, "n f"] | Rows,
    fake: Float[np.ndarray, "m _"] | Rows,
    k: int = K,
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
    _, counts = ball_counts(real, fake, k)
    return prdc_from_counts(counts, k)


def ball_counts(
    real: Float[np.ndarray, "n f"] | Rows, fake: Float[np.ndarray, "m _"] | Rows, k: int
) -> tuple[Balls, BallCounts]:
    """Returns the balls of real images, and what lies in the balls of either set.

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
    real_balls = balls(real_set, k)
    tiles = product_tiles(real_set, fake_set)
    return real_balls, count_in_balls(real_balls, fake_set, tiles)


def balls(vectors: Centered, k: int) -> Balls:
    """Computes the balls of a set, each of which reaches to the k-th nearest neighbor."""
    square, index = nearest_within(vectors, k)
    return Balls(vectors, k, square[:, -1], square, index)


def count_in_balls(
    real: Balls, fake: Centered, cross_products: Iterable[Tile]
) -> BallCounts:
    """Counts samples in real balls, and real images in samples' balls.

    As in the package `prdc`, a point on the surface of a ball is outside. It is inside of a
    clipped ball, as in the definition of clipped density.

    Args:
        real: the balls of the real set, which are computed once for many sets of samples.
        fake: the samples, with the center of the real set.
        cross_products: `product_tiles(real.set, fake)`, which are overwritten.
    """
    n = real.set.rows.length
    m = fake.rows.length
    # Shrink balls by the rounding error, so that a point on the surface is outside.
    rounding = tolerance(real.set, fake)
    real_balls = real.squared_radii - rounding
    fake_balls = balls(fake, real.k).squared_radii - rounding
    clipped_balls = clipped_squared_radii(real) + rounding

    around_fake = np.zeros(m, np.int64)
    clipped_around_fake = np.zeros(m, np.int64)
    in_real = np.zeros(n, np.int64)
    recalled = np.zeros(n, bool)
    for rows, columns, product in cross_products:
        square = squared_distances_in_place(
            product, real.set.squared_norms[rows], fake.squared_norms[columns]
        )
        # [real, samples]: whether sample j lies in the ball of real image i.
        inside = square < real_balls[rows, None]
        around_fake[columns] += inside.sum(0)
        in_real[rows] += inside.sum(1)
        clipped_around_fake[columns] += (square <= clipped_balls[rows, None]).sum(0)
        # The reverse: whether real image i lies in the ball of some sample.
        recalled[rows] |= (square < fake_balls[None, columns]).any(1)
    return BallCounts(around_fake, clipped_around_fake, in_real, recalled)


def clipped_squared_radii(real: Balls) -> Float[np.ndarray, " n"]:
    """Returns squared radii, of which those above the median radius are the median."""
    # The median of the radii, which for an even number is not that of their squares.
    median = np.median(np.sqrt(real.squared_radii))
    return np.minimum(real.squared_radii, median**2)


def prdc_from_counts(counts: BallCounts, k: int) -> PRDC:
    """Computes `prdc` from what `count_in_balls` counted, with balls of the same k."""
    return PRDC(
        precision=float((counts.around_fake > 0).mean()),
        recall=float(counts.recalled.mean()),
        density=float(counts.around_fake.mean() / k),
        coverage=float((counts.in_real > 0).mean()),
    )


PRDC_METRICS = FeatureMetrics(
    METRICS, lambda real, fake: prdc(real.rows, fake.rows), has_at_least(K + 1)
)
