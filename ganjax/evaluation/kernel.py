"""The kernel distance between two sets of features, as KID is of Inception's."""

import numpy as np
from jaxtyping import Float

from ganjax.evaluation.distances import BLOCK, same_width, vectors


def kernel_distance(
    real: Float[np.ndarray, "n f"], fake: Float[np.ndarray, "m _"]
) -> float:
    """The squared maximum mean discrepancy under the kernel (x.y / f + 1)^3.

    Bińkowski et al. (2018): the unbiased estimator (Gretton et al., 2012,
    eq. 3) on all samples, where theirs is a mean over subsets. Its expectation does not
    depend on how many there are, and is 0 for equal distributions, around which it may
    be negative. It depends on the features' units. `Mistake` on fewer than two samples,
    NaN, or features of unequal width.
    """
    real, fake = vectors(real, "real"), vectors(fake, "generated")
    same_width(real, fake)
    n, m = len(real), len(fake)
    within = _total(real, real) - _itself(real)
    among = _total(fake, fake) - _itself(fake)
    between = _total(real, fake)
    return float(within / (n * (n - 1)) + among / (m * (m - 1)) - 2 * between / (n * m))


def _total(a: Float[np.ndarray, "n f"], b: Float[np.ndarray, "m f"]) -> float:
    """The kernel's sum over all pairs, a block of rows at a time."""
    rows = max(1, BLOCK // len(b))
    starts = range(0, len(a), rows)
    return sum(float(_kernel(a[i : i + rows] @ b.T, a).sum()) for i in starts)


def _itself(a: Float[np.ndarray, "n f"]) -> float:
    return float(_kernel(np.square(a).sum(1), a).sum())


def _kernel(product: np.ndarray, like: np.ndarray) -> np.ndarray:
    return (product / like.shape[1] + 1) ** 3
