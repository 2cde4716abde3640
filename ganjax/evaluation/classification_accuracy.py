"""Classification accuracy scores: do samples train a classifier, and does one know them?

A classifier that is trained on samples and tested on real images is as good as the samples
are faithful and diverse; one that is trained on real images and tested on samples finds out
how faithful they are alone. Both need labels, and a generator that takes them.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Integer, UInt8

from ganjax.core import pixels
from ganjax.evaluation import classifier
from ganjax.evaluation.classifier import Images, Settings
from ganjax.evaluation.metric import higher_is_better, neither_is_better


CAS = higher_is_better(
    "cas",
    "Accuracy on held-out images of a classifier that was trained on samples.",
)
CAS_REAL = neither_is_better(
    "cas/real",
    "what cas would be for real data",
    "Accuracy on held-out images of a classifier that was trained on real images.",
)
CAS_REVERSE = higher_is_better(
    "cas/reverse",
    "Accuracy on samples of a classifier that was trained on real images.",
)


class ClassificationAccuracy(NamedTuple):
    """Accuracies, 0 to 1."""

    trained_on_samples: float
    """On held-out real images: the classification accuracy score, or GAN-train."""

    trained_on_real: float
    """The same of as many real training images: what perfect samples would reach."""

    tested_on_samples: float
    """Of the classifier trained on real images, on samples: GAN-test. It may exceed
    `trained_on_real`, as samples of a poor generator are often plain cases."""


def classification_accuracy(
    samples: UInt8[np.ndarray, "n h w c"],
    sample_labels: Integer[np.ndarray, " _"],
    train: UInt8[np.ndarray, "m h w c"] | Images,
    train_labels: Integer[np.ndarray, " _"],
    held_out: UInt8[np.ndarray, "k h w c"] | Images,
    held_out_labels: Integer[np.ndarray, " _"],
    *,
    classes: int,
    settings: Settings = Settings(),  # noqa: B008, a tuple never changes
    cache: Path | None = None,
) -> ClassificationAccuracy:
    """Trains a classifier on samples and one on real images, and tests both.

    The first is the classification accuracy score (Ravuri & Vinyals, 2019), or GAN-train;
    the other way round is GAN-test (Shmelkov et al., 2018). Those authors train a ResNet;
    here it is the small network of `ganjax.evaluation.classifier`, so that scores compare
    generators on one data set but not with published numbers. Its settings and seed are the
    same for both, and it is trained on equally many images if there are as many samples.

    Args:
        samples: samples as bytes.
        sample_labels: the classes that they were generated for.
        train: real images that the generator was trained on.
        train_labels: their classes.
        held_out: real images to test on.
        held_out_labels: their classes.
        classes: the number of classes.
        settings: how to train both classifiers.
        cache: the folder of cached classifiers (see `train_classifier`).

    Raises:
        UsageError: images and labels do not match.
    """
    on_samples, on_real = (
        classifier.train(
            images,
            labels,
            held_out,
            held_out_labels,
            classes=classes,
            settings=settings,
            cache=cache,
        )
        for images, labels in ((samples, sample_labels), (train, train_labels))
    )
    predicted = on_real.probabilities(np.asarray(pixels(samples))).argmax(1)
    return ClassificationAccuracy(
        trained_on_samples=on_samples.accuracy,
        trained_on_real=on_real.accuracy,
        tested_on_samples=float((predicted == sample_labels).mean()),
    )
