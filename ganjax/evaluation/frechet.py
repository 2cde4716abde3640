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
    product has the eigenvalues of S1 S2, but stays exact when S1 is singular (n <= f).
    It is 0 for equal Gaussians and grows as samples get fewer: compare only scores of
    equal n. `Mistake` on fewer than two samples, NaN, or features of unequal width.
    """
    real, fake = vectors(real, "real"), vectors(fake, "generated")
    same_width(real, fake)
    mean = np.square(real.mean(0) - fake.mean(0)).sum()
    s1, s2 = _covariance(real), _covariance(fake)
    values, axes = np.linalg.eigh(s1)
    root = (axes * np.sqrt(np.maximum(values, 0))) @ axes.T
    cross = np.linalg.eigvalsh(root @ s2 @ root)
    cross = np.sqrt(np.maximum(cross, 0)).sum()
    return max(0.0, float(mean + np.trace(s1) + np.trace(s2) - 2 * cross))


def _covariance(rows: Float[np.ndarray, "n f"]) -> Float[np.ndarray, "f f"]:
    rows = rows - rows.mean(0)
    return rows.T @ rows / (len(rows) - 1)
