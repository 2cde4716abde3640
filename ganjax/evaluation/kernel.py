"""The kernel distance between two sets of features, as KID is of Inception's."""

import numpy as np
from jaxtyping import Float

from ganjax.evaluation.distances import (
    BLOCK,
    Centred,
    Rows,
    centred,
    products,
    same_width,
    table,
)


def kernel_distance(
    real: Float[np.ndarray, "n f"] | Rows, fake: Float[np.ndarray, "m _"] | Rows
) -> float:
    """The squared maximum mean discrepancy under the kernel (x.y / f + 1)^3.

    Bińkowski et al. (2018): the unbiased estimator (Gretton et al., 2012,
    eq. 3) on all samples, where theirs is a mean over subsets. Its expectation does not
    depend on how many there are, and is 0 for equal distributions, around which it may
    be negative. It depends on the features' units. `Mistake` on fewer than two samples,
    NaN, or features of unequal width.
    """
    real, fake = table(real, "real"), table(fake, "generated")
    same_width(real, fake)
    origin = np.zeros(real.width)  # the kernel's
    x, y = centred(real, origin), centred(fake, origin)
    n, m = real.length, fake.length
    within = _total(x, x) - _itself(x)
    among = _total(y, y) - _itself(y)
    between = _total(x, y)
    return float(within / (n * (n - 1)) + among / (m * (m - 1)) - 2 * between / (n * m))


def _total(a: Centred, b: Centred) -> float:
    """The kernel's sum over all pairs, a block of rows at a time."""
    width = a.rows.width
    blocks = products(a, b, BLOCK)
    return sum(float(_kernel(product, width).sum()) for _, product in blocks)


def _itself(a: Centred) -> float:
    return float(_kernel(a.norms, a.rows.width).sum())


def _kernel(product: np.ndarray, width: int) -> np.ndarray:
    return (product / width + 1) ** 3
