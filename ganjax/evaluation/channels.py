"""A classifier of single channels, for stacked digits (as in StackedMNIST).

Stacked digits have one digit in each of three channels, so that an image belongs to one of
1,000 modes. The mode of a sample is found by classifying its channels one by one.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, Integer

from ganjax.errors import UsageError
from ganjax.evaluation.distances import (
    as_float64,
    as_rows,
    centered,
    squared_distances,
)
from ganjax.evaluation.metric import neither_is_better


ACCURACY = neither_is_better(
    "accuracy",
    "of the digit classifier",
    "Fraction of held-out digits that the classifier recognizes correctly.",
)

RIDGE = 0.01  # added to the kernel matrix's diagonal, which is 1


class ChannelClassifier(NamedTuple):
    """A trained classifier of single channels."""

    predict: Callable[[np.ndarray], np.ndarray]
    """Images [n, h, w, c] in [-1, 1] -> classes [n, c]. Raises a `UsageError` on NaN, and
    on images of another size than those it was trained on."""

    accuracy: float
    """Fraction of the test images that are classified correctly."""


def channel_classifier(
    images: Float[np.ndarray, "n h w 1"],
    labels: Integer[np.ndarray, " n"],
    test_images: Float[np.ndarray, "m h w 1"],
    test_labels: Integer[np.ndarray, " m"],
) -> ChannelClassifier:
    """Fits a classifier on images of one channel.

    It is kernel ridge regression on one-hot labels with the kernel
    exp(-|x - y|^2 / (f var(x))), where f is the number of pixels (regularized least
    squares, Rifkin, Yeo & Poggio, 2003). It is solved in closed form, so nothing is random.

    Args:
        images: training images in [-1, 1].
        labels: their classes, from 0.
        test_images: images on which `accuracy` is measured; they are not trained on.
        test_labels: their classes.

    Raises:
        UsageError: NaN or infinity.
    """
    train_rows = _channels_as_rows(images)
    size = images.shape[1:-1]
    # f var(x), the scale of the kernel, is the total variance of the pixels.
    width = train_rows.shape[1] * train_rows.var()
    train = centered(as_rows(train_rows, "pixels"))

    def kernel_blocks(
        rows: Float[np.ndarray, "n f"],
    ) -> Iterator[Float[np.ndarray, "rows m"]]:
        """Yields the kernel between `rows` and the training rows, in blocks of rows."""
        query = centered(as_rows(rows, "pixels", 1), train.center)
        for _, square in squared_distances(query, train):
            yield np.exp(-square / width)

    # Solve for all classes at once, each against the others.
    gram = np.concatenate([*kernel_blocks(train_rows)])
    gram += RIDGE * np.eye(len(train_rows))
    weights = np.linalg.solve(gram, np.eye(labels.max() + 1)[labels])

    def predict(images: np.ndarray) -> Int[np.ndarray, "n c"]:
        if images.shape[1:-1] != size:
            raise UsageError(
                f"The classifier was trained on images of {size}, not of "
                f"{images.shape[1:-1]}."
            )
        # In blocks, as the kernel matrix of many samples would not fit into memory.
        blocks = kernel_blocks(_channels_as_rows(images))
        classes = [(kernel @ weights).argmax(1) for kernel in blocks]
        return np.concatenate(classes).reshape(len(images), -1)

    accuracy = (predict(test_images)[:, 0] == test_labels).mean()
    return ChannelClassifier(predict, float(accuracy))


def _channels_as_rows(
    images: Float[np.ndarray, "n h w c"],
) -> Float[np.ndarray, "nc f"]:
    """Returns each channel as a row, the channels of an image one after the other."""
    n, h, w, c = images.shape
    return as_float64(np.moveaxis(images, -1, 1).reshape(n * c, h * w), "pixels", 1)
