"""Stacked digits: what is in their planes, against scikit-learn's own digits."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from ganjax.data import Spec, load, read_all
from ganjax.data.stacked import mode
from ganjax.errors import UsageError


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
