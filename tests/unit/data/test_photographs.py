"""Crops of photographs that come with other packages."""

import builtins

import numpy as np
import pytest

from ganjax.data import Spec, load, read_all
from ganjax.errors import UsageError


@pytest.mark.parametrize("size, side", [(0, 64), (96, 96), (8, 8)])
def test_splits_are_crops_of_different_photographs(size, side):
    train, test = (load(Spec("photographs", size, split=s)) for s in ("train", "test"))
    assert train.shape == test.shape == (side, side, 3)
    assert 500 < train.length < 3_000 and 200 < test.length < train.length
    seen = {image.tobytes() for image in read_all(train).x}
    assert not any(image.tobytes() in seen for image in read_all(test).x)


def test_crops_are_pixels_of_the_photograph():
    from skimage import data

    first = load(Spec("photographs")).read(np.array([0, 1, 15])).x
    photo = data.astronaut()
    np.testing.assert_array_equal(first[1], photo[:64, 32:96])
    np.testing.assert_array_equal(first[2], photo[32:96, :64])


def test_gray_is_made_of_the_colors():
    gray = load(Spec("photographs", channels=1)).read(np.arange(3)).x
    color = load(Spec("photographs")).read(np.arange(3)).x
    assert gray.shape == (3, 64, 64, 1)
    luma = color @ np.array([0.299, 0.587, 0.114])
    assert np.abs(gray[..., 0] - luma).max() <= 1


def test_what_is_missing_is_one_sentence(monkeypatch):
    with pytest.raises(UsageError, match="splits are train and test"):
        load(Spec("photographs", split="val"))
    found = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("skimage"):
            raise ImportError
        return found(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UsageError, match=r"pip install -e '.\[photographs\]'"):
        load(Spec("photographs"))
