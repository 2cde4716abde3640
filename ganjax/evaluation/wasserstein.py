"""MIND, the sliced Wasserstein distance between two sets of features, on the device.

Features are projected onto random directions. In one dimension the Wasserstein distance is
that of the sorted projections, so no covariance is estimated and no matrix is decomposed:
5,000 samples take less than a second, and give what the Fréchet distance needs ten times as
many for. It is the score to compute while a run trains.
"""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ganjax.errors import UsageError
from ganjax.evaluation.distances import Rows, as_rows, check_same_width
from ganjax.evaluation.feature_metric import FeatureMetric, read_matrix
from ganjax.evaluation.metric import lower_is_better


MIND = lower_is_better(
    "mind", "Sliced 2-Wasserstein distance of the features, squared and scaled."
)

PROJECTIONS = 1000
SCALE = 3  # times the number of features


def mind(
    real: Float[np.ndarray | Array, "n f"] | Rows,
    fake: Float[np.ndarray | Array, "m _"] | Rows,
    *,
    projections: int = PROJECTIONS,
    seed: int = 0,
) -> float:
    """Computes the Monge Inception distance, on features of any network.

    It is 3 f times the mean over random unit vectors u of the squared 2-Wasserstein
    distance between the projections x.u and y.u (Berthet et al., 2026). The factor f makes
    a shift of the mean by d count as 3 |d|^2, whatever the number of features.

    Where the sets have unequal numbers of vectors, the quantile functions of the
    projections are compared, which for equal numbers is the same as comparing sorted
    projections.

    Args:
        real: features of real images, as an array on the host or on the devices.
        fake: features of samples.
        projections: how many random directions to average over.
        seed: the seed of the directions. Scores with unlike seeds differ by the error of
            this average, so compare scores of one seed.

    Raises:
        UsageError: no vector, NaN or infinity, or unequal widths.
    """
    if projections < 1:
        raise UsageError("MIND needs at least one projection.")
    x = _checked(real, "real")
    y = _checked(fake, "generated")
    check_same_width(x, y)
    width = x.shape[1]
    directions = unit_vectors(width, projections, seed)
    return SCALE * width * float(sliced_wasserstein(x, y, directions))


def unit_vectors(width: int, count: int, seed: int) -> Float[np.ndarray, "f p"]:
    """Draws random unit vectors, uniformly on the sphere, as columns.

    They are drawn on the host, so that they are the same on every device.
    """
    normal = np.random.default_rng(seed).standard_normal((width, count))
    return (normal / np.linalg.norm(normal, axis=0)).astype(np.float32)


@jax.jit
def sliced_wasserstein(
    x: Float[Array | np.ndarray, "n f"],
    y: Float[Array | np.ndarray, "m _"],
    directions: Float[Array | np.ndarray, "f p"],
) -> Float[Array, ""]:
    """Computes the mean squared 2-Wasserstein distance of projections.

    The rows of x and y, or the directions, may be sharded over devices.

    Args:
        x: one set of vectors.
        y: another set.
        directions: the directions to project on, as columns.
    """
    # A common shift cancels; removing it saves the digits of features far from 0.
    center = x.mean(0, keepdims=True)
    project = partial(jnp.matmul, precision=jax.lax.Precision.HIGHEST)
    a = _sort(project((x - center).astype(jnp.float32), directions))
    b = _sort(project((y - center).astype(jnp.float32), directions))
    rows_a, rows_b, share = _steps(len(a), len(b))
    gap = jnp.square(a[rows_a] - b[rows_b]).mean(1)
    return jnp.dot(share, gap)


def _checked(rows: np.ndarray | Array | Rows, kind: str) -> np.ndarray | Array:
    """Returns the vectors where they are, after the checks of `as_rows`."""
    if isinstance(rows, jax.Array):
        # Arrays on devices may be sharded over several; they stay there.
        as_rows(np.zeros(rows.shape[:1] + (1,) * (rows.ndim - 1)), kind, 1)
        if not bool(jnp.isfinite(rows).all()):
            raise UsageError(f"The {kind} features contain NaN or infinity.")
        return rows
    return read_matrix(as_rows(rows, kind, 1))


def _sort(x: Float[Array, "n p"]) -> Float[Array, "n p"]:
    """Sorts each column.

    On a CPU, XLA takes half the time for integers. The bits of a float are ordered as the
    float is, apart from the sign bit: those of negative numbers are flipped first.
    """
    flip = jnp.int32(0x7FFFFFFF)
    bits = jax.lax.bitcast_convert_type(x, jnp.int32)
    bits = jnp.where(bits < 0, bits ^ flip, bits)
    bits = jax.lax.sort(bits.T, dimension=1, is_stable=False).T
    bits = jnp.where(bits < 0, bits ^ flip, bits)
    return jax.lax.bitcast_convert_type(bits, jnp.float32)


def _steps(n: int, m: int) -> tuple[np.ndarray, np.ndarray, Float[np.ndarray, " s"]]:
    """Returns where two quantile functions of n and m values are constant.

    Between two of the points i / n and j / m both are constant. For each such interval the
    row of the first and of the second sorted set is returned, and the length.
    """
    # In units of 1 / lcm the points are whole numbers, so equal ones are equal.
    unit = math.lcm(n, m)
    first = np.arange(1, n + 1, dtype=np.int64) * (unit // n)
    second = np.arange(1, m + 1, dtype=np.int64) * (unit // m)
    ends = np.union1d(first, second)
    starts = np.concatenate([[0], ends[:-1]])
    share = (ends - starts) / unit
    return (
        starts // (unit // n),
        starts // (unit // m),
        share.astype(np.float32),
    )


MIND_METRIC = FeatureMetric(MIND, lambda real, fake: mind(real.rows, fake.rows))
