"""The Fréchet distance between two sets of features; on those of Inception it is FID."""

import numpy as np
from jaxtyping import Float

from ganjax.evaluation.distances import (
    ALL,
    Centered,
    Rows,
    as_rows,
    blocks,
    centered,
    check_same_width,
    inner_products,
    mean_row,
)
from ganjax.evaluation.metric import lower_is_better


FRECHET = lower_is_better(
    "frechet", "Fréchet distance between Gaussians fitted to samples and to real data."
)


def frechet_distance(
    real: Float[np.ndarray, "n f"] | Rows, fake: Float[np.ndarray, "m _"] | Rows
) -> float:
    """Computes the squared Fréchet distance between Gaussians fitted to two sets.

    The square is what FID reports: |m1 - m2|^2 + tr(S1 + S2 - 2 (S1^(1/2) S2
    S1^(1/2))^(1/2)), in squared units of the features, with means m and sample covariances
    S (Dowson & Landau, 1982; Heusel et al., 2017, eq. 6). As in pytorch-fid, covariances
    divide by n - 1. The symmetric product has the eigenvalues of S1 S2, but is exact even
    if S1 is singular. If there are fewer samples than features, the same trace is computed
    from the inner products of the samples.

    It is 0 for equal Gaussians and is larger for fewer samples: compare only scores of
    equally many.

    Args:
        real: features of real images.
        fake: features of samples.

    Raises:
        UsageError: fewer than two vectors, NaN or infinity, or unequal widths.
    """
    real = as_rows(real, "real")
    fake = as_rows(fake, "generated")
    check_same_width(real, fake)
    if not fewer_samples_than_features(real, fake):
        return frechet_from_covariances(real, fake)
    real_set = centered(real)
    fake_set = centered(fake, real_set.center)
    blocks_of_products = [product for _, product in inner_products(real_set, fake_set)]
    cross_products = np.concatenate(blocks_of_products)
    return frechet_from_inner_products(real_set, fake_set, cross_products)


def fewer_samples_than_features(real: Rows, fake: Rows) -> bool:
    """Returns whether inner products are cheaper than covariances of the features.

    That is if both sets have fewer vectors than features.
    """
    return max(real.length, fake.length) < real.width


def frechet_from_covariances(real: Rows, fake: Rows) -> float:
    """Computes `frechet_distance` by its definition, from covariance matrices [f, f]."""
    mean_real, cov_real = moments(real)
    mean_fake, cov_fake = moments(fake)
    values, axes = np.linalg.eigh(cov_real)
    # Rounding can make eigenvalues slightly negative.
    root = (axes * np.sqrt(np.maximum(values, 0))) @ axes.T
    cross = np.linalg.eigvalsh(root @ cov_fake @ root)
    cross = np.sqrt(np.maximum(cross, 0)).sum()
    gap = np.square(mean_real - mean_fake).sum()
    traces = gap + np.trace(cov_real) + np.trace(cov_fake)
    return max(0.0, float(traces - 2 * cross))


def frechet_from_inner_products(
    real: Centered, fake: Centered, cross_products: Float[np.ndarray, "n m"]
) -> float:
    """Computes `frechet_distance` from inner products.

    Let a and b be the two sets, each centered on its own mean and divided by sqrt(n - 1),
    so that S1 = a^T a and S2 = b^T b. Then (a b^T)(a b^T)^T has the nonzero eigenvalues of
    S1 S2, and the trace of the root of S1 S2 is the sum of the singular values of a b^T.

    Args:
        real: the real set, centered on its mean.
        fake: the samples, with the same center.
        cross_products: the inner products of the real set with the samples.
    """
    n, m = cross_products.shape
    # `fake.center` is the mean of the real set, so this is |m1 - m2|^2.
    gap = np.square(mean_row(fake.rows) - fake.center).sum()
    # The samples are centered on the mean of the real set instead of their own. Subtracting
    # from each row of the products its mean corrects that.
    cross = cross_products - cross_products.mean(1, keepdims=True)
    cross = np.linalg.svd(cross, compute_uv=False).sum() / np.sqrt((n - 1) * (m - 1))
    # The trace of a covariance is the sum of the squared distances from the set's own mean,
    # over n - 1. `squared_norms` are those from the center, which is the mean of the real
    # set: for the samples their sum is too large by m * gap.
    traces = real.squared_norms.sum() / (n - 1) + (
        fake.squared_norms.sum() - m * gap
    ) / (m - 1)
    return max(0.0, float(gap + traces - 2 * cross))


def moments(
    rows: Rows,
) -> tuple[Float[np.ndarray, " f"], Float[np.ndarray, "f f"]]:
    """Returns the mean and the sample covariance."""
    center = mean_row(rows)
    # Two passes, mean first: E[x^2] - E[x]^2 in one pass would cancel.
    covariance = np.zeros((rows.width, rows.width))
    for rows_slice in blocks(rows.length, rows.width):
        part = rows.read(rows_slice, ALL).astype(np.float64)
        part -= center
        part /= np.sqrt(rows.length - 1)
        covariance += part.T @ part
    return center, covariance


def frechet_from_moments(mean_a, cov_a, mean_b, cov_b):
    """stub"""
    values, axes = np.linalg.eigh(cov_a)
    root = (axes * np.sqrt(np.maximum(values, 0))) @ axes.T
    cross = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ cov_b @ root), 0)).sum()
    return float(
        np.square(mean_a - mean_b).sum() + np.trace(cov_a) + np.trace(cov_b) - 2 * cross
    )
