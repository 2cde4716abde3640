"""A running mean and covariance of feature vectors, in float64, on any devices.

The Fréchet distance needs of a set only its mean and its covariance. `Moments` holds them
for the vectors seen so far, so that features need not be kept: batches are added one by
one, and the moments of parts of a set, from several devices or processes, are merged.
Batches and merges use the formula of Chan, Golub & LeVeque (1983), which never subtracts
sums of squares from each other and so loses no digits where the mean is large.

All functions are pure and run under `jit`. Rows may be sharded over devices: the sum over
them is then a reduction across the devices, which XLA adds by itself.

    moments = empty_moments(2048)
    for batch in batches:
        moments = update_moments(moments, features(batch))
    mean, covariance = mean_and_covariance(moments)
"""

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ganjax.errors import UsageError


@flax.struct.dataclass
class Moments:
    """Count, mean and scatter of the vectors seen so far.

    Those of several sets may be stacked along a first axis.

    Attributes:
        count: how many vectors were added, or the sum of their weights.
        mean: their mean [f]; 0 if there are none.
        scatter: the sum of (x - mean)(x - mean)^T [f, f], the covariance times its divisor.
    """

    count: Array
    mean: Array
    scatter: Array


def empty_moments(width: int) -> Moments:
    """Returns the moments of no vectors of `width` features."""
    with jax.enable_x64(True):
        return Moments(
            count=jnp.zeros((), jnp.float64),
            mean=jnp.zeros(width, jnp.float64),
            scatter=jnp.zeros((width, width), jnp.float64),
        )


def update_moments(
    moments: Moments,
    rows: Float[Array | np.ndarray, "n f"],
    weight: Float[Array | np.ndarray, " n"] | None = None,
) -> Moments:
    """Adds vectors to the moments.

    Sums are computed in float64 whatever the type of the vectors, as a covariance that is
    off by a rounding error of float32 changes a Fréchet distance in its third digit.

    Args:
        moments: the moments so far; not changed.
        rows: vectors, on one device or sharded over several.
        weight: how often each vector counts, 1 by default; 0 leaves out a row that only
            fills up a batch.

    Raises:
        UsageError: the vectors have another width.
    """
    if rows.shape[1] != moments.mean.shape[-1]:
        raise UsageError(
            f"Features of width {rows.shape[1]} cannot be added to moments of width "
            f"{moments.mean.shape[-1]}."
        )
    with jax.enable_x64(True):
        if weight is None:
            return _update(moments, rows)
        return _update_weighted(moments, rows, weight)


def merge_moments(a: Moments, b: Moments) -> Moments:
    """Returns the moments of the union of two sets, of which either may be empty.

    Raises:
        UsageError: the sets have unequal widths.
    """
    if a.mean.shape != b.mean.shape:
        raise UsageError(
            f"Moments of width {a.mean.shape[-1]} and {b.mean.shape[-1]} cannot be merged."
        )
    with jax.enable_x64(True):
        return _merge(a, b)


def merge_stacked_moments(moments: Moments) -> Moments:
    """Returns the moments of the union of p sets, stacked along axis 0 of each array.

    It is what `jax.lax.all_gather` and `multihost_utils.process_allgather` return of the
    moments of each device or process.
    """
    with jax.enable_x64(True):
        return _merge_stacked(moments)


def mean_and_covariance(
    moments: Moments,
) -> tuple[Float[np.ndarray, " f"], Float[np.ndarray, "f f"]]:
    """Returns the mean and the sample covariance, which divides by the count less one.

    Raises:
        UsageError: fewer than two vectors were added.
    """
    count = float(moments.count)
    if count < 2:
        raise UsageError(f"{count:g} samples are too few for a covariance: give 2.")
    return np.asarray(moments.mean), np.asarray(moments.scatter) / (count - 1)


@jax.jit
def _update(moments: Moments, rows: Array) -> Moments:
    rows = rows.astype(jnp.float64)
    mean = rows.mean(0)
    gap = rows - mean[None]
    return _merge(moments, Moments(jnp.float64(len(rows)), mean, gap.T @ gap))


@jax.jit
def _update_weighted(moments: Moments, rows: Array, weight: Array) -> Moments:
    rows = rows.astype(jnp.float64)
    weight = weight.astype(jnp.float64)
    count = weight.sum()
    # A batch of weight 0 has no mean: any number does, as it counts for nothing.
    mean = weight @ rows / jnp.where(count > 0, count, 1)
    gap = rows - mean[None]
    return _merge(moments, Moments(count, mean, (gap * weight[:, None]).T @ gap))


@jax.jit
def _merge(a: Moments, b: Moments) -> Moments:
    count = a.count + b.count
    share = b.count / jnp.where(count > 0, count, 1)
    gap = b.mean - a.mean
    between = a.count * share * gap[:, None] * gap[None]
    return Moments(
        count=count,
        mean=a.mean + share * gap,
        scatter=a.scatter + b.scatter + between,
    )


@jax.jit
def _merge_stacked(moments: Moments) -> Moments:
    # One formula for all: the scatter between the sets is that of their means.
    count = moments.count.sum()
    share = moments.count / jnp.where(count > 0, count, 1)
    mean = share @ moments.mean
    gap = moments.mean - mean[None]
    between = (gap * moments.count[:, None]).T @ gap
    return Moments(count, mean, moments.scatter.sum(0) + between)
