"""The Fréchet distance between two sets of features, each taken for a Gaussian."""

import numpy as np
from jaxtyping import Float

from ganjax.evaluation.distances import same_width, vectors


def frechet_distance(
    real: Float[np.ndarray, "n f"], fake: Float[np.ndarray, "m _"]
) -> float:
    """|m1 - m2|^2 + tr(S1 + S2 - 2 (S1^1/2 S2 S1^1/2)^1/2), in squared feature units.

    Dowson and Landau (1982); as a score of generators Heusel et al. (2017),
    eq. 6. The sample covariances divide by n - 1, as pytorch-fid's do. The symmetric
    product has the eigenvalues of S1 S2, but stays exact when S1 is singular (n <= f);
    where samples are fewer than features the same trace comes from their products. It
    is 0 for equal Gaussians and grows as samples get fewer: compare only scores of
    equal n. `Mistake` on fewer than two samples, NaN, or features of unequal width.
    """
    real, fake = vectors(real, "real"), vectors(fake, "generated")
    same_width(real, fake)
    mean = np.square(real.mean(0) - fake.mean(0)).sum()
    a, b = _scatter(real), _scatter(fake)
    samples, width = max(len(a), len(b)), a.shape[1]
    cross = _by_samples(a, b) if samples < width else _by_features(a.T @ a, b.T @ b)
    return max(0.0, float(mean + np.square(a).sum() + np.square(b).sum() - 2 * cross))


def _scatter(rows: Float[np.ndarray, "n f"]) -> Float[np.ndarray, "n f"]:
    """The root of the covariance that has a row for each sample: S = a.T @ a."""
    return (rows - rows.mean(0)) / np.sqrt(len(rows) - 1)


def _by_features(s1: Float[np.ndarray, "f f"], s2: Float[np.ndarray, "f f"]) -> float:
    values, axes = np.linalg.eigh(s1)
    root = (axes * np.sqrt(np.maximum(values, 0))) @ axes.T
    cross = np.linalg.eigvalsh(root @ s2 @ root)
    return np.sqrt(np.maximum(cross, 0)).sum()


def _by_samples(a: Float[np.ndarray, "n f"], b: Float[np.ndarray, "m f"]) -> float:
    """The same: (a b^T)(a b^T)^T = a S2 a^T has the eigenvalues of S1 S2 but for zeros."""
    return np.linalg.svd(a @ b.T, compute_uv=False).sum()
