"""Accuracies tell samples that teach the classes from those that do not."""

import numpy as np
import pytest

from ganjax import evaluation
from ganjax.errors import UsageError


QUICK = evaluation.ClassifierSettings(steps=60, batch=32)


def draw(seed, n=96):
    """Images that are bright at the top or at the bottom."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    images = rng.integers(0, 120, (n, 6, 6, 1))
    images[labels == 0, :3] += 120
    images[labels == 1, 3:] += 120
    return images.astype(np.uint8), labels.astype(np.int32)


def score(samples, labels, folder):
    return evaluation.classification_accuracy(
        samples, labels, *draw(0), *draw(1), classes=2, settings=QUICK, cache=folder
    )


def test_good_samples_teach_the_classes_and_are_known(tmp_path):
    found = score(*draw(2), tmp_path)
    assert min(found) > 0.95


def test_swapped_labels_teach_the_opposite_and_are_noticed_both_ways(tmp_path):
    images, labels = draw(2)
    found = score(images, 1 - labels, tmp_path)
    assert found.trained_on_samples < 0.05 and found.tested_on_samples < 0.05
    assert found.trained_on_real > 0.95


def test_one_class_alone_is_faithful_but_teaches_nothing(tmp_path):
    images, labels = draw(2)
    found = score(images[::2], labels[::2], tmp_path)
    assert found.trained_on_samples == pytest.approx(0.5, abs=0.05)
    assert found.tested_on_samples > 0.95


def test_samples_need_labels(tmp_path):
    images, labels = draw(2)
    with pytest.raises(UsageError, match="96 training images have 9 labels"):
        score(images, labels[:9], tmp_path)
