"""Pairs are of different images, of one class where there are classes, and by the seed."""

import numpy as np
import pytest

from ganjax import evaluation
from ganjax.errors import UsageError


def test_no_image_is_compared_with_itself_and_all_pairs_occur():
    seen = []

    def compare(a, b):
        seen.extend(zip(a.tolist(), b.tolist(), strict=True))
        return np.abs(a - b)

    found = evaluation.mean_over_pairs(np.arange(5), compare, pairs=2000, batch=70)
    assert set(seen) == {(i, j) for i in range(5) for j in range(5) if i != j}
    assert found.mean == pytest.approx(2, abs=0.1)  # of 0..4, without equal ones
    assert found.spread == pytest.approx(1, abs=0.1)


def test_both_images_of_a_pair_are_of_one_class():
    labels = np.array([3, 1, 3, 1, 1, 7, 3])  # of 7 there is only one
    seen = set()

    def compare(a, b):
        seen.update(zip(a.tolist(), b.tolist(), strict=True))
        return np.zeros(len(a))

    evaluation.mean_over_pairs(np.arange(7), compare, labels=labels, pairs=500)
    wanted = {
        (i, j) for i in range(7) for j in range(7) if i != j and labels[i] == labels[j]
    }
    assert seen == wanted


def test_samples_that_repeat_are_alike():
    rng = np.random.default_rng(0)
    images = rng.uniform(-1, 1, (12, 22, 22, 1))
    similarity = lambda x: evaluation.mean_over_pairs(
        x, lambda a, b: evaluation.ms_ssim(a, b, scales=(0.5, 0.5)), pairs=60
    )
    repeated = np.repeat(images[:1], 12, axis=0)
    assert similarity(repeated) == pytest.approx((1, 0))
    some = np.concatenate([images[:6], repeated[:6]])
    assert similarity(images).mean < similarity(some).mean < 1


def test_the_seed_chooses_the_pairs():
    compare = lambda a, b: a * 10.0 + b
    found = [
        evaluation.mean_over_pairs(np.arange(50), compare, pairs=20, seed=seed).mean
        for seed in (0, 0, 1)
    ]
    assert found[0] == found[1] != found[2]


def test_images_without_another_of_their_class_are_refused():
    for images, labels in ((np.arange(1), None), (np.arange(3), np.arange(3))):
        with pytest.raises(UsageError, match="two or more images"):
            evaluation.mean_over_pairs(images, np.subtract, labels=labels)
    with pytest.raises(UsageError, match="3 images have 2 labels"):
        evaluation.mean_over_pairs(np.arange(3), np.subtract, labels=np.zeros(2, int))
