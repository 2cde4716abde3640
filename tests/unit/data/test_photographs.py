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


def halved(photo):
    """Means of 2x2 pixels, without a last odd row or column."""
    even = photo[: len(photo) // 2 * 2, : photo.shape[1] // 2 * 2].astype(float)
    return (even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]) / 4


def test_crops_begin_every_32_pixels_at_both_scales():
    from skimage import data
    from sklearn.datasets import load_sample_image

    photos = [data.chelsea(), load_sample_image("china.jpg")]
    wanted = [
        photo[y : y + 140, x : x + 140]
        for photo in [*photos, *map(halved, photos)]
        for y in range(0, len(photo) - 139, 32)
        for x in range(0, photo.shape[1] - 139, 32)
    ]
    test = load(Spec("photographs", 140, split="test"))
    seen = read_all(test).x
    assert seen.shape == (len(wanted), 140, 140, 3)
    assert np.abs(seen - np.array(wanted)).max() <= 0.5
    assert test.report.held_out == 0 and test.classes == ()


def test_five_photographs_are_trained_on_and_two_are_held_out():
    from skimage import data
    from sklearn.datasets import load_sample_image

    photos = [data.astronaut(), data.coffee(), data.rocket()]
    photos += [data.stereo_motorcycle()[0], load_sample_image("flower.jpg")]
    train, test = (load(Spec("photographs", 300, split=s)) for s in ("train", "test"))
    counts = [
        ((photo.shape[0] - 300) // 32 + 1) * ((photo.shape[1] - 300) // 32 + 1)
        for photo in photos
    ]
    assert train.length == sum(counts)  # at half their size they are too small
    corners = train.read(np.cumsum([0, *counts[:-1]])).x
    for corner, photo in zip(corners, photos, strict=True):
        np.testing.assert_array_equal(corner, photo[:300, :300])
    assert train.report.held_out == test.length
    assert train.report.held_out_name == "test"


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
    with pytest.raises(UsageError, match=r"pip install 'ganjax\[photographs\]'"):
        load(Spec("photographs"))
