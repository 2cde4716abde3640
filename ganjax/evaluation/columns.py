"""How alike the columns of two tables are, one by one and in pairs.

Two scores are those of SDMetrics: Column Shapes, and the mean of Correlation Similarity and
Contingency Similarity over all pairs. The first does not see any dependence, and rows whose
columns are drawn independently do well in the second, too, if most columns depend little on
each other. The third compares how much each column says of each other one, and gives pairs
more weight the more they depend on each other. Read all beside `detection`, which sees
dependence of more than two columns.
"""

from itertools import combinations

import numpy as np
from jaxtyping import Float, Int

from ganjax.evaluation.metric import higher_is_better


BINS = 10  # of a column of numbers, where it is paired with categories

COLUMN_SHAPES = higher_is_better(
    "shapes",
    "Mean over the columns of 1 minus the Kolmogorov-Smirnov distance (numbers) or the "
    "total variation distance (categories); 1 where each column has the distribution of "
    "the real one.",
)
PAIR_TRENDS = higher_is_better(
    "trends",
    "Mean over pairs of columns of 1 minus half the difference of their correlations "
    "(numbers) or the total variation distance of their joint distributions.",
)

MUTUAL_INFORMATION = higher_is_better(
    "dependence",
    "1 minus the mean difference of the normalized mutual information of pairs of columns, "
    "weighted by what it is in both tables: how well dependence is kept.",
)


def column_shapes(
    real: Float[np.ndarray, "n c"],
    fake: Float[np.ndarray, "m c"],
    categories: tuple[int, ...],
) -> float:
    """Returns the mean similarity of single columns, 0 (worst) to 1.

    A missing number counts as one below all others, so that the share of missing values
    matters, too.

    Args:
        real: rows of the real table: numbers, NaN where missing, or numbers of categories.
        fake: rows of the other table.
        categories: how many categories each column has; 0 for numbers.
    """
    return float(
        np.mean(
            [
                1 - _total_variation(a.astype(int), b.astype(int), count)
                if count
                else 1 - _kolmogorov_smirnov(a, b)
                for a, b, count in zip(real.T, fake.T, categories, strict=True)
            ]
        )
    )


def pair_trends(
    real: Float[np.ndarray, "n c"],
    fake: Float[np.ndarray, "m c"],
    categories: tuple[int, ...],
) -> float:
    """Returns the mean similarity of pairs of columns, 0 (worst) to 1.

    Two columns of numbers are compared by their correlation. In any other pair numbers are
    put into `BINS` bins of equal width, of which missing ones have one of their own.

    Args:
        real: rows of the real table, as in `column_shapes`.
        fake: rows of the other table.
        categories: how many categories each column has; 0 for numbers.

    Returns:
        The mean; that of `column_shapes` where there is only one column.
    """
    if len(categories) < 2:
        return column_shapes(real, fake, categories)
    binned = [
        _bins(a, b, count)
        for a, b, count in zip(real.T, fake.T, categories, strict=True)
    ]
    scores = []
    for i, j in combinations(range(len(categories)), 2):
        if not categories[i] and not categories[j]:
            difference = _correlation(real[:, [i, j]]) - _correlation(fake[:, [i, j]])
            scores.append(1 - abs(difference) / 2)
            continue
        (first_real, first_fake, _), (second_real, second_fake, width) = (
            binned[i],
            binned[j],
        )
        # Each pair of values is one number, of which only those that occur are counted.
        pairs = first_real * width + second_real, first_fake * width + second_fake
        _, codes = np.unique(np.concatenate(pairs), return_inverse=True)
        joint_real, joint_fake = np.split(codes, [len(real)])
        count = int(codes.max()) + 1
        scores.append(1 - _total_variation(joint_real, joint_fake, count))
    return float(np.mean(scores))


