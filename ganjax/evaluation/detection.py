"""Classifier two-sample tests: whether a classifier can tell generated rows from real ones.

Unlike scores of single columns and of pairs, gradient-boosted trees see any dependence
between columns. Rows whose columns are drawn independently, which do well in the former,
are told apart by them at once (Lopez-Paz & Oquab, 2017).
"""

import numpy as np
from jaxtyping import Bool, Float

from ganjax.errors import UsageError
from ganjax.evaluation.metric import lower_is_better


FOLDS = 3
MAX_TREE_CATEGORIES = 255  # of scikit-learn's trees; above, categories are numbers
BOOSTED_DETECTION = lower_is_better(
    "detection/boosted",
    "Area under the ROC curve of gradient-boosted trees that tell generated rows from real "
    "ones, by cross-validation; 0.5 where they cannot.",
)
LOGISTIC_DETECTION = lower_is_better(
    "detection/logistic",
    "Area under the ROC curve of a logistic regression that tells generated rows from real "
    "ones, by cross-validation; 0.5 where it cannot.",
)


def boosted_detection(
    real: Float[np.ndarray, "n c"],
    fake: Float[np.ndarray, "m c"],
    categories: tuple[int, ...],
) -> float:
    """Returns the AUC of gradient-boosted trees that tell the two tables apart.

    Args:
        real: real rows: numbers, NaN where missing, or numbers of categories. The
            classifier sees none of them elsewhere, so give rows that were held out.
        fake: generated rows.
        categories: how many categories each column has; 0 for numbers.

    Raises:
        UsageError: either table has fewer rows than folds.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    model = HistGradientBoostingClassifier(
        categorical_features=tree_categories(categories),  # pyright: ignore[reportArgumentType]
        random_state=0,
    )
    return _cross_validated(model, real, fake)


def logistic_detection(
    real: Float[np.ndarray, "n c"],
    fake: Float[np.ndarray, "m c"],
    categories: tuple[int, ...],
) -> float:
    """Returns the AUC of a logistic regression that tells the two tables apart.

    It sees categories as one-hot vectors and numbers by their standard deviations. The
    arguments are those of `boosted_detection`.
    """
    from sklearn.linear_model import LogisticRegression

    both = np.concatenate([real, fake])
    columns = [_linear(x, count) for x, count in zip(both.T, categories, strict=True)]
    real, fake = np.split(np.concatenate(columns, axis=1), [len(real)])
    return _cross_validated(LogisticRegression(max_iter=1_000), real, fake)


def tree_categories(categories: tuple[int, ...]) -> Bool[np.ndarray, " c"]:
    """Returns which columns scikit-learn's trees can take as categories."""
    counts = np.asarray(categories)
    return (counts > 0) & (counts <= MAX_TREE_CATEGORIES)


def _linear(x: Float[np.ndarray, " n"], categories: int) -> Float[np.ndarray, "n f"]:
    """A column as a linear model should see it."""
    if categories:
        return (x[:, None] == np.unique(x)).astype(float)
    absent = np.isnan(x)
    scaled = np.where(absent, 0.0, x - np.mean(x[~absent]) if not absent.all() else 0.0)
    columns = np.stack([scaled / (scaled.std() or 1.0), absent], axis=1)
    return columns if absent.any() else columns[:, :1]


def _cross_validated(
    model: object, real: Float[np.ndarray, "n f"], fake: Float[np.ndarray, "m f"]
) -> float:
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from threadpoolctl import threadpool_limits

    if min(len(real), len(fake)) < FOLDS:
        raise UsageError(
            f"{len(real)} real and {len(fake)} generated rows are too few to tell apart: "
            f"give at least {FOLDS} of each."
        )
    rows = np.concatenate([real, fake])
    is_fake = np.repeat([0, 1], [len(real), len(fake)])
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    # On a few thousand rows, threads cost more than they bring.
    with threadpool_limits(1):
        found = cross_val_predict(
            model, rows, is_fake, cv=folds, method="predict_proba"
        )
    odds = np.asarray(found)[:, 1]
    # Each fold has a model of its own, whose probabilities are not those of another.
    aucs = [
        roc_auc_score(is_fake[test], odds[test])
        for _, test in folds.split(rows, is_fake)
    ]
    return float(np.mean(aucs))
