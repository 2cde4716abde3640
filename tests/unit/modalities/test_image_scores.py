"""Which images are compared with which, and what is learned of them."""

import hashlib

import numpy as np
import pytest

from ganjax.core import Batch, Pair, pixels
from ganjax.data.source import Source, Spec, example_struct
from ganjax.evaluation import (
    Classifier,
    Features,
    evaluate_real,
    pixels as pixel_features,
)
from ganjax.evaluation.frechet import FRECHET
from ganjax.modalities import image_scores
from ganjax.modalities.image_scores import RealFeatures, evaluator


def source(count, seed=0, classes=(), shape=(4, 6, 1), images=None):
    """Images in memory, and the rows that are read of them."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 256, (count, *shape), np.uint8) if images is None else images
    label = (np.arange(count) % max(1, len(classes))).astype(np.int32)
    asked = []

    def read(rows):
        asked.append(rows.tolist())
        return Batch(x[rows], label[rows])

    made = Source(Spec("mine"), count, example_struct(x.shape[1:]), classes, read)
    return made, x, asked


def level(images):
    """One feature, and in 64 bits: the mean of each image."""
    return images.reshape(len(images), -1).mean(1, keepdims=True)


LEVEL, PIXELS = Features("level", level), pixel_features()


def seen_as(x):
    """Stored images as networks see them, in an array of NumPy."""
    return np.asarray(pixels(x))


def test_samples_are_compared_with_held_out_images_and_real_ones_are_training_images():
    train, x, _ = source(40)
    dark = np.zeros((30, 4, 6, 1), np.uint8)
    dark += np.arange(30, dtype=np.uint8)[:, None, None, None]
    held_out, _, _ = source(30, images=dark)
    judged = evaluator(train, held_out, pixels, LEVEL)
    assert (judged.count, judged.reference) == (30, "held-out images")
    assert judged.shape == (4, 6, 1) and judged.headline == FRECHET.on("pixels")
    scores = judged.score(seen_as(dark))
    assert {metric.name for metric in judged.metrics} == scores.keys()
    assert abs(scores["frechet/level"]) < 1e-6 and scores["copies/ratio/pixels"] > 0
    # Real ones are training images, which are lighter by about 0.9 in the mean.
    real = judged.real_scores()
    assert 0.7 < real["frechet/level"] < 1
    # They are as many as the samples.
    for features in (PIXELS, LEVEL):
        wanted = evaluate_real(seen_as(x), seen_as(dark), features, 30)
        assert wanted == pytest.approx({name: real[name] for name in wanted})


def test_of_large_sets_only_some_images_are_compared(monkeypatch):
    monkeypatch.setattr(image_scores, "MAX_COMPARED", 25)
    (train, _, seen), (held_out, _, tested) = source(70), source(60, seed=1)
    judged = evaluator(train, held_out, pixels, LEVEL)
    assert judged.count == 25
    for asked, length in ((seen, 70), (tested, 60)):
        rows = sum(asked, [])
        assert len({*rows}) == 25 and rows == sorted(rows) and max(rows) > length - 20


@pytest.mark.parametrize(
    ("training", "held_out", "count", "reference"),
    [
        (19, None, 0, "19 examples: too few"),
        (20, None, 20, "the training images, as none are held out"),
        (20, 19, 20, "the training images, as only 19 are held out"),
        (19, 19, 0, "19 examples: too few"),
        (5, 20, 20, "held-out images"),
    ],
)
def test_with_fewer_than_twenty_images_there_is_nothing_to_compare_with(
    training, held_out, count, reference
):
    other = source(held_out, seed=1)[0] if held_out else None
    judged = evaluator(source(training)[0], other, pixels)
    assert (judged.count, judged.reference) == (count, reference)
    assert bool(judged.metrics) == (count > 0)
    # Of five images none has five neighbors among the others.
    assert bool(judged.real_scores()) == (count > 0 and training > 5)


def test_few_new_training_images_are_not_compared_with_copies_of_them():
    train, x, _ = source(12)
    copies, _, _ = source(24, images=np.concatenate([x, x]))
    judged = evaluator(train, copies, pixels)
    assert judged.count == 0 and judged.reference == "12 examples: too few"


def test_images_are_the_same_if_all_that_is_compared_of_them_is():
    digests = [hashlib.sha256(bytes([i])).hexdigest() for i in range(9)]
    train = RealFeatures(5, [], digests[:5])
    for copied, new in ((0, True), (1, True), (2, False), (3, False)):
        held_out = RealFeatures(4, [], digests[5 - copied : 9 - copied])
        assert image_scores._mostly_new(held_out, train) == new
    # What G is meant to make is compared, such as a crop that all images share.
    seen, held_out = source(40)[0], source(40, seed=1)[0]
    middle = lambda x: pixels(x)[:, 1:3] * 0 + 1
    judged = evaluator(seen, held_out, middle)
    assert judged.reference.endswith("mostly training images too")


@pytest.mark.parametrize(
    ("count", "classes", "crop", "learned"),
    [
        (30, ("a", "b"), False, True),
        (29, ("a", "b"), False, False),
        (30, ("a",), False, False),
        (30, (), False, False),
        (30, ("a", "b"), True, False),
    ],
)
def test_a_classifier_is_trained_on_enough_labeled_whole_images(
    count, classes, crop, learned, monkeypatch
):
    monkeypatch.setattr(image_scores, "MIN_LABELED", 30)
    asked = []

    def train(*given):
        asked.append(given)
        return Classifier(LEVEL._replace(name="classifier-1"), level, 0.5)

    monkeypatch.setattr(image_scores, "_classifier", train)
    made = source(count, classes=classes)[0]
    real = (lambda x: pixels(x)[:, 1:]) if crop else pixels
    for other, test in (
        (source(25, seed=1, classes=classes)[0], 1),
        (source(25, seed=1, classes=("x", "y"))[0], 0),
        (None, 0),
    ):
        asked.clear()
        judged = evaluator(made, other, real, LEVEL)
        names = [metric.name for metric in judged.metrics]
        best = "classifier-1" if learned else "pixels"
        assert judged.headline == FRECHET.on(best)
        assert ("frechet/classifier-1" in names) == learned and "frechet/level" in names
        # It is tested on images that are held out, if these have the same classes.
        wanted = [made, (made, other)[test], None]
        assert [[*map(id, given)] for given in asked] == learned * [[*map(id, wanted)]]


def test_a_classifier_is_given_the_images_labels_and_classes_of_either_set(monkeypatch):
    asked = []

    learned = Classifier(LEVEL, level, 0.5)

    def load_or_train(identity, read, *, shape, classes):
        asked.append((read(), shape, classes))
        return learned

    monkeypatch.setattr(
        image_scores.evaluation, "load_or_train_classifier", load_or_train
    )
    monkeypatch.setattr(image_scores, "CHUNK_BYTES", 4 * 24 * 7)  # seven images
    (made, x, _), (other, y, _) = (
        source(count, seed, ("a", "b", "c")) for count, seed in ((20, 0), (9, 1))
    )
    assert image_scores._classifier(made, other, None) is learned
    ((data, shape, classes),) = asked
    np.testing.assert_array_equal(data.images[np.arange(20)], x)
    np.testing.assert_array_equal(data.test_images[np.arange(9)], y)
    np.testing.assert_array_equal(data.labels, np.arange(20) % 3)
    np.testing.assert_array_equal(data.test_labels, np.arange(9) % 3)
    assert classes == 3 and data.images.dtype == np.uint8 and shape == made.shape
    assert data.labels.dtype == np.int32


def identity_of(monkeypatch, train, test):
    """What tells the classifier of these sources from others."""
    found = []

    def load_or_train(identity, read, *, shape, classes):
        found.extend(identity)
        return Classifier(LEVEL, level, 0.5)

    monkeypatch.setattr(
        image_scores.evaluation, "load_or_train_classifier", load_or_train
    )
    image_scores._classifier(train, test, None)
    return found


def test_a_classifier_is_found_without_reading_all_images(monkeypatch):
    """By the inventory of its data, and by some of what the images become."""
    monkeypatch.setattr(image_scores, "MAX_IDENTIFYING", 4)
    made, _, _ = source(20, 0, ("a", "b", "c"))
    read_rows = []

    def read(rows):
        read_rows.extend(rows)
        return made.read(rows)

    known = made._replace(read=read, inventory=lambda: {"x": "20:00000001"})
    first = identity_of(monkeypatch, known, known)
    assert len(read_rows) == 8
    assert identity_of(monkeypatch, known, known) == first
    dark = lambda rows: made.read(rows)._replace(x=made.read(rows).x // 2)
    for other in (
        known._replace(inventory=lambda: {"x": "20:00000002"}),
        known._replace(read=dark),
        known._replace(classes=("a", "b", "d")),
    ):
        assert identity_of(monkeypatch, other, known) != first
        assert identity_of(monkeypatch, known, other) != first
    # Data without an inventory is known by all of it.
    read_rows.clear()
    identity_of(monkeypatch, known._replace(inventory=dict), known)
    assert set(read_rows) == set(range(20))


def test_features_are_computed_of_as_many_images_as_fit_at_once(monkeypatch):
    monkeypatch.setattr(image_scores, "CHUNK_BYTES", 4 * 24 * 7)
    sizes = []

    def features(images):
        sizes.append(len(images))
        return level(images)

    made, x, seen = source(40)
    judged = evaluator(made, None, pixels, Features("mine", features))
    assert [len(rows) for rows in seen] == [7, 7, 7, 7, 7, 5] == sizes
    sizes.clear()
    chunks = np.split(seen_as(x), [18, 22])
    found = judged.score(chunks)
    assert sizes == [7, 7, 4, 4, 7, 7, 4]
    assert found == judged.score(seen_as(x))


@pytest.mark.parametrize(
    ("shapes", "sizes"),
    [
        ([(4, 6, 1)], [5, 5, 1]),
        ([(4, 6, 1), (4, 6, 1)], [2] * 5 + [1]),
        ([(400, 6, 1)], [1] * 11),
    ],
)
def test_a_part_of_pairs_holds_both_sides(shapes, sizes, monkeypatch):
    monkeypatch.setattr(image_scores, "CHUNK_BYTES", 4 * 24 * 5 + 3)
    rows = np.arange(3, 14)
    parts = [*image_scores._parts(rows, *shapes)]
    assert [len(part) for part in parts] == sizes
    np.testing.assert_array_equal(np.concatenate(parts), rows)


def test_pairs_are_compared_by_the_side_that_is_made():
    front, back = source(30)[0], source(30, seed=1)[0]

    def read(rows):
        return Batch(Pair(front.read(rows).x, back.read(rows).x), np.zeros(len(rows)))

    example = Pair(front.example, back.example)
    pairs = Source(Spec("mine"), 30, example, (), read)
    judged = evaluator(pairs, None, lambda pair: pixels(pair.target), LEVEL)
    made = seen_as(back.read(np.arange(30)).x)
    assert abs(judged.score(made)["frechet/level"]) < 1e-9
    assert judged.shape == (4, 6, 1) and judged.count == 30


def test_references_are_computed_once_and_only_if_they_are_asked_for(monkeypatch):
    asked = []
    whole = image_scores.evaluation.reference

    def reference(train, test, name, neighbors):
        asked.append((name, neighbors, test is None))
        return whole(train, test, name, neighbors)

    monkeypatch.setattr(image_scores.evaluation, "reference", reference)
    made, x, _ = source(30)
    judged = evaluator(made, None, pixels, LEVEL)
    assert asked == []
    judged.score(seen_as(x))
    judged.real_scores()
    assert asked == [("pixels", 5, True), ("level", 5, True)]
