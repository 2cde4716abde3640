"""Stacked digits: what is in their planes, against scikit-learn's own digits."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from ganjax import evaluation
from ganjax.data import Spec, load, read_all, stacked
from ganjax.data.stacked import mode
from ganjax.errors import UsageError
from ganjax.evaluation.modes import KL


SPLITS = "train", "test"


@pytest.fixture(scope="module")
def sources():
    return {split: load(Spec("stacked_digits", split=split)) for split in SPLITS}


def pictures(image):
    """The bytes of every plane, [n][3]."""
    return [[plane.tobytes() for plane in np.moveaxis(one, -1, 0)] for one in image]


@pytest.mark.parametrize("split", SPLITS)
def test_the_label_is_what_the_planes_show(sources, split):
    stored = load_digits()
    as_bytes = np.round(stored.images * (255 / 16)).astype(np.uint8)
    shows = {x.tobytes(): int(y) for x, y in zip(as_bytes, stored.target, strict=True)}
    source = sources[split]
    image, label = source.read(np.arange(0, source.length, 17))
    assert image.shape[1:] == source.shape == (8, 8, 3)
    assert image.dtype == source.dtype == np.uint8 and label.dtype == np.int32
    for planes, number in zip(pictures(image), label, strict=True):
        digits = [shows[plane] for plane in planes]
        assert source.classes[number] == "".join(map(str, digits))
        assert mode(np.array([digits])) == [number]


def test_no_digit_is_in_both_splits(sources):
    seen = {
        split: {plane for planes in pictures(read_all(source).x) for plane in planes}
        for split, source in sources.items()
    }
    assert (len(seen["train"]), len(seen["test"])) == (899, 898)
    assert not seen["train"] & seen["test"]


def test_a_row_is_the_same_in_whatever_order_and_whenever_it_is_read(sources):
    rows = np.array([127_999, 5, 0, 5])
    image, label = sources["train"].read(rows)
    again = load(Spec("stacked_digits"))
    for i, row in enumerate(rows):
        one = again.read(np.array([row]))
        np.testing.assert_array_equal(one.x[0], image[i])
        assert one.label[0] == label[i]
    assert len({plane for planes in pictures(image[:3]) for plane in planes}) == 9


def test_the_planes_are_drawn_independently_and_every_mode_occurs(sources):
    label = read_all(sources["train"]).label
    digit = np.stack([label // 100, label // 10 % 10, label % 10], -1)
    share = np.bincount(load_split("train"), minlength=10) / 899
    want = np.einsum("i,j,k->ijk", share, share, share).ravel() * len(label)
    found = np.bincount(label, minlength=1000)
    assert found.min() > 0
    squares = np.sum((found - want) ** 2 / want)  # chi-squared, 999 degrees of freedom
    assert abs(squares - 999) < 4 * np.sqrt(2 * 999)
    for i in range(3):
        gap = np.abs(np.bincount(digit[:, i]) / len(label) - share)
        assert gap.max() < 4 * np.sqrt(0.1 * 0.9 / len(label))


def load_split(split):
    return read_all(load(Spec("digits", split=split))).label


def test_a_size_is_that_of_each_plane():
    large, plain = (
        load(Spec("stacked_digits", size=size)).read(np.arange(9)) for size in (16, 0)
    )
    single = read_all(load(Spec("digits", size=16))).x
    known = {one.tobytes() for one in single}
    assert large.x.shape == (9, 16, 16, 3)
    assert all(plane in known for planes in pictures(large.x) for plane in planes)
    np.testing.assert_array_equal(large.label, plain.label)


@pytest.mark.parametrize(
    "wrong, says",
    [
        ({"split": "all"}, "its splits are train and test"),
        ({"channels": 1}, "a digit in each of 3 channels"),
    ],
)
def test_a_wrong_spec_is_one_sentence(wrong, says):
    with pytest.raises(UsageError, match=says):
        load(Spec("stacked_digits", **wrong))


def test_images_are_those_that_they_always_were(sources):
    """Scores of runs long ago are of the same images."""
    train, test = (sources[split] for split in SPLITS)
    assert (train.length, test.length) == (128_000, 25_600)
    planes = {"train": "57536:ad413a04", "test": "57472:5061b5cc"}
    chosen = {"train": "3072000:e7115f55", "test": "614400:b796173c"}
    for split in SPLITS:
        wanted = {"plane": planes[split], "chosen": chosen[split]}
        assert sources[split].inventory() == wanted
    assert train.report.held_out == 25_600 and test.report.held_out == 0
    assert load(Spec("stacked_digits", channels=3)).shape == (8, 8, 3)


class Reader:
    """A classifier that reads three digits of the corner of each image."""

    accuracy = 0.75

    def predict(self, images):
        return np.rint(images[:, 0, 0] * 10).astype(int) % 10


def test_samples_are_judged_by_their_modes_and_the_first_ones_by_their_pixels(
    sources, monkeypatch
):
    calls = []

    def recorder(name):
        def record(*args):
            calls.append((name, args))
            return {f"{name}/pixels": float(len(calls))}

        return record

    monkeypatch.setattr(stacked, "MAX_COMPARED", 30)
    monkeypatch.setattr(stacked, "NUM_COUNTED", 50)
    monkeypatch.setattr(stacked, "_digit_classifier", lambda spec, to_real: Reader())
    for name in ("evaluate", "evaluate_real"):
        monkeypatch.setattr(evaluation, name, recorder(name))
    to_real = lambda x: x / 255
    train, test = (sources[split] for split in SPLITS)
    judged = stacked.evaluator(train, test, to_real, None)
    assert (judged.count, judged.shape) == (50, (8, 8, 3))
    assert judged.headline == KL and judged.reference == "held-out digits"

    samples = np.random.default_rng(0).uniform(size=(50, 8, 8, 3))
    samples[:, 0, 0] = [(0.1, 0.2, 0.3), (0.3, 0.2, 0.1)] * 25
    scores = judged.score(samples)
    assert scores == {
        "modes": 2,
        "kl": pytest.approx(np.log(1000 / 2)),
        "accuracy": 0.75,
        "evaluate/pixels": 1,
    }
    assert judged.metrics[:3] == (stacked.COVERED, KL, stacked.ACCURACY)
    name, (made, near, far, features) = calls.pop()
    np.testing.assert_array_equal(made, samples[:30])
    for part, source in ((near, train), (far, test)):
        rows = np.sort(np.random.default_rng(0).permutation(source.length)[:30])
        np.testing.assert_array_equal(part, source.read(rows).x / 255)
    assert features.name == "pixels"

    real = judged.real_scores()
    corner = train.read(np.arange(50)).x[:, 0, 0] / 255
    seen = {tuple(row) for row in np.rint(corner * 10).astype(int) % 10}
    assert real["modes"] == len(seen) and "evaluate_real/pixels" in real
    name, (one, other, features, count) = calls.pop()
    np.testing.assert_array_equal(one, near)
    np.testing.assert_array_equal(other, far)
    assert count == 30


def test_the_classifier_learns_the_digits_to_train_on_and_is_tested_on_others(
    monkeypatch,
):
    seen = []

    def learn(*given):
        seen.extend(given)
        raise KeyboardInterrupt

    monkeypatch.setattr(evaluation, "channel_classifier", learn)
    source = load(Spec("stacked_digits", size=4))
    with pytest.raises(KeyboardInterrupt):
        stacked.evaluator(source, source, lambda x: x / 255, None)
    for i, split in enumerate(SPLITS):
        image, label = read_all(load(Spec("digits", size=4, split=split)))
        np.testing.assert_array_equal(seen[2 * i], image / 255)
        np.testing.assert_array_equal(seen[2 * i + 1], label)


def test_scores_are_of_as_many_images_as_ever():
    """Coverage and distances depend on the number of samples."""
    assert (stacked.NUM_COUNTED, stacked.MAX_COMPARED) == (25_600, 2_000)