def mutual_information(
    real: Float[np.ndarray, "n c"],
    fake: Float[np.ndarray, "m c"],
    categories: tuple[int, ...],
) -> float:
    """Returns how alike the dependence of pairs of columns is, 0 (worst) to 1.

    Of each pair the mutual information over the mean of both entropies (0 for independent
    columns, 1 if each determines the other) is computed in either table, of numbers in the
    bins of `pair_trends`. Their absolute differences are averaged with the weight of their
    sums, so that many pairs that hardly depend on each other do not hide one that does
    (weighted NMI; "A Sobering Look at Tabular Data Generation", 2026).

    Args:
        real: rows of the real table, as in `column_shapes`.
        fake: rows of the other table.
        categories: how many categories each column has; 0 for numbers.

    Returns:
        1 minus that mean; 1 where there is one column, or no dependence in either table.
    """
    binned = [
        _bins(a, b, count)
        for a, b, count in zip(real.T, fake.T, categories, strict=True)
    ]
    found = np.array(
        [
            (
                _normalized_information(real_a, real_b, width),
                _normalized_information(fake_a, fake_b, width),
            )
            for (real_a, fake_a, _), (real_b, fake_b, width) in combinations(binned, 2)
        ]
    ).reshape(-1, 2)
    weights, differences = found.sum(1), np.abs(found[:, 0] - found[:, 1])
    if not weights.sum() > 0:
        return 1.0
    return float(1 - (weights * differences).sum() / weights.sum())


def _normalized_information(
    a: Int[np.ndarray, " n"], b: Int[np.ndarray, " n"], width: int
) -> float:
    """The mutual information over the mean of both entropies; 0 where one is constant."""
    single, other, joint = map(_entropy, (a, b, a * width + b))
    # Equal numbers may differ by a rounding error, and information is not negative.
    information = max(single + other - joint, 0.0)
    return 2 * information / (single + other) if min(single, other) > 0 else 0.0


def _entropy(values: Int[np.ndarray, " n"]) -> float:
    """The entropy of an empirical distribution, in nats."""
    _, counts = np.unique(values, return_counts=True)
    shares = counts / len(values)
    return float(-(shares * np.log(shares)).sum())


def _kolmogorov_smirnov(
    a: Float[np.ndarray, " n"], b: Float[np.ndarray, " m"]
) -> float:
    """The largest distance of two empirical distribution functions."""
    a, b = (np.sort(np.nan_to_num(x, nan=-np.inf)) for x in (a, b))
    places = np.concatenate([a, b])
    shares = (np.searchsorted(x, places, "right") / len(x) for x in (a, b))
    return float(np.abs(np.subtract(*shares)).max())


def _total_variation(
    a: Int[np.ndarray, " n"], b: Int[np.ndarray, " m"], count: int
) -> float:
    """Half the sum of the differences of the shares of all categories."""
    shares = (np.bincount(x, minlength=count) / len(x) for x in (a, b))
    return float(np.abs(np.subtract(*shares)).sum() / 2)


def _correlation(rows: Float[np.ndarray, "n 2"]) -> float:
    """Pearson's correlation where neither is missing; 0 where one is constant."""
    rows = rows[np.isfinite(rows).all(1)]
    if len(rows) < 2 or not rows.std(axis=0).all():
        return 0.0
    return float(np.corrcoef(rows.T)[0, 1])


def _bins(
    real: Float[np.ndarray, " n"], fake: Float[np.ndarray, " m"], categories: int
) -> tuple[Int[np.ndarray, " n"], Int[np.ndarray, " m"], int]:
    """Both columns as whole numbers below the third value that is returned."""
    if categories:
        return real.astype(int), fake.astype(int), categories
    present = real[np.isfinite(real)]
    low, high = (present.min(), present.max()) if len(present) else (0.0, 1.0)
    ends = np.linspace(low, high, BINS + 1)

    def binned(x):
        return np.where(np.isnan(x), BINS, np.digitize(x, ends[1:-1])).astype(int)

    return binned(real), binned(fake), BINS + 1
