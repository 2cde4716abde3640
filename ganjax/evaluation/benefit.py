"""Whether something made a classifier better: an accuracy's gain and how sure it is.

The same classifiers, as to seed and test images, are trained with and without it, and
what they got right is compared pair by pair. "No significant gain" is an answer.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from ganjax.errors import Mistake


class Gain(NamedTuple):
    """A difference of accuracies, -1 to 1, with its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float


def gain(
    arm: Bool[np.ndarray, "gans classifiers n"],
    base: Bool[np.ndarray, "_ classifiers n"],
    weight: Float[np.ndarray, " n"] | None = None,
    *,
    draws: int = 2000,
    seed: int = 0,
) -> Gain:
    """How much more often `arm` was right than `base`, about the n test images.

    Axis 0 counts the generators that made the training data, and is 1 long in a `base`
    that has none; axis 1 the classifiers' seeds. All three are redrawn with replacement,
    each by itself (the pigeonhole bootstrap of Owen, 2007), and n draws of n are spread
    by n / (n - 1), since they vary less than n new ones would; of three seeds an interval
    is rough all the same. A test image counts `weight`. `Mistake` if the numbers do not
    match.
    """
    if len(base) not in (1, len(arm)) or arm.shape[1:] != base.shape[1:]:
        raise Mistake(f"Answers of {arm.shape} and {base.shape} are no pairs.")
    weight = np.ones(arm.shape[-1]) if weight is None else weight
    by_pair = arm.astype(np.float64) - base
    rng = np.random.default_rng(seed)
    gans, classifiers, images = (
        1
        + np.sqrt(n / max(n - 1, 1))
        * (rng.multinomial(n, np.full(n, 1 / n), draws) - 1)
        for n in by_pair.shape
    )
    weights = images * weight
    means = by_pair.reshape(-1, len(weight)) @ (weights / weights.sum(1)[:, None]).T
    means = means.reshape(*by_pair.shape[:2], draws)
    found = np.einsum("gcd,dg,dc->d", means, gans, classifiers)
    found /= by_pair.shape[0] * by_pair.shape[1]
    low, high = np.quantile(found, [0.025, 0.975])
    mean = (by_pair.mean((0, 1)) * weight).sum() / weight.sum()
    return Gain(float(mean), float(low), float(high))


def verdict(found: Gain) -> str:
    """What may be said of it."""
    if found.low > 0:
        return "gain"
    return "loss" if found.high < 0 else "no significant gain"


def balanced(labels: np.ndarray) -> Float[np.ndarray, " n"]:
    """Weights under which every class counts the same, however rare it is."""
    _, place, count = np.unique(labels, return_inverse=True, return_counts=True)
    return len(labels) / len(count) / count[place]
