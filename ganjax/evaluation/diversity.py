"""Diversity of samples as their mean similarity or distance over random pairs.

A generator that repeats itself has pairs that are alike. With `ms_ssim`, high values are
poor (Odena et al., 2017); with LPIPS, low values are (Zhu et al., 2017). Neither sees
whether images are good: noise is diverse. Compare with the value of real images.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import ArrayLike, Integer

from ganjax.errors import UsageError
from ganjax.evaluation.metric import neither_is_better


MS_SSIM_PAIRS = neither_is_better(
    "ms_ssim_pairs", "that of real images", "Mean structural similarity of two samples."
)
LPIPS_PAIRS = neither_is_better(
    "lpips_pairs", "that of real images", "Mean perceptual distance of two samples."
)

PAIRS = 1000


class PairScore(NamedTuple):
    """The comparison of random pairs."""

    mean: float
    spread: float  # standard deviation over the pairs


def mean_over_pairs(
    images: np.ndarray,
    compare: Callable[[np.ndarray, np.ndarray], ArrayLike],
    *,
    labels: Integer[np.ndarray, " n"] | None = None,
    pairs: int = PAIRS,
    batch: int = 50,
    seed: int = 0,
) -> PairScore:
    """Compares random pairs of different images.

    Args:
        images: images [n, h, w, c], or anything else that `compare` takes.
        compare: two batches -> a number for each pair, such as `ms_ssim` or the function
            that `lpips.distance` returns.
        labels: the class of each image. With it, both images of a pair are of one class,
            which is drawn as often as it occurs.
        pairs: how many pairs to draw.
        batch: how many pairs are compared at once.
        seed: the seed of the pairs.

    Raises:
        UsageError: fewer than two images, or no class with two.

    Example:
        >>> mean_over_pairs(samples, ms_ssim).mean
    """
    n = len(images)
    classes = np.zeros(n, np.int64) if labels is None else np.asarray(labels)
    if len(classes) != n:
        raise UsageError(f"{n} images have {len(classes)} labels.")
    _, which, count = np.unique(classes, return_inverse=True, return_counts=True)
    candidates = np.flatnonzero(count[which] > 1)
    if not len(candidates) or pairs < 1:
        raise UsageError("Pairs need two or more images of one class.")
    rng = np.random.default_rng(seed)
    first = rng.choice(candidates, pairs)
    # The images in the order of their classes: the second of a pair is another one of the
    # same class, at a random distance around the circle that its class forms.
    order = np.argsort(which, kind="stable")
    place = np.empty(n, np.int64)
    place[order] = np.arange(n)
    begin = (np.cumsum(count) - count)[which[first]]
    size = count[which[first]]
    shift = 1 + (rng.random(pairs) * (size - 1)).astype(np.int64)
    second = order[begin + (place[first] - begin + shift) % size]
    found = [
        np.asarray(compare(images[first[i : i + batch]], images[second[i : i + batch]]))
        for i in range(0, pairs, batch)
    ]
    values = np.concatenate(found).astype(np.float64)
    return PairScore(float(values.mean()), float(values.std()))
