"""What is said of images, and how a grid of them is laid out."""

import numpy as np
import pytest
from PIL import Image

from ganjax.core import Pair
from ganjax.data.source import Source, Spec, example_struct
from ganjax.modalities import IMAGES, images
from ganjax.modalities.images import grid


RNG = np.random.default_rng(0)


def shades(*values, side=8, channels=1):
    flat = np.asarray(values, np.float32)[:, None, None, None]
    return np.broadcast_to(flat, (len(values), side, side, channels)).copy()


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((8, 16, 1), "images of 8x16 pixels and 1 channel"),
        ((8, 16, 3), "images of 8x16 pixels and 3 channels"),
        ((8, 16), "examples of shape (8, 16)"),
    ],
)
def test_an_example_is_described_by_its_height_width_and_channels(shape, words):
    assert IMAGES.describe(shape) == words


@pytest.mark.parametrize(
    ("made", "real", "words"),
    [
        ((8, 8, 3), (8, 9, 3), "change --size, or what"),
        ((9, 8, 3), (8, 8, 3), "change --size, or what"),
        ((8, 8, 3), (8, 8, 1), "change --channels, or what"),
        ((8, 8, 3), (9, 9, 1), "change --size and --channels, or what"),
        ((8, 8), (8, 8, 1), "change the data or the networks"),
        ((8, 8, 1), (64,), "change the data or the networks"),
    ],
)
def test_shapes_that_differ_can_be_mended_by_flags(made, real, words):
    assert IMAGES.remedy(made, real).startswith(words)


@pytest.mark.parametrize(
    ("classes", "count"),
    [(0, 64), (1, 64), (2, 64), (3, 63), (10, 60), (12, 60), (13, 64)],
)
def test_a_picture_has_as_many_images_of_each_of_a_few_classes(classes, count):
    assert IMAGES.preview(classes) == count


@pytest.mark.parametrize(
    ("classes", "columns"),
    [(0, None), (1, None), (2, 4), (3, 6), (4, 4), (12, 12), (13, None)],
)
def test_each_column_is_of_one_class_if_there_are_few(classes, columns, monkeypatch):
    asked = []

    def record(samples, columns=None):
        asked.append(columns)
        return Image.new("L", (8, 8))

    monkeypatch.setattr(images, "grid", record)
    IMAGES.render(shades(*range(24)), classes, real=shades(1))
    assert asked == [columns]


def test_both_images_of_a_pair_are_decoded_to_the_range_of_networks():
    levels = np.array([0, 51, 255], np.uint8).reshape(1, 1, 3, 1)
    source, target = IMAGES.decode(Pair(levels, levels[:, :, :2]))
    np.testing.assert_allclose(source.ravel(), [-1, -0.6, 1], atol=1e-6)
    np.testing.assert_allclose(target.ravel(), [-1, -0.6], atol=1e-6)


@pytest.mark.parametrize(
    ("h", "w", "columns", "factor"),
    [
        (8, 8, 4, 13),  # four columns of 8 are 400 wide at a factor of 12.5
        (48, 100, 4, 1),
        (47, 100, 4, 2),
        (100, 47, 9, 2),
        (100, 48, 9, 1),
        (16, 16, 50, 1),  # 48 pixels a side would be wider than 1000
        (16, 16, 25, 2),
        (25, 25, 20, 1),  # with the gaps they would be wider than 1000 at a factor of 2
        (300, 300, 5, 1),
    ],
)
def test_small_images_are_enlarged_until_they_can_be_seen(h, w, columns, factor):
    assert images._factor(h, w, columns) == factor


def test_images_are_laid_row_by_row_also_if_they_are_not_square():
    x = RNG.uniform(-1, 1, (5, 300, 400, 3)).astype(np.float32)
    sheet = np.asarray(grid(x, columns=3))
    wanted = np.full((602, 1204, 3), images.GAP_GRAY, np.uint8)
    for i, image in enumerate(np.rint((x + 1) * 127.5)):
        top, left = i // 3 * 302, i % 3 * 402
        wanted[top : top + 300, left : left + 400] = image
    np.testing.assert_array_equal(sheet, wanted)


def test_a_grid_is_about_as_wide_as_high_and_never_wider_than_it_has_images():
    for n, h, w, columns in ((12, 300, 900, 2), (12, 900, 300, 6), (3, 500, 500, 2)):
        width, height = grid(np.zeros((n, h, w, 1), np.float32)).size
        assert (width + 2) // (w + 2) == columns
        assert (height + 2) // (h + 2) == -(-n // columns)
    assert grid(shades(0, 0, side=500), columns=9).size == (1002, 500)


def test_a_sheet_that_is_too_large_is_reduced_by_a_whole_factor(monkeypatch):
    monkeypatch.setattr(images, "MAX_SIDE", 500)
    assert grid(shades(0, side=500)).size == (500, 500)
    assert grid(shades(0, 0, side=500), columns=2).size == (334, 167)


def test_samples_are_written_as_a_picture_or_as_the_bytes_that_are_stored(tmp_path):
    samples, labels = shades(-1, 0.2, 7, side=500), np.array([2, 0, 1])
    assert {*IMAGES.files} == {".png", ".npz"}
    assert IMAGES.max_samples == {".png": 256 * 256}
    for ending, save in IMAGES.files.items():
        save(tmp_path / "deep" / f"a{ending}", samples, labels)
    with Image.open(tmp_path / "deep" / "a.png") as drawn:
        np.testing.assert_array_equal(np.asarray(drawn), np.asarray(grid(samples)))
    with np.load(tmp_path / "deep" / "a.npz") as arrays:
        assert {*arrays} == {"image", "label"} and arrays["image"].dtype == np.uint8
        np.testing.assert_array_equal(arrays["image"][:, 0, 0, 0], [0, 153, 255])
        np.testing.assert_array_equal(arrays["label"], labels)


def test_images_have_a_name_and_a_summary():
    unused = lambda rows: pytest.fail("nothing is read")
    source = Source(Spec("a"), 9, example_struct((8, 16, 3)), (), unused)
    assert IMAGES.name == "images"
    assert IMAGES.summary(source) == "9 images of 8x16x3"
