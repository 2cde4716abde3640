"""All scores of a set of samples on one `Features`, as a flat dictionary.

Keys are "metric/features", as in "frechet/pixels", so that scores on several features can
be merged by `|`. `evaluate` and `evaluate_real` take images. `reference`, `score` and
`score_real` are their parts, for features that are collected chunk by chunk and for real
data that many sets of samples are compared with.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from ganjax.errors import UsageError
from ganjax.evaluation.copying import (
    COPIES_CLOSE,
    COPIES_RATIO,
    copies_centered,
    held_out_neighbors,
)
from ganjax.evaluation.distances import (
    Centered,
    NearestNeighbors,
    Rows,
    Tile,
    as_rows,
    centered,
    check_same_width,
    inner_products,
    product_tiles,
    take_rows,
)
from ganjax.evaluation.features import Features, extract_features
from ganjax.evaluation.frechet import (
    FRECHET,
    fewer_samples_than_features,
    frechet_from_covariances,
    frechet_from_inner_products,
)
from ganjax.evaluation.metric import Metric
from ganjax.evaluation.prdc import (
    METRICS as PRDC_METRICS,
    Balls,
    balls,
    count_in_balls,
    prdc_from_counts,
)


class Reference(NamedTuple):
    """Features of real data, with everything that depends on real data only.

    Attributes:
        name: the name of the features.
        balls: the balls of the real data that samples are compared with.
        train: the training data, with the same center.
        unseen: the nearest training example of each held-out example; None if there is no
            held-out data.
    """

    name: str
    balls: Balls
    train: Centered
    unseen: NearestNeighbors | None


def metrics_on(features: str, held_out: bool) -> tuple[Metric, ...]:
    """Returns the metrics of the scores that `evaluate` computes.

    Args:
        features: the name of the features.
        held_out: whether there is held-out data, without which copies cannot be detected.
    """
    metrics = (FRECHET, *PRDC_METRICS)
    if held_out:
        metrics += (COPIES_RATIO, COPIES_CLOSE)
    return tuple(metric.on(features) for metric in metrics)


def evaluate(
    fake: np.ndarray,
    train: np.ndarray,
    held_out: np.ndarray | None,
    features: Features,
    k: int = 5,
) -> dict[str, float]:
    """Computes all scores of samples on one kind of features.

    Samples are compared with `held_out`, which the generator never saw, so that copies of
    `train` score no better than other real data. Without held-out data they are compared
    with `train`, and copies cannot be detected.

    If the features do not fit in memory, collect them in a `row_buffer` and pass its `Rows`
    to `reference`, `score` and `score_real` instead.

    Args:
        fake: samples, images in [-1, 1] or points.
        train: real examples that the generator was trained on.
        held_out: real examples that it was not trained on, if there are any.
        features: the features on which scores are computed.
        k: which nearest neighbor balls reach to (see `prdc`).

    Returns:
        "frechet/...", "precision/...", "recall/...", "density/..." and "coverage/...", each
        followed by the features' name; with held-out data also "copies/ratio/..." and
        "copies/close/..." (see `copies`).

    Raises:
        UsageError: as `extract_features`, `prdc` and `copies` do.
    """
    fake = extract_features(features, fake)
    train = extract_features(features, train)
    if held_out is not None:
        held_out = extract_features(features, held_out)
    return score(reference(train, held_out, features.name, k), fake)


def evaluate_real(
    train: np.ndarray,
    held_out: np.ndarray | None,
    features: Features,
    count: int,
    k: int = 5,
) -> dict[str, float]:
    """Computes the scores of real data, as a goal for generated samples.

    Training images take the place of the samples. Without held-out data, one half of them
    is compared with the other half.

    Args:
        train: real examples that the generator was trained on.
        held_out: real examples that it was not trained on, if there are any.
        features: the features on which scores are computed.
        count: how many training examples to take, drawn with a fixed seed; all if there are
            fewer. Scores depend on it, so give the number of samples to compare with.
        k: which nearest neighbor balls reach to (see `prdc`).

    Returns:
        Scores with the keys of `evaluate`, without those of copies.
    """
    rows = as_rows(extract_features(features, train), "training", 1)
    if held_out is None:
        return _score_half_against_half(rows, features.name, count, k)
    held_out_rows = as_rows(extract_features(features, held_out), "held-out", k + 1)
    check_same_width(rows, held_out_rows)
    real = balls(centered(held_out_rows), k)
    return _score_subset(real, rows, features.name, count)


def reference(
    train: np.ndarray | Rows, held_out: np.ndarray | Rows | None, name: str, k: int = 5
) -> Reference:
    """Prepares real data for `score` and `score_real`.

    Args:
        train: features of training data.
        held_out: features of held-out data, if there are any.
        name: the name of the features.
        k: which nearest neighbor balls reach to (see `prdc`).

    Raises:
        UsageError: as `prdc` and `copies` do.
    """
    if held_out is None:
        train_set = centered(as_rows(train, "training", k + 1))
        return Reference(name, balls(train_set, k), train_set, unseen=None)
    train = as_rows(train, "training", 1)
    held_out = as_rows(held_out, "held-out", k + 1)
    check_same_width(train, held_out)
    # Training and held-out data, and later the samples, share one center, so that their
    # inner products serve several metrics.
    held_out_set = centered(held_out)
    train_set = centered(train, held_out_set.center)
    return Reference(
        name,
        balls(held_out_set, k),
        train_set,
        unseen=held_out_neighbors(held_out_set, train_set),
    )


def score(real: Reference, fake: np.ndarray | Rows) -> dict[str, float]:
    """Computes the scores of `evaluate` from features.

    Args:
        real: the real data (see `reference`).
        fake: features of the samples.

    Raises:
        UsageError: as `prdc` does.
    """
    fake = as_rows(fake, "generated", real.balls.k + 1)
    check_same_width(fake, real.train.rows)
    samples = centered(fake, real.balls.set.center)
    scores = _distribution_scores(real.balls, samples, real.name)
    if real.unseen is None:
        return scores
    found = copies_centered(samples, real.train, real.unseen)
    return scores | {
        COPIES_RATIO.on(real.name).name: found.ratio,
        COPIES_CLOSE.on(real.name).name: found.close,
    }


def score_real(real: Reference, count: int) -> dict[str, float]:
    """Computes the scores of `evaluate_real` from features.

    Args:
        real: the real data (see `reference`).
        count: how many training examples take the place of samples.
    """
    train = real.train.rows
    if real.unseen is None:
        return _score_half_against_half(train, real.name, count, real.balls.k)
    return _score_subset(real.balls, train, real.name, count)


def class_balance(
    probabilities: Float[np.ndarray, "n classes"], threshold: float = 0.9
) -> dict[str, float]:
    """Summarizes which classes a classifier predicts for samples.

    Args:
        probabilities: the predicted class probabilities of each sample.
        threshold: the smallest probability of a class that counts as confident.

    Returns:
        "confident", the fraction of samples with a class of at least `threshold`, and
        "class/0", "class/1", ..., the fraction of samples for which each class is the most
        probable one.

    Raises:
        UsageError: there are no samples, or NaN or infinity.
    """
    probabilities = np.asarray(probabilities)
    if len(probabilities) == 0 or not np.isfinite(probabilities).all():
        raise UsageError("A class balance needs at least one sample and no NaN.")
    n, classes = probabilities.shape
    # With `minlength`, classes without any sample are counted as 0.
    counts = np.bincount(probabilities.argmax(1), minlength=classes)
    confident = float((probabilities.max(1) >= threshold).mean())
    fractions = {f"class/{i}": float(count / n) for i, count in enumerate(counts)}
    return {"confident": confident, **fractions}


def _score_subset(real: Balls, train: Rows, name: str, count: int) -> dict[str, float]:
    """Scores `count` training examples against held-out data."""
    # A fixed seed, so that all evaluations of a run compare with the same numbers.
    order = np.random.default_rng(0).permutation(train.length)
    subset = as_rows(take_rows(train, order[:count]), "training", real.k + 1)
    return _distribution_scores(real, centered(subset, real.set.center), name)


def _score_half_against_half(
    train: Rows, name: str, count: int, k: int
) -> dict[str, float]:
    order = np.random.default_rng(0).permutation(train.length)
    first, second = np.split(order, [train.length // 2])
    # The halves are disjoint: an image in both would have a distance of 0 to itself.
    as_samples = as_rows(take_rows(train, first[:count]), "training", k + 1)
    as_real = as_rows(take_rows(train, second), "training", k + 1)
    real = balls(centered(as_real), k)
    return _distribution_scores(real, centered(as_samples, real.set.center), name)


def _distribution_scores(real: Balls, fake: Centered, name: str) -> dict[str, float]:
    """Computes the Fréchet distance, precision, recall, density and coverage."""
    real_rows = real.set.rows
    if fewer_samples_than_features(real_rows, fake.rows):
        # With many features the products are most of the work. So both metrics share them,
        # and the one that overwrites them comes last.
        products = inner_products(real.set, fake)
        matrix = np.concatenate([product for _, product in products])
        distance = frechet_from_inner_products(real.set, fake, matrix)
        whole = slice(0, len(matrix)), slice(0, fake.rows.length)
        tiles = iter([Tile(*whole, matrix)])
    else:
        distance = frechet_from_covariances(real_rows, fake.rows)
        tiles = product_tiles(real.set, fake)
    fractions = prdc_from_counts(count_in_balls(real, fake, tiles), real.k)
    return {FRECHET.on(name).name: distance} | {
        metric.on(name).name: value
        for metric, value in zip(PRDC_METRICS, fractions, strict=True)
    }
