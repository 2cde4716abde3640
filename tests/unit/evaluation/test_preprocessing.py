"""Preprocessing: what holds of every way to resize, and what each does in small cases."""

import numpy as np
import pytest
from PIL.Image import Resampling

from ganjax.errors import UsageError
from ganjax.evaluation import preprocessing


RNG = np.random.default_rng(0)
WAYS = {
    "pil": preprocessing.pil,
    "lanczos": lambda size: preprocessing.pil(size, Resampling.LANCZOS),
    "clean": preprocessing.clean,
    "clean box": lambda size: preprocessing.clean(size, Resampling.BOX),
    "tf1": preprocessing.tf1_bilinear,
    "affine_grid": preprocessing.affine_grid,
    "pytorch bilinear": preprocessing.pytorch_bilinear,
    "pytorch bicubic": preprocessing.pytorch_bicubic,
}
every_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)


def noise(*shape):
    return RNG.integers(0, 256, shape, dtype=np.uint8)


@every_way
def test_images_of_the_size_stay_as_they_are(way):
    images = noise(2, 9, 9, 3)
    np.testing.assert_array_equal(way(9).apply(images), images)


@every_way
def test_a_constant_image_stays_constant(way):
    images = np.full((1, 7, 12, 3), 200, np.uint8)
    np.testing.assert_allclose(way(5).apply(images), 200, rtol=1e-6)


@every_way
def test_an_image_is_resized_as_by_itself(way):
    images = noise(3, 6, 11, 3)
    both = way(8).apply(images)
    assert both.dtype == np.float32 and both.shape == (3, 8, 8, 3)
    np.testing.assert_array_equal(both[1:2], way(8).apply(images[1:2]))


@every_way
def test_gray_is_repeated_and_alpha_is_dropped(way):
    gray = noise(2, 5, 6, 1)
    resized = way(4).apply(gray)
    np.testing.assert_array_equal(resized, way(4).apply(gray.repeat(3, -1)))
    with_alpha = noise(2, 5, 6, 4)
    resized = way(4).apply(with_alpha)
    np.testing.assert_array_equal(resized, way(4).apply(with_alpha[..., :3]))


def test_only_what_rounds_gives_whole_numbers():
    images = noise(1, 20, 20, 3)
    for way in WAYS.values():
        value = way(7)
        resized = value.apply(images)
        assert (resized == np.rint(resized)).all() == value.name.startswith("pil-")


def test_tensorflow_1_starts_at_the_first_pixel_and_pytorch_at_half_a_pixel():
    ramp = np.arange(4, dtype=np.uint8)[None, None, :, None] * 10  # [1, 1, 4, 1]
    tf1 = preprocessing.tf1_bilinear(8).apply(ramp)[0, 0, :, 0]
    np.testing.assert_array_equal(tf1, [0, 5, 10, 15, 20, 25, 30, 30])
    pytorch = preprocessing.pytorch_bilinear(8).apply(ramp)[0, 0, :, 0]
    np.testing.assert_array_equal(pytorch, [0, 2.5, 7.5, 12.5, 17.5, 22.5, 27.5, 30])


def test_bilinear_resizing_is_not_antialiased_and_pillows_is():
    """A fine checkerboard becomes gray only where the pixels in between are seen."""
    board = np.indices((64, 64)).sum(0) % 2 * 255
    board = board.astype(np.uint8)[None, ..., None]
    assert np.ptp(preprocessing.clean(16).apply(board)) < 20
    assert np.ptp(preprocessing.tf1_bilinear(16).apply(board)) == 0
    # TensorFlow 1 sees every fourth pixel, and all of these are black.
    assert preprocessing.tf1_bilinear(16).apply(board).max() == 0


def test_only_clean_fids_bicubic_is_cut_to_the_range():
    edge = np.zeros((1, 8, 8, 3), np.uint8)
    edge[:, :, 4:] = 255
    assert preprocessing.pytorch_bicubic(16).apply(edge).max() > 255
    assert preprocessing.clean(16).apply(edge).max() == 255


def test_stored_pixels_come_back_from_what_networks_see():
    stored = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    seen = np.float32(stored) / 127.5 - 1
    np.testing.assert_array_equal(preprocessing.to_uint8(seen), stored)
    beyond = np.float32([[[[-3, 3]]]])
    np.testing.assert_array_equal(preprocessing.to_uint8(beyond), [[[[0, 255]]]])


def test_names_tell_ways_apart():
    names = [way(8).name for way in WAYS.values()]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("images", "said"),
    [
        (np.zeros((1, 4, 4, 3), np.float32), "must be uint8 .* not float32"),
        (np.zeros((1, 4, 4, 2), np.uint8), r"not uint8 \[1, 4, 4, 2\]"),
        (np.zeros((4, 4, 3), np.uint8), r"not uint8 \[4, 4, 3\]"),
        (np.zeros((1, 0, 4, 3), np.uint8), "no pixels"),
    ],
)
def test_what_are_no_images_are_refused(images, said):
    with pytest.raises(UsageError, match=said):
        preprocessing.tf1_bilinear(8).apply(images)


def test_a_size_of_0_is_refused():
    with pytest.raises(UsageError, match="give 1 or more"):
        preprocessing.pil(0)


def test_normalizations_of_unit_images_are_for_255():
    mean = np.array(preprocessing.IMAGENET.mean) / 255
    np.testing.assert_allclose(mean, [0.485, 0.456, 0.406])
    white = 255 - np.array(preprocessing.SYMMETRIC.mean)
    np.testing.assert_allclose(white / preprocessing.SYMMETRIC.deviation, 1)
