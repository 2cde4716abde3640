"""What generated rows teach: a model is fitted to them and tested on real ones.

This is known as machine-learning efficacy, or train on synthetic, test on real. The model
is gradient-boosted trees.
"""

import numpy as np
from jaxtyping import Float

from ganjax.evaluation.detection import tree_categories
from ganjax.evaluation.metric import higher_is_better


EFFICACY = higher_is_better(
    "efficacy",
    "How well trees that are fitted to generated rows predict the target of held-out real "
    "ones: the accuracy for a category, R² for a number.",
)


def efficacy(
    train: Float[np.ndarray, "n c"],
    test: Float[np.ndarray, "m c"],
    categories: tuple[int, ...],
    target: int,
) -> float:
    """Fits trees to `train` and returns their accuracy, or their R², on `test`.

    Args:
        train: generated rows: numbers, NaN where missing, or numbers of categories. Rows
            without the target are left out.
        test: real rows that the generator has not seen.
        categories: how many categories each column has; 0 for numbers.
        target: the column that is predicted from the others.

    Returns:
        The accuracy, 0 to 1, or R², at most 1.
    """
    from sklearn.ensemble import (
        HistGradientBoostingClassifier,
        HistGradientBoostingRegressor,
    )
    from threadpoolctl import threadpool_limits

    train, test = (rows[np.isfinite(rows[:, target])] for rows in (train, test))
    wanted, found = train[:, target], test[:, target]
    # Where only one value is left to learn, that is what a model predicts.
    if len(np.unique(wanted)) < 2:
        return float((found == wanted[:1]).mean()) if categories[target] else 0.0
    others = np.arange(train.shape[1]) != target
    is_category = tree_categories(tuple(np.asarray(categories)[others].tolist()))
    kind = (
        HistGradientBoostingClassifier
        if categories[target]
        else HistGradientBoostingRegressor
    )
    model = kind(
        categorical_features=is_category,  # pyright: ignore[reportArgumentType]
        random_state=0,
    )
    with threadpool_limits(1):
        model.fit(train[:, others], wanted)
        return float(model.score(test[:, others], found))
