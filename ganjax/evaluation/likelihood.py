"""FLD, the likelihood of held-out data under a density that is fitted to the samples.

A Gaussian is put around each sample, as wide as makes the training data most likely. A
sample that copies a training image gets a Gaussian so narrow that it explains no other, and
held-out data becomes unlikely. So one number falls with fidelity, with diversity and with
novelty (Jiralerspong et al., 2023).
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ganjax.errors import UsageError
from ganjax.evaluation.distances import (
    Rows,
    as_rows,
    centered,
    check_same_width,
    distance_tiles,
    take_rows,
)
from ganjax.evaluation.feature_metric import (
    FeatureMetrics,
    FeatureSet,
    length,
    read_matrix,
    training_rows,
)
from ganjax.evaluation.metric import lower_is_better, neither_is_better


FLD = lower_is_better(
    "fld", "Feature likelihood divergence of held-out data, in hundredths of nats."
)
FLD_GAP = neither_is_better(
    "fld/gap",
    "about 0; far below 0 copies",
    "Surprise at training data less that at held-out data, in hundredths of nats.",
)

MAX_ROWS = 5_000  # of each set, so that a matrix of distances takes 100 MB
STEPS = 50
SCALE = 100
# As in the authors' code: distances to the component around the mean of the data are
# shortened by a tenth, and log variances are kept in a range.
SHORTENED = 0.9**2
MIN_LOG_VARIANCE = -40.0
MAX_LOG_VARIANCE = 20.0


class Likelihood(NamedTuple):
    """Scores in hundredths of nats for each feature."""

    divergence: float  # 0 for the training distribution itself; lower is better
    gap: float  # of training data less that of held-out data; far below 0 copies


def feature_likelihood(
    fake: Float[np.ndarray, "n f"] | Rows,
    train: Float[np.ndarray, "m _"] | Rows,
    held_out: Float[np.ndarray, "h _"] | Rows,
    *,
    max_rows: int = MAX_ROWS,
    seed: int = 0,
) -> Likelihood:
    """Computes the feature likelihood divergence and the generalization gap.

    Features are scaled to mean 0 and variance 1 of the held-out data. The density is 1 / n
    times the sum over samples j of N(x; x_j, s_j I). The variances s_j maximize the mean
    log likelihood of the training data, to whose density a broad Gaussian around their mean
    is added, so that a single training image that no sample explains does not decide. They
    are found by 50 steps of expectation maximization, where the authors take 50 of Adam.

    The divergence is 100 / f times the negative log likelihood of held-out data, less what
    one half of the training data reaches in place of samples with variances fitted to the
    other half. The gap is that of training data less that of held-out data.

    Args:
        fake: features of the samples.
        train: features of the training images.
        held_out: features of real images that were not trained on.
        max_rows: of a larger set a random subset of this size is taken.
        seed: the seed of the subsets and of the halves.

    Raises:
        UsageError: fewer than four training images or two of others, NaN or infinity,
            unequal widths, or held-out data that does not vary.
    """
    rng = np.random.default_rng(seed)
    sets = []
    for rows, kind, least in (
        (fake, "generated", 2),
        (train, "training", 4),
        (held_out, "held-out", 2),
    ):
        rows = as_rows(rows, kind, least)
        check_same_width(rows, held_out)
        order = rng.permutation(rows.length)[:max_rows]
        sets.append(read_matrix(take_rows(rows, order)).astype(np.float64))
    samples, seen, unseen = sets
    mean, deviation = unseen.mean(0), unseen.std(0, ddof=1)
    # A feature that never varies in real data says nothing about samples.
    varies = deviation > 0
    if not varies.any():
        raise UsageError("The held-out features are all the same: hold out others.")
    samples, seen, unseen = (
        ((x - mean) / np.where(varies, deviation, 1))[:, varies] for x in sets
    )

    variances = _fit(samples, seen)
    surprise = _surprise(samples, variances, unseen)
    # The halves are in random order already.
    half = min(len(samples), len(seen) // 2)
    of_half = _fit(seen[:half], seen[half:])
    return Likelihood(
        divergence=SCALE * (surprise - _surprise(seen[:half], of_half, unseen)),
        gap=SCALE * (_surprise(samples, variances, seen) - surprise),
    )


def _fit(
    centers: Float[np.ndarray, "n f"], data: Float[np.ndarray, "m f"]
) -> Float[np.ndarray, " n"]:
    """Returns the log variances around each center that make the data most likely."""
    width = centers.shape[1]
    square = _mean_squares(data, centers)
    to_mean = SHORTENED * np.square(data - data.mean(0)).mean(1)
    return np.asarray(_maximize(square, to_mean.astype(np.float32), width))


def _surprise(
    centers: Float[np.ndarray, "n f"],
    log_variances: Float[np.ndarray, " n"],
    data: Float[np.ndarray, "m f"],
) -> float:
    """Returns the mean negative log likelihood of the data, for each feature."""
    width = centers.shape[1]
    square = _mean_squares(data, centers)
    logs = _log_density(square, log_variances, width) - np.log(len(centers))
    return -float(jax.nn.logsumexp(logs, axis=1).mean()) / width


def _mean_squares(
    a: Float[np.ndarray, "n f"], b: Float[np.ndarray, "m f"]
) -> Float[np.ndarray, "n m"]:
    """Returns squared distances over the number of features, in float32."""
    first = centered(as_rows(a, "real", 1), np.zeros(a.shape[1]))
    second = centered(as_rows(b, "generated", 1), np.zeros(b.shape[1]))
    found = np.empty((len(a), len(b)), np.float32)
    for rows, columns, square in distance_tiles(first, second):
        found[rows, columns] = square / a.shape[1]
    return found


def _log_density(
    square: Float[Array | np.ndarray, "n m"],
    log_variance: Float[Array | np.ndarray, " m"],
    width: int,
) -> Float[Array, "n m"]:
    """Returns log N(x; x_j, s_j I) from |x - x_j|^2 / f."""
    exponent = square * jnp.exp(-log_variance)[None] + log_variance[None]
    return -width / 2 * (exponent + np.log(2 * np.pi))


@partial(jax.jit, static_argnums=2)
def _maximize(
    square: Float[Array, "m n"], to_mean: Float[Array, " m"], width: int
) -> Float[Array, " n"]:
    centers = square.shape[1]
    # The last column is the component around the mean, of weight 1 against 1 / n.
    squares = jnp.concatenate([square, to_mean[:, None]], axis=1)
    log_weights = jnp.append(jnp.full(centers, -jnp.log(centers)), 0.0)
    # Each Gaussian begins as wide as makes its nearest image most likely.
    start = jnp.log(square.min(0) + 1e-3 / width)

    def step(_, log_variance):
        logs = _log_density(squares, log_variance, width) + log_weights[None]
        share = jax.nn.softmax(logs, axis=1)
        count = share.sum(0)
        variance = (share * squares).sum(0) / jnp.where(count > 0, count, 1)
        log_new = jnp.log(jnp.maximum(variance, jnp.finfo(jnp.float32).tiny))
        # A Gaussian that explains no image stays as it is.
        log_new = jnp.where(count > 1e-6, log_new, log_variance)
        return jnp.clip(log_new, MIN_LOG_VARIANCE, MAX_LOG_VARIANCE)

    fitted = jax.lax.fori_loop(0, STEPS, step, jnp.append(start, 0.0))
    return fitted[:-1]


def _of_sets(real: FeatureSet, fake: FeatureSet) -> Likelihood:
    return feature_likelihood(fake.rows, training_rows(real), real.rows)


LIKELIHOOD_METRICS = FeatureMetrics(
    (FLD, FLD_GAP),
    _of_sets,
    lambda real, fake: (
        real.train is not None
        and length(real.train) >= 4
        and min(length(real.rows), length(fake.rows)) >= 2
        and bool(np.ptp(read_matrix(real.rows), axis=0).any())
    ),
)
