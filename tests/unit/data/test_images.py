"""Folders and .zip files of images, good and bad."""

import zipfile

import numpy as np
import pytest
from PIL import Image

from ganjax.data import Spec, image_files, load, read_all
from ganjax.errors import EmptySplit, NoSplit, UsageError


RNG = np.random.default_rng(0)


def picture(mode="RGB", size=(8, 8)):
    return Image.fromarray(RNG.integers(0, 256, (*size[::-1], 3), np.uint8)).convert(
        mode
    )


def lay(root, *names, **kind):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        picture(**kind).save(root / name)


def pack(root):
    path = root.with_suffix(".zip")
    with zipfile.ZipFile(path, "w") as archive:
        for file in root.rglob("*"):
            archive.write(file, f"{root.name}/{file.relative_to(root)}")
    return path


def spec(path, **fields):
    return Spec(str(path), **fields)


@pytest.fixture(params=["folder", "zip"])
def place(request, tmp_path):
    """A folder to fill, and the path to give to `load` once it is full."""
    root = tmp_path / "data"
    root.mkdir()
    return root, lambda: root if request.param == "folder" else pack(root)


def test_nested_folders_are_classes(place):
    root, done = place
    lay(root, "cat/b.png", "cat/a.PNG", "dog/deep/c.bmp", ".hidden/x.png")
    lay(root, "__MACOSX/cat/b.png", "cat/.DS.png")
    (root / "cat" / "notes.txt").write_text("no image")
    source = load(spec(done()))
    batch = read_all(source)
    assert source.classes == ("cat", "dog") and source.length == 3
    np.testing.assert_array_equal(batch.label, [0, 0, 1])
    for row, name in enumerate(["cat/a.PNG", "cat/b.png", "dog/deep/c.bmp"]):
        stored = np.asarray(Image.open(root / name).convert("RGB"))
        np.testing.assert_array_equal(batch.x[row], stored)


def test_flat_has_no_classes_and_reads_in_any_order(place):
    root, done = place
    lay(root, *(f"{i}.png" for i in range(5)), mode="L")
    source = load(spec(done()))
    assert source.classes == () and source.shape == (8, 8, 1)
    rows = np.array([4, 0, 0, 2])
    np.testing.assert_array_equal(source.read(rows).x, read_all(source).x[rows])
    assert not source.read(rows).label.any()


def test_splits_share_their_classes(place):
    root, done = place
    lay(root, "train/a/1.png", "train/c/2.png", "val/b/3.png", "val/c/4.png")
    train = load(spec(done()))
    val, test = (load(spec(done(), split=split)) for split in ("val", "test"))
    assert train.classes == val.classes == ("a", "b", "c")
    np.testing.assert_array_equal(read_all(train).label, [0, 2])
    np.testing.assert_array_equal(read_all(val).label, [1, 2])
    np.testing.assert_array_equal(read_all(test).x, read_all(val).x)


def test_train_may_be_a_class(tmp_path):
    lay(tmp_path, "train/1.png", "bus/2.png")
    assert load(spec(tmp_path)).classes == ("bus", "train")


def test_channels_are_as_asked(tmp_path):
    lay(tmp_path, "1.png")
    gray = read_all(load(spec(tmp_path, channels=1))).x
    assert gray.shape == (1, 8, 8, 1)
    expected = np.asarray(Image.open(tmp_path / "1.png").convert("L"))
    np.testing.assert_array_equal(gray[0, ..., 0], expected)
    alpha = read_all(load(spec(tmp_path, channels=4))).x
    assert (alpha[..., 3] == 255).all()


@pytest.mark.parametrize("background", [255, 0])
def test_transparency_lies_over_the_background(tmp_path, background):
    pixels = np.zeros((4, 4, 4), np.uint8)
    pixels[:2] = [200, 100, 50, 255]
    Image.fromarray(pixels).save(tmp_path / "1.png")
    kept = read_all(load(spec(tmp_path))).x[0]
    np.testing.assert_array_equal(kept, pixels)
    seen = read_all(load(spec(tmp_path, channels=3, background=background))).x[0]
    assert (seen[:2] == [200, 100, 50]).all() and (seen[2:] == background).all()


def test_palette_16_bits_and_one_bit(tmp_path):
    palette = picture().quantize(16)
    palette.save(tmp_path / "1.png")
    wide = np.arange(64, dtype=np.uint16).reshape(8, 8) * 1024
    Image.fromarray(wide).save(tmp_path / "2.png")
    picture("1").save(tmp_path / "3.png")
    first, second, third = read_all(load(spec(tmp_path, channels=3))).x
    np.testing.assert_array_equal(first, np.asarray(palette.convert("RGB")))
    np.testing.assert_array_equal(second[..., 0], wide >> 8)
    assert set(np.unique(third)) <= {0, 255}


