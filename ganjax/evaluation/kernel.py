"""The kernel distance between two sets of features; on those of Inception it is KID."""

import numpy as np
from jaxtyping import Float

from ganjax.evaluation.distances import (
    BLOCK_SIZE,
    Centered,
    Rows,
    as_rows,
    centered,
    check_same_width,
    inner_products,
)


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
    n = real.length
    m = fake.length

    # The unbiased estimator excludes the kernel of each vector with itself.
    within_real = _kernel_sum(x, x) - _diagonal_sum(x)
    within_fake = _kernel_sum(y, y) - _diagonal_sum(y)
    between = _kernel_sum(x, y)
    return float(
        within_real / (n * (n - 1))
        + within_fake / (m * (m - 1))
        - 2 * between / (n * m)
    )


def _kernel_sum(a: Centered, b: Centered) -> float:
    width = a.rows.width
    blocks = inner_products(a, b, BLOCK_SIZE)
    return sum(float(_kernel(product, width).sum()) for _, product in blocks)


def _diagonal_sum(a: Centered) -> float:
    return float(_kernel(a.squared_norms, a.rows.width).sum())


def _kernel(product: np.ndarray, width: int) -> np.ndarray:
    # KID's polynomial kernel, of degree 3, gamma 1 / f and coef0 1.
    return (product / width + 1) ** 3
