"""Crops of photographs that come with other packages."""

import builtins

import numpy as np
import pytest

from ganjax.data import Spec, load, whole
from ganjax.errors import Mistake


@pytest.mark.parametrize("size, side", [(0, 64), (96, 96), (8, 8)])
def test_splits_are_crops_of_different_photographs(size, side):
    train, test = (load(Spec("photographs", size, split=s)) for s in ("train", "test"))
    assert train.shape == test.shape == (side, side, 3)
    assert 500 < train.length < 3_000 and 200 < test.length < train.length
    seen = {image.tobytes() for image in whole(train).image}
    assert not any(image.tobytes() in seen for image in whole(test).image)


def test_crops_are_pixels_of_the_photograph():
    from skimage import data

    first = load(Spec("photographs")).read(np.array([0, 1, 15])).image
    photo = data.astronaut()
    np.testing.assert_array_equal(first[1], photo[:64, 32:96])
    np.testing.assert_array_equal(first[2], photo[32:96, :64])


def test_grey_is_made_of_the_colours():
    grey = load(Spec("photographs", channels=1)).read(np.arange(3)).image
    colour = load(Spec("photographs")).read(np.arange(3)).image
    assert grey.shape == (3, 64, 64, 1)
    luma = colour @ np.array([0.299, 0.587, 0.114])
    assert np.abs(grey[..., 0] - luma).max() <= 1


def test_what_is_missing_is_one_sentence(monkeypatch):
    with pytest.raises(Mistake, match="splits are train and test"):
        load(Spec("photographs", split="val"))
    found = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("skimage"):
            raise ImportError
        return found(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(Mistake, match=r"pip install -e '.\[photographs\]'"):
        load(Spec("photographs"))
