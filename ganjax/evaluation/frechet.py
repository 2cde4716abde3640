"""The Fréchet distance between two sets of features, each taken for a Gaussian."""

import numpy as np
from jaxtyping import Float

from ganjax.evaluation.distances import (
    ALL,
    Centred,
    Rows,
    centred,
    mean,
    parts,
    products,
    same_width,
    table,
)


def frechet_distance(
    real: Float[np.ndarray, "n f"] | Rows, fake: Float[np.ndarray, "m _"] | Rows
) -> float:
    """|m1 - m2|^2 + tr(S1 + S2 - 2 (S1^1/2 S2 S1^1/2)^1/2), in squared feature units.

    Dowson and Landau (1982); as a score of generators Heusel et al. (2017),
    eq. 6. The sample covariances divide by n - 1, as pytorch-fid's do. The symmetric
    product has the eigenvalues of S1 S2, but stays exact when S1 is singular (n <= f);
    where samples are fewer than features the same trace comes from their products. It
    is 0 for equal Gaussians and grows as samples get fewer: compare only scores of
    equal n. `Mistake` on fewer than two samples, NaN, or features of unequal width.
    """
    real, fake = table(real, "real"), table(fake, "generated")
    same_width(real, fake)
    if not fewer_than_features(real, fake):
        return frechet_by_features(real, fake)
    about = centred(real)
    seen = centred(fake, about.centre)
    between = np.concatenate([product for _, product in products(about, seen)])
    return frechet_by_samples(about, seen, between)


def fewer_than_features(real: Rows, fake: Rows) -> bool:
    """Whether products of samples are fewer than those of features."""
    return max(real.length, fake.length) < real.width


def frechet_by_features(real: Rows, fake: Rows) -> float:
    """The distance by its definition, through the matrices [f, f]."""
    (m1, s1), (m2, s2) = _moments(real), _moments(fake)
    values, axes = np.linalg.eigh(s1)
    root = (axes * np.sqrt(np.maximum(values, 0))) @ axes.T
    cross = np.linalg.eigvalsh(root @ s2 @ root)
    cross = np.sqrt(np.maximum(cross, 0)).sum()
    gap = np.square(m1 - m2).sum()
    return max(0.0, float(gap + np.trace(s1) + np.trace(s2) - 2 * cross))


def frechet_by_samples(
    real: Centred, fake: Centred, between: Float[np.ndarray, "n m"]
) -> float:
    """The same from inner products about the mean of `real`, the centre of both.

    With a and b the centred samples over the root of n - 1, (a b^T)(a b^T)^T = a S2 a^T
    has the eigenvalues of S1 S2 but for zeros.
    """
    n, m = between.shape
    gap = np.square(mean(fake.rows) - fake.centre).sum()
    # The generated samples are seen from the real ones' mean: what they are off by is
    # taken away, which for products is the mean over each row.
    cross = between - between.mean(1, keepdims=True)
    cross = np.linalg.svd(cross, compute_uv=False).sum() / np.sqrt((n - 1) * (m - 1))
    traces = real.norms.sum() / (n - 1) + (fake.norms.sum() - m * gap) / (m - 1)
    return max(0.0, float(gap + traces - 2 * cross))


def _moments(
    rows: Rows,
) -> tuple[Float[np.ndarray, " f"], Float[np.ndarray, "f f"]]:
    """The mean and the covariance."""
    centre = mean(rows)
    total = np.zeros((rows.width, rows.width))
    for some in parts(rows.length, rows.width):
        part = rows.read(some, ALL).astype(np.float64)
        part -= centre
        part /= np.sqrt(rows.length - 1)
        total += part.T @ part
    return centre, total
