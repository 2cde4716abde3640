"""The Fréchet distance between two sets of features; on those of Inception it is FID.

`frechet_distance` takes features, `frechet_from_moments` the mean and covariance of each
set, such as published statistics or the running ones of `ganjax.evaluation.moments`.
`frechet_ratio` relates the distance of samples to that of held-out real data, and
`intra_class_frechet` compares each class with itself.
"""

import numpy as np
from jaxtyping import Float, Integer
from scipy.linalg import lapack

from ganjax.errors import UsageError
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
    take_rows,
)
from ganjax.evaluation.feature_metric import (
    FeatureMetric,
    FeatureSet,
    has_at_least,
    length,
    training_rows,
)
from ganjax.evaluation.metric import Direction, Metric, lower_is_better


FRECHET = lower_is_better(
    "frechet", "Fréchet distance between Gaussians fitted to samples and to real data."
)
RATIO = Metric(
    "frechet/ratio",
    Direction.LOWER,
    "1 is as far as real data",
    "Fréchet distance of samples to the training data, over that of held-out data.",
)
CLASSES = lower_is_better(
    "frechet/classes",
    "Fréchet distance of each class to itself, averaged over classes.",
)


def frechet_distance(
    real: Float[np.ndarray, "n f"] | Rows, fake: Float[np.ndarray, "m _"] | Rows
) -> float:
    """Computes the squared Fréchet distance between Gaussians fitted to two sets.

    The square is what FID reports: |m1 - m2|^2 + tr(S1 + S2 - 2 (S1^(1/2) S2
    S1^(1/2))^(1/2)), in squared units of the features, with means m and sample covariances
    S (Dowson & Landau, 1982; Heusel et al., 2017, eq. 6). As in pytorch-fid, covariances
    divide by n - 1. If there are fewer samples than features, the same trace is computed
    from the inner products of the samples. It is exact for singular covariances, and never
    negative.

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


def frechet_from_moments(
    mean_real: Float[np.ndarray, " f"],
    cov_real: Float[np.ndarray, "_ _"],
    mean_fake: Float[np.ndarray, " _"],
    cov_fake: Float[np.ndarray, "_ _"],
) -> float:
    """Computes `frechet_distance` from the means and covariances of two sets.

    With factors S1 = A A^T and S2 = B B^T, the product S1 S2 has the eigenvalues of (A^T B)
    (A^T B)^T, so the trace of its root is the sum of the singular values of A^T B. Cholesky
    factors with pivots stop at the rank of a singular covariance. So the result is real and
    as exact as the covariances, where a root of the product S1 S2 itself may be complex.

    Args:
        mean_real: the mean of real features.
        cov_real: their covariance, symmetric and positive semidefinite.
        mean_fake: the mean of the samples' features.
        cov_fake: their covariance.

    Raises:
        UsageError: NaN or infinity, or shapes that do not match.
    """
    given = [mean_real, cov_real, mean_fake, cov_fake]
    arrays = [np.asarray(x, np.float64) for x in given]
    width = arrays[0].size
    if [x.shape for x in arrays] != [(width,), (width, width)] * 2:
        raise UsageError(
            "Means [f] and covariances [f, f] of one width are compared, not "
            f"{', '.join(str(list(x.shape)) for x in arrays)}."
        )
    if not all(np.isfinite(x).all() for x in arrays):
        raise UsageError("The means or covariances contain NaN or infinity.")
    gap = np.square(arrays[0] - arrays[2]).sum()
    traces = np.trace(arrays[1]) + np.trace(arrays[3])
    cross = _factor(arrays[1]).T @ _factor(arrays[3])
    # A constant set has a factor without columns, and no singular values.
    root = np.linalg.svd(cross, compute_uv=False).sum() if cross.size else 0.0
    return _above_rounding(gap + traces, 2 * root, width)


def frechet_ratio(
    reference: Float[np.ndarray, "n f"] | Rows,
    held_out: Float[np.ndarray, "h _"] | Rows,
    fake: Float[np.ndarray, "m _"] | Rows,
) -> float:
    """Computes the Fréchet distance of samples over that of held-out real data.

    Both distances are to the same reference. A ratio of 1 says that samples are as far
    from it as real images are that the reference does not contain; below 1, they are nearer
    than new real images, as copies of the reference are. The unit of the features cancels,
    so that ratios on several features can be compared and averaged.

    The distance is larger for fewer vectors, so give as many samples as held-out images.

    Args:
        reference: features of the reference, as the training set.
        held_out: features of real images that are not in it.
        fake: features of samples.

    Raises:
        UsageError: held-out data with the mean and covariance of the reference, fewer than
            two vectors, NaN or infinity, or unequal widths.
    """
    of_real = frechet_distance(reference, held_out)
    if of_real == 0:
        raise UsageError("The held-out data is the reference: hold out other images.")
    return frechet_distance(reference, fake) / of_real


def intra_class_frechet(
    real: Float[np.ndarray, "n f"] | Rows,
    real_labels: Integer[np.ndarray, " _"],
    fake: Float[np.ndarray, "m _"] | Rows,
    fake_labels: Integer[np.ndarray, " _"],
) -> float:
    """Computes the mean over classes of the Fréchet distance within each class.

    It is the intra FID of Miyato & Koyama (2018): it sees a generator that ignores its
    labels or that repeats one image of each class, which the distance of all classes
    together may not. Classes count equally.

    Args:
        real: features of real images.
        real_labels: their classes, which define what is averaged.
        fake: features of samples.
        fake_labels: the classes that the samples were generated for.

    Raises:
        UsageError: labels that do not match the vectors, a class with fewer than two
            images or samples, and what `frechet_distance` refuses.
    """
    real = as_rows(real, "real")
    fake = as_rows(fake, "generated")
    for rows, labels in ((real, real_labels), (fake, fake_labels)):
        if rows.length != len(labels):
            raise UsageError(f"{rows.length} vectors have {len(labels)} labels.")
    distances = []
    for label in np.unique(real_labels):
        of_class = [
            take_rows(rows, np.flatnonzero(labels == label))
            for rows, labels in ((real, real_labels), (fake, fake_labels))
        ]
        if min(rows.length for rows in of_class) < 2:
            raise UsageError(f"Class {label} has fewer than two images or samples.")
        distances.append(frechet_distance(*of_class))
    return float(np.mean(distances))


def fewer_samples_than_features(real: Rows, fake: Rows) -> bool:
    """Returns whether inner products are cheaper than covariances of the features.

    That is if both sets have fewer vectors than features.
    """
    return max(real.length, fake.length) < real.width


def frechet_from_covariances(real: Rows, fake: Rows) -> float:
    """Computes `frechet_distance` by its definition, from covariance matrices [f, f]."""
    return frechet_from_moments(*moments(real), *moments(fake))


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
    return _above_rounding(gap + traces, 2 * cross, real.rows.width)


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


def _above_rounding(terms: float, root: float, width: int) -> float:
    """Returns the difference, or 0 where it is no larger than its rounding error."""
    rounding = 4 * width * np.finfo(np.float64).eps * terms
    return float(terms - root) if terms - root > rounding else 0.0


def _factor(covariance: Float[np.ndarray, "f f"]) -> Float[np.ndarray, "f r"]:
    """Returns a factor A with A A^T = S, with as many columns as the rank of S."""
    symmetric = (covariance + covariance.T) / 2
    # LAPACK stops where what is left of the diagonal is below f eps max(diagonal).
    lower, pivots, rank, _ = lapack.dpstrf(symmetric, lower=1)  # pyright: ignore[reportAttributeAccessIssue]
    factor = np.empty((len(symmetric), rank))
    factor[pivots - 1] = np.tril(lower)[:, :rank]
    return factor


def _labels_match(real: FeatureSet, fake: FeatureSet) -> bool:
    """Returns whether both sets have two or more vectors of each real class."""
    if real.labels is None or fake.labels is None:
        return False
    classes, counts = np.unique(real.labels, return_counts=True)
    of_fake = [(np.asarray(fake.labels) == label).sum() for label in classes]
    return bool(min(counts.min(), *of_fake) >= 2)


FRECHET_METRIC = FeatureMetric(
    FRECHET,
    lambda real, fake: frechet_distance(real.rows, fake.rows),
    has_at_least(2),
)
RATIO_METRIC = FeatureMetric(
    RATIO,
    lambda real, fake: frechet_ratio(training_rows(real), real.rows, fake.rows),
    lambda real, fake: (
        real.train is not None
        and min(length(x) for x in (real.train, real.rows, fake.rows)) >= 2
    ),
)
CLASSES_METRIC = FeatureMetric(
    CLASSES,
    lambda real, fake: intra_class_frechet(
        real.rows, np.asarray(real.labels), fake.rows, np.asarray(fake.labels)
    ),
    _labels_match,
)
