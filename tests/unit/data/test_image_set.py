import zipfile

import numpy as np
import pytest
from PIL import Image

from ganjax.data.image_set import image_set, parts, resized
from ganjax.errors import UsageError


def some(rng, h, w, c):
    return rng.integers(0, 256, (h, w, c), dtype=np.uint8)


@pytest.fixture
def folder(tmp_path):
    """Images of three modes and sizes in nested folders, and a text."""
    rng = np.random.default_rng(0)
    (tmp_path / "set" / "train").mkdir(parents=True)
    gray, color, clear = some(rng, 5, 7, 1), some(rng, 8, 6, 3), some(rng, 4, 4, 4)
    Image.fromarray(gray[..., 0]).save(tmp_path / "set" / "a.png")
    Image.fromarray(color).save(tmp_path / "set" / "train" / "b.png")
    Image.fromarray(clear).save(tmp_path / "set" / "train" / "c.PNG")
    (tmp_path / "set" / "notes.txt").write_text("not an image")
    return tmp_path / "set", (gray, color, clear)


def test_images_of_any_size_are_read_as_rgb_whatever_folder_they_are_in(folder):
    path, (gray, color, clear) = folder
    found = image_set(str(path))
    assert found.length == 3
    images = found.read(np.arange(3))
    np.testing.assert_array_equal(images[0], gray.repeat(3, -1))
    np.testing.assert_array_equal(images[1], color)
    # As `convert("RGB")` does it, which drops transparency.
    np.testing.assert_array_equal(images[2], clear[..., :3])
    np.testing.assert_array_equal(found.read(np.array([1]))[0], color)
    assert found.notes == ("Files that are not images were left out (1 .txt).",)


def test_a_zip_holds_what_its_folder_does(folder):
    path, _ = folder
    archive = path.parent / "set.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for each in sorted(path.rglob("*.*")):
            file.write(each, each.relative_to(path))
    for one, other in zip(
        image_set(str(path)).read(np.arange(3)),
        image_set(str(archive)).read(np.arange(3)),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)


def test_a_broken_file_is_named_before_anything_is_computed(folder):
    path, _ = folder
    (path / "d.png").write_text("junk")
    with pytest.raises(UsageError, match=r"d\.png cannot be read as an image"):
        image_set(str(path))
    (path / "e.png").write_text("junk")
    with pytest.raises(UsageError, match=r"2 of the 5 images .* cannot be used"):
        image_set(str(path))


def test_a_folder_without_images_and_data_that_are_no_images_are_refused(tmp_path):
    with pytest.raises(UsageError, match="holds no images"):
        image_set(str(tmp_path))
    with pytest.raises(UsageError, match="does not hold single images"):
        image_set("ring")


def test_an_npz_and_a_named_set_have_labels_and_one_shape(tmp_path):
    image = some(np.random.default_rng(0), 9 * 4, 4, 3).reshape(9, 4, 4, 3)
    np.savez(tmp_path / "samples.npz", arr_0=image)
    found = image_set(str(tmp_path / "samples.npz"))
    np.testing.assert_array_equal(np.stack(found.read(np.arange(9))), image)
    assert found.label is None
    digits = image_set("digits", "test")
    assert digits.length == 898 and digits.label.shape == (898,)
    assert set(digits.label) == set(range(10))
    assert digits.read(np.arange(2))[0].shape == (8, 8, 1)


def test_resized_images_are_squares_of_one_size(folder):
    path, _ = folder
    images = resized(image_set(str(path)), 6).read(np.arange(3))
    assert {image.shape for image in images} == {(6, 6, 3)}


def test_parts_are_all_rows_once():
    found = list(parts(7, 3))
    assert [len(part) for part in found] == [3, 3, 1]
    np.testing.assert_array_equal(np.concatenate(found), np.arange(7))
