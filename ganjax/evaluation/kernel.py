"""Kernel distances (MMD) between two sets of features: KID, KAD and CMMD.

The squared maximum mean discrepancy of two distributions is E k(x, x') + E k(y, y')
- 2 E k(x, y) for a kernel k (Gretton et al., 2012). It needs no assumption on the
distributions, and its unbiased estimator has one expectation for every number of samples,
unlike the Fréchet distance. The scores differ in the kernel and in the estimator:

- `kid` and `kernel_distance`: the cubic kernel of KID, unbiased; as the mean over random
  subsets, and on all samples;
- `kad`: a Gaussian as wide as the real data, unbiased;
- `cmmd`: a Gaussian of width 10, for embeddings of CLIP, biased by less than 1 / n.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from ganjax.errors import UsageError
from ganjax.evaluation.distances import (
    ALL,
    Centered,
    Rows,
    as_rows,
    centered,
    check_same_width,
    distance_tiles,
    product_tiles,
    take_rows,
)
from ganjax.evaluation.feature_metric import (
    FeatureMetric,
    FeatureMetrics,
    FeatureSet,
    has_at_least,
    length,
)
from ganjax.evaluation.metric import lower_is_better, neither_is_better


KID_MEAN = lower_is_better(
    "kid", "Squared kernel distance to real data with a cubic kernel, over subsets."
)
KID_SPREAD = neither_is_better(
    "kid/spread", "small", "Standard deviation of the kernel distance over subsets."
)
KERNEL = lower_is_better(
    "kernel",
    "Squared kernel distance to real data with a cubic kernel, on all samples.",
)
KAD = lower_is_better(
    "kad",
    "100 times the squared kernel distance to real data, with a Gaussian as wide as the "
    "median distance of real data.",
)
CMMD = lower_is_better(
    "cmmd", "1000 times the squared kernel distance, with a Gaussian of width 10."
)

SUBSETS = 100
SUBSET_SIZE = 1000
SEED = 2020  # torch-fidelity's default
KAD_SCALE = 100
CMMD_SCALE = 1000
CMMD_SIGMA = 10.0
MEDIAN_SAMPLES = 5000  # 12.5 million distances, whose median is that of all in 3 digits


class KID(NamedTuple):
    """The kernel distance over random subsets."""

    mean: float
    spread: float  # standard deviation over the subsets, which overlap


def kid(
    real: Float[np.ndarray, "n f"] | Rows,
    fake: Float[np.ndarray, "m _"] | Rows,
    *,
    subsets: int = SUBSETS,
    subset_size: int = SUBSET_SIZE,
    seed: int = SEED,
) -> KID:
    """Computes the kernel Inception distance, the mean over random subsets.

    It is `kernel_distance` of subsets that are drawn without replacement (Bińkowski et al.,
    2018). The subsets are those of torch-fidelity for the same seed, whose first set has
    the samples. The mean estimates what `kernel_distance` does; with the samples that there
    are, the latter has the smaller variance.

    Args:
        real: features of real images.
        fake: features of samples.
        subsets: how many pairs of subsets to draw.
        subset_size: the number of vectors in each.
        seed: the seed of the subsets.

    Raises:
        UsageError: fewer vectors than a subset has, NaN or infinity, or unequal widths.
    """
    if subsets < 1 or subset_size < 2:
        raise UsageError("KID needs one subset or more, of two vectors or more.")
    real = as_rows(real, "real", subset_size)
    fake = as_rows(fake, "generated", subset_size)
    check_same_width(real, fake)
    rng = np.random.RandomState(seed)
    values = []
    for _ in range(subsets):
        of_fake = rng.choice(fake.length, subset_size, replace=False)
        of_real = rng.choice(real.length, subset_size, replace=False)
        pair = take_rows(real, of_real), take_rows(fake, of_fake)
        values.append(kernel_distance(*pair))
    return KID(float(np.mean(values)), float(np.std(values)))


def kernel_distance(
    real: Float[np.ndarray, "n f"] | Rows, fake: Float[np.ndarray, "m _"] | Rows
) -> float:
    """Computes the squared maximum mean discrepancy with the kernel (x.y / f + 1)^3.

    This is the kernel of KID (Bińkowski et al., 2018). The unbiased estimator (Gretton et
    al., 2012, eq. 3) is computed on all samples, where KID takes the mean over subsets. Its
    expectation does not depend on the number of samples and is 0 for equal distributions,
    so single values may be negative. It depends on the units of the features.

    Args:
        real: features of real images.
        fake: features of samples.

    Raises:
        UsageError: fewer than two vectors, NaN or infinity, or unequal widths.
    """
    real = as_rows(real, "real")
    fake = as_rows(fake, "generated")
    check_same_width(real, fake)
    # The kernel is not invariant to shifts, so the vectors must not be centered.
    origin = np.zeros(real.width)
    x = centered(real, origin)
    y = centered(fake, origin)
    kernel = partial(_cubic, width=real.width)
    means = [
        _mean_of_pairs(a, product_tiles, kernel, kernel(a.squared_norms))
        for a in (x, y)
    ]
    between = _kernel_sum(x, y, product_tiles, kernel) / (real.length * fake.length)
    return float(sum(means) - 2 * between)


def kad(
    real: Float[np.ndarray, "n f"] | Rows,
    fake: Float[np.ndarray, "m _"] | Rows,
    bandwidth: float | None = None,
) -> float:
    """Computes 100 times the squared MMD with a Gaussian kernel, KAD.

    The kernel is exp(-|x - y|^2 / (2 bandwidth^2)) and the estimator unbiased, so the
    value may be negative (Chung et al., 2025, who use it on features of sound). By default
    the bandwidth is the median distance between real vectors, so that the score does not
    depend on the unit of the features.

    Args:
        real: features of real images.
        fake: features of samples.
        bandwidth: the standard deviation of the kernel; fix it to compare scores that have
            different reference sets.

    Raises:
        UsageError: fewer than two vectors, NaN or infinity, unequal widths, or a bandwidth
            that is not positive.
    """
    real = as_rows(real, "real")
    fake = as_rows(fake, "generated")
    check_same_width(real, fake)
    if bandwidth is None:
        bandwidth = median_distance(real)
    kernel = partial(_gaussian, sigma=_positive(bandwidth))
    x = centered(real)
    y = centered(fake, x.center)
    means = [
        _mean_of_pairs(a, distance_tiles, kernel, np.ones(a.rows.length))
        for a in (x, y)
    ]
    between = _kernel_sum(x, y, distance_tiles, kernel) / (real.length * fake.length)
    return float(KAD_SCALE * (sum(means) - 2 * between))


def cmmd(
    real: Float[np.ndarray, "n f"] | Rows,
    fake: Float[np.ndarray, "m _"] | Rows,
    sigma: float = CMMD_SIGMA,
) -> float:
    """Computes 1000 times the squared MMD with a Gaussian kernel of fixed width, CMMD.

    As in the authors' code the estimator is the biased one, which counts each vector with
    itself and so is never negative (Jayasumana et al., 2024, eq. 4). The width is meant for
    embeddings of CLIP that are scaled to length 1, whose distances are at most 2. For equal
    distributions the expectation is 1000 (1 / n + 1 / m) (1 - E k(x, x')), not 0.

    Args:
        real: features of real images.
        fake: features of samples.
        sigma: the standard deviation of the kernel.

    Raises:
        UsageError: no vector, NaN or infinity, unequal widths, or a `sigma` that is not
            positive.
    """
    real = as_rows(real, "real", 1)
    fake = as_rows(fake, "generated", 1)
    check_same_width(real, fake)
    x = centered(real)
    y = centered(fake, x.center)
    # All terms are near 1 for a wide kernel: sum k - 1 instead, of which no digit cancels.
    kernel = partial(_gaussian_less_1, sigma=_positive(sigma))
    within = [
        _kernel_sum(a, a, distance_tiles, kernel) / a.rows.length**2 for a in (x, y)
    ]
    between = _kernel_sum(x, y, distance_tiles, kernel) / (real.length * fake.length)
    return max(0.0, float(CMMD_SCALE * (sum(within) - 2 * between)))


def median_distance(rows: Float[np.ndarray, "n f"] | Rows, seed: int = 0) -> float:
    """Returns the median distance between two vectors of a set.

    Of a large set it is the median of a random subset of 5,000.

    Raises:
        UsageError: fewer than two vectors, or NaN or infinity.
    """
    rows = as_rows(rows, "real")
    if rows.length > MEDIAN_SAMPLES:
        rng = np.random.default_rng(seed)
        chosen = rng.choice(rows.length, MEDIAN_SAMPLES, replace=False)
        rows = take_rows(rows, np.sort(chosen))
    vectors = centered(rows)
    found = []
    for tile in distance_tiles(vectors, vectors):
        same = tile.rows == tile.columns
        # Of tiles on the diagonal each pair once, and no vector with itself.
        kept = np.triu_indices(len(tile.values), 1) if same else ALL
        found.append(np.sqrt(tile.values[kept]).ravel())
    return float(np.median(np.concatenate(found)))


def _mean_of_pairs(
    a: Centered,
    tiles: Callable,
    kernel: Callable[[np.ndarray], np.ndarray],
    diagonal: Float[np.ndarray, " n"],
) -> float:
    """Returns the mean kernel of two different vectors of a set."""
    n = a.rows.length
    return (_kernel_sum(a, a, tiles, kernel) - diagonal.sum()) / (n * (n - 1))


def _kernel_sum(
    a: Centered,
    b: Centered,
    tiles: Callable,
    kernel: Callable[[np.ndarray], np.ndarray],
) -> float:
    """Returns the sum of the kernel over all pairs, of tiles with products or distances."""
    total = 0.0
    for rows, columns, values in tiles(a, b):
        # Of one set, a tile above the diagonal stands for the one below it, too.
        times = 2 if a is b and rows != columns else 1
        if tiles is distance_tiles and a is b and rows == columns:
            # The distance of a vector to itself may not be exactly 0.
            np.fill_diagonal(values, 0)
        total += times * float(kernel(values).sum())
    return total


def _cubic(product: np.ndarray, width: int) -> np.ndarray:
    # KID's polynomial kernel, of degree 3, gamma 1 / f and coef0 1.
    return (product / width + 1) ** 3


def _gaussian(square: np.ndarray, sigma: float) -> np.ndarray:
    return np.exp(square * (-0.5 / sigma**2))


def _gaussian_less_1(square: np.ndarray, sigma: float) -> np.ndarray:
    return np.expm1(square * (-0.5 / sigma**2))


def _positive(sigma: float) -> float:
    if not (np.isfinite(sigma) and sigma > 0):
        raise UsageError(
            f"The width of a Gaussian kernel must be positive, not {sigma}: the real "
            "features may be all the same."
        )
    return sigma


def _kid_of(real: FeatureSet, fake: FeatureSet) -> KID:
    # Of small sets all vectors, and then every subset is the same one.
    size = min(SUBSET_SIZE, length(real.rows), length(fake.rows))
    return kid(real.rows, fake.rows, subset_size=size)


def _varies(real: FeatureSet, fake: FeatureSet) -> bool:
    enough = min(length(real.rows), length(fake.rows)) >= 2
    return enough and median_distance(real.rows) > 0


KID_METRICS = FeatureMetrics((KID_MEAN, KID_SPREAD), _kid_of, has_at_least(2))
KERNEL_METRIC = FeatureMetric(
    KERNEL,
    lambda real, fake: kernel_distance(real.rows, fake.rows),
    has_at_least(2),
)
KAD_METRIC = FeatureMetric(KAD, lambda real, fake: kad(real.rows, fake.rows), _varies)
CMMD_METRIC = FeatureMetric(CMMD, lambda real, fake: cmmd(real.rows, fake.rows))