def test_exif_turns_the_image_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    for name in ("1.jpg", "2.png"):
        picture(size=(16, 8)).save(tmp_path / name, exif=exif)
    assert load(spec(tmp_path)).shape == (16, 8, 3)
    assert read_all(load(spec(tmp_path))).x.shape == (2, 16, 8, 3)


def test_every_extension_reads(tmp_path):
    names = [f"{i}.{e}" for i, e in enumerate("png jpg jpeg webp bmp tif tiff".split())]
    lay(tmp_path, *names)
    assert read_all(load(spec(tmp_path))).x.shape == (7, 8, 8, 3)
    lay(tmp_path, "9.gif")
    assert read_all(load(spec(tmp_path, channels=3, size=16))).x.shape[0] == 8


def test_resizing_does_not_alias(tmp_path):
    board = np.indices((64, 64)).sum(0) % 2 * 255
    Image.fromarray(board.astype(np.uint8)).save(tmp_path / "1.png")
    small = read_all(load(spec(tmp_path, size=8))).x
    assert np.abs(small[:, 2:-2, 2:-2].astype(int) - 127).max() <= 2


def test_a_parallel_map_keeps_order():
    squares = image_files.parallel_map(lambda x: x * x, range(101))
    assert squares == [x * x for x in range(101)]
    assert image_files.parallel_map(lambda x: x, []) == []


def test_mixed_sizes_and_channels(place):
    root, done = place
    lay(root, "1.png")
    lay(root, "2.png", size=(10, 6))
    path = done()
    with pytest.raises(UsageError, match=r"1.png is 8x8, .*2.png is 6x10\).* --size"):
        load(spec(path))
    assert load(spec(path, size=8)).shape == (8, 8, 3)
    lay(root, "3.png", mode="RGBA")
    path = done()
    with pytest.raises(UsageError, match=r"1.png has 3, .*3.png has 4\).* --channels"):
        load(spec(path, size=8))
    assert read_all(load(spec(path, size=8, channels=3))).x.shape == (3, 8, 8, 3)


def test_a_file_that_is_no_image_is_found_at_load(place):
    root, done = place
    lay(root, "1.png")
    for bad in (b"", b"not an image"):
        (root / "2.png").write_bytes(bad)
        with pytest.raises(UsageError, match="2.png cannot be read as an image"):
            load(spec(done()))


@pytest.mark.parametrize("name", ["2.png", "2.jpg"])
def test_a_truncated_image_is_named_when_it_is_read(place, name):
    root, done = place
    lay(root, "1.png", name, size=(64, 64))
    data = (root / name).read_bytes()
    (root / name).write_bytes(data[: len(data) // 2 + 300])
    source = load(spec(done()))
    assert source.read(np.array([0])).x.shape == (1, 64, 64, 3)
    with pytest.raises(UsageError, match=f"{name} cannot be read as an image"):
        read_all(source)


def test_nothing_there(place):
    root, done = place
    (root / "notes.txt").write_text("no image")
    with pytest.raises(UsageError, match="holds no images"):
        load(spec(done()))


def test_no_such_split(place):
    root, done = place
    lay(root, "a/1.png", "b/1.png")
    with pytest.raises(NoSplit, match="no split 'test', all of it is 'train'"):
        load(spec(done(), split="test"))
    lay(root / "c", "train/1.png", "test/1.png")
    with pytest.raises(NoSplit, match="its splits are test, train"):
        load(spec(root / "c", split="extra"))


def test_a_held_out_folder_without_images_is_refused_where_it_is_asked_for(place):
    root, done = place
    lay(root, "train/1.png", "train/2.png")
    (root / "test").mkdir()
    (root / "test" / "notes.txt").write_text("no image")
    where = done()
    assert load(spec(where)).report.held_out == 0
    with pytest.raises(EmptySplit, match="The folder test of .* holds no images"):
        load(spec(where, split="test"))


def test_images_beside_class_folders(place):
    root, done = place
    lay(root, "a/1.png", "stray.png")
    with pytest.raises(UsageError, match=r"next to them \(.*stray.png\)"):
        load(spec(done()))


def test_a_zip_that_is_none_and_a_member_that_is_damaged(tmp_path):
    path = tmp_path / "data.zip"
    path.write_bytes(b"PK no zip")
    with pytest.raises(UsageError, match="cannot be read as a .zip"):
        load(spec(path))
    with zipfile.ZipFile(path, "w") as archive:
        lay(tmp_path, "1.png", size=(64, 64))
        archive.write(tmp_path / "1.png", "1.png")
    data = bytearray(path.read_bytes())
    data[6000] ^= 255
    path.write_bytes(data)
    with pytest.raises(UsageError, match=r"data.zip:1.png cannot be read"):
        read_all(load(spec(path)))


def test_32_bit_pixels(tmp_path):
    Image.fromarray(np.ones((4, 4), np.float32)).save(tmp_path / "1.tif")
    with pytest.raises(UsageError, match="1.tif stores 32 bits per pixel"):
        read_all(load(spec(tmp_path)))
