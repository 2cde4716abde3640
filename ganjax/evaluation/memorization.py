"""Tests of memorization by distances to the training set: authenticity and C_T.

Both compare how near samples lie to the training data with how near real data lies to it.
Authenticity takes the distances within the training set as its yardstick (Alaa et al.,
2022), C_T those of held-out data (Meehan et al., 2020). `ganjax.evaluation.copying` has
ratios of the same distances, and lists the nearest pairs.
"""

import numpy as np
from jaxtyping import Float

from ganjax.evaluation.distances import (
    Rows,
    as_rows,
    centered,
    check_same_width,
    nearest_neighbors,
    nearest_within,
    take_rows,
    tolerance,
)
from ganjax.evaluation.feature_metric import (
    FeatureMetric,
    has_training_set,
    length,
    read_matrix,
    training_rows,
)
from ganjax.evaluation.metric import neither_is_better


AUTHENTICITY = neither_is_better(
    "authenticity",
    "that of held-out data",
    "Fraction of samples that are farther from their nearest training image than that "
    "image is from the next.",
)
COPYING = neither_is_better(
    "copying",
    "about 0; far below 0 copies",
    "Mann-Whitney test of the distances to the training data of samples against those of "
    "held-out data, in standard deviations.",
)
COPYING_CELLS = neither_is_better(
    "copying/cells",
    "about 0; far below 0 copies",
    "The same test within cells of the training data, averaged over them (C_T).",
)

CELLS = 3
MIN_SAMPLES_IN_CELL = 20
MAX_ROWS_TO_CLUSTER = 10_000


def authenticity(
    fake: Float[np.ndarray, "n f"] | Rows, train: Float[np.ndarray, "m _"] | Rows
) -> float:
    """Computes the fraction of samples that are authentic, AuthPct over 100.

    A sample is a copy if it is nearer to its nearest training image than that image is to
    any other training image (Alaa et al., 2022, section 3.3). Only copies give a value near
    0. New real images reach not 1 but some value that depends on the data, so compare with
    that of held-out data.

    Args:
        fake: features of the samples.
        train: features of the training images.

    Raises:
        UsageError: fewer than two training images, no samples, NaN or infinity, or unequal
            widths.
    """
    train = as_rows(train, "training")
    fake = as_rows(fake, "generated", 1)
    check_same_width(fake, train)
    nearest = nearest_neighbors(fake, train)
    train_set = centered(train)
    squares, _ = nearest_within(train_set, 1)
    # Of training images that occur twice, the distance is 0 but for rounding.
    squares[squares <= tolerance(train_set)] = 0
    next_distance = np.sqrt(squares[nearest.index, 0])
    return float((next_distance < nearest.distance).mean())


def mann_whitney_copying(
    fake: Float[np.ndarray, "n f"] | Rows,
    train: Float[np.ndarray, "m _"] | Rows,
    held_out: Float[np.ndarray, "h _"] | Rows,
) -> float:
    """Computes the Mann-Whitney test of copying over the whole space.

    The statistic U counts the pairs of a sample and a held-out image of which the sample is
    farther from the training data (ties count half). It is returned in standard deviations
    from its mean under the hypothesis that both are equally far: (U - n h / 2) / sqrt(n h
    (n + h + 1) / 12). Below -3 samples are significantly nearer than real data, which is
    copying; above 3 they are farther (Meehan et al., 2020, section 3.1).

    Args:
        fake: features of the samples.
        train: features of the training images.
        held_out: features of real images that were not trained on.

    Raises:
        UsageError: an empty set, NaN or infinity, or unequal widths.
    """
    of_fake = nearest_neighbors(fake, train).distance
    of_real = nearest_neighbors(held_out, train).distance
    return _mann_whitney(of_fake, of_real)


def c_t(
    fake: Float[np.ndarray, "n f"] | Rows,
    train: Float[np.ndarray, "m _"] | Rows,
    held_out: Float[np.ndarray, "h _"] | Rows,
    *,
    cells: int = CELLS,
    seed: int = 0,
) -> float:
    """Computes C_T, the test of copying within cells (Meehan et al., 2020, eq. 3).

    The training data is divided into cells by k-means. In each, the samples that lie there
    are tested as in `mann_whitney_copying`; the results are averaged, weighted by the
    fraction of held-out data in the cell. So copying in one region is not hidden by samples
    that are far from everything in another. Cells with fewer than 20 samples are left out.

    Args:
        fake: features of the samples.
        train: features of the training images.
        held_out: features of real images that were not trained on.
        cells: the number of cells.
        seed: the seed of k-means.

    Raises:
        UsageError: fewer training images than cells, an empty set, NaN or infinity, or
            unequal widths.
    """
    train = as_rows(train, "training", cells)
    held_out = as_rows(held_out, "held-out", 1)
    fake = as_rows(fake, "generated", 1)
    for rows in (held_out, fake):
        check_same_width(rows, train)
    centers = _cell_centers(train, cells, seed)
    cell_of = [
        nearest_neighbors(rows, centers).index for rows in (fake, train, held_out)
    ]
    total = weight = 0.0
    for cell in range(cells):
        chosen = [np.flatnonzero(index == cell) for index in cell_of]
        in_fake, in_train, in_real = chosen
        if len(in_fake) < MIN_SAMPLES_IN_CELL or not len(in_train) or not len(in_real):
            continue
        score = mann_whitney_copying(
            take_rows(fake, in_fake),
            take_rows(train, in_train),
            take_rows(held_out, in_real),
        )
        total += len(in_real) * score
        weight += len(in_real)
    if weight == 0:
        return mann_whitney_copying(fake, train, held_out)
    return total / weight


def _mann_whitney(a: Float[np.ndarray, " n"], b: Float[np.ndarray, " m"]) -> float:
    # Not above: its import takes longer than that of all else here.
    from scipy.stats import rankdata

    n, m = len(a), len(b)
    # Equal distances, such as 0 of several copies, share the mean of their ranks.
    ranks = rankdata(np.concatenate([a, b]))
    u = ranks[:n].sum() - n * (n + 1) / 2
    return float((u - n * m / 2) / np.sqrt(n * m * (n + m + 1) / 12))


def _cell_centers(train: Rows, cells: int, seed: int) -> Float[np.ndarray, "k f"]:
    # Not above: its import takes a quarter of the time of all of ganjax.
    from sklearn.cluster import KMeans

    if train.length > MAX_ROWS_TO_CLUSTER:
        rng = np.random.default_rng(seed)
        chosen = rng.choice(train.length, MAX_ROWS_TO_CLUSTER, replace=False)
        train = take_rows(train, np.sort(chosen))
    means = KMeans(cells, n_init="auto", random_state=seed).fit(read_matrix(train))
    return np.asarray(means.cluster_centers_)


AUTHENTICITY_METRIC = FeatureMetric(
    AUTHENTICITY,
    lambda real, fake: authenticity(fake.rows, training_rows(real)),
    lambda real, fake: real.train is not None and length(real.train) >= 2,
)
COPYING_METRIC = FeatureMetric(
    COPYING,
    lambda real, fake: mann_whitney_copying(fake.rows, training_rows(real), real.rows),
    has_training_set,
)
COPYING_CELLS_METRIC = FeatureMetric(
    COPYING_CELLS,
    lambda real, fake: c_t(fake.rows, training_rows(real), real.rows),
    lambda real, fake: real.train is not None and length(real.train) >= CELLS,
)
