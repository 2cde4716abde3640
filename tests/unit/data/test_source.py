"""Built-in data, arrays in files, and what a wrong name is answered with."""

import numpy as np
import pytest

from ganjax.data import Spec, load, read_all, toys
from ganjax.errors import UsageError


def spec(where, **fields):
    return Spec(str(where), **fields)


def save(path, **arrays):
    np.savez(path, **arrays)
    return path


IMAGES = np.random.default_rng(0).integers(0, 256, (6, 5, 7, 3), np.uint8)
LABELS = np.array([3, 10, 3, 10, 7, 3])


def test_digits_divide_without_overlap():
    parts = [read_all(load(spec("digits", split=s))) for s in ("train", "test", "all")]
    train, test, every = (part.x.reshape(-1, 64) for part in parts)
    assert (len(train), len(test), len(every)) == (899, 898, 1797)
    both = np.concatenate([train, test])
    np.testing.assert_array_equal(np.sort(both, axis=0), np.sort(every, axis=0))
    assert every.max() == 255 and every.min() == 0


def test_digits_are_images_with_ten_classes():
    source = load(spec("digits", size=32, channels=3))
    batch = source.read(np.array([5, 0, 5]))
    assert source.shape == (32, 32, 3) and batch.x.shape == (3, 32, 32, 3)
    assert batch.x.dtype == source.dtype == np.uint8
    assert batch.label.dtype == np.int32
    assert source.classes == tuple("0123456789")
    np.testing.assert_array_equal(batch.x[0], batch.x[2])
    np.testing.assert_array_equal(batch.x[..., 0], batch.x[..., 1])


@pytest.mark.parametrize("where, modes", [("ring", 8), ("grid", 25)])
def test_toys_lie_about_their_centers(where, modes):
    centers = getattr(toys, f"{where}_centers")()
    sd = getattr(toys, f"{where}_sd".upper())
    source = load(spec(where))
    point, label = read_all(source)
    assert centers.shape == (modes, 2) and len(source.classes) == modes
    assert point.dtype == source.dtype == np.float32 and source.shape == (2,)
    np.testing.assert_allclose((point - centers[label]).std(0), sd, rtol=0.02)
    assert np.bincount(label).min() > 0.8 * len(label) / modes
    nearest = np.linalg.norm(point[:, None] - centers, axis=-1).argmin(1)
    np.testing.assert_array_equal(nearest, label)


def test_toys_repeat_and_their_splits_differ():
    rows = np.arange(100)
    train = load(spec("ring")).read(rows).x
    np.testing.assert_array_equal(train, load(spec("ring")).read(rows).x)
    assert np.abs(train - load(spec("ring", split="test")).read(rows).x).max() > 0.1


@pytest.mark.parametrize("where", ["ring", "grid", "digits", "stacked_digits"])
def test_what_is_held_out_is_drawn_by_itself(where):
    """No held-out example is a training example, and their classes come otherwise."""
    rows = np.arange(800)
    train, test = (load(spec(where, split=s)).read(rows) for s in ("train", "test"))
    assert (train.label == test.label).mean() < 0.5
    flat = (x.x.reshape(len(rows), -1).tolist() for x in (train, test))
    assert not set.intersection(*({tuple(x) for x in each} for each in flat))


def test_npz_gives_back_what_was_saved(tmp_path):
    source = load(spec(save(tmp_path / "a.npz", image=IMAGES, label=LABELS)))
    batch = read_all(source)
    np.testing.assert_array_equal(batch.x, IMAGES)
    assert source.classes == ("3", "7", "10")
    np.testing.assert_array_equal(batch.label, [0, 2, 0, 2, 1, 0])


def test_npz_understands_keras_and_numbers_classes_over_both_splits(tmp_path):
    arrays = {"x_train": IMAGES[:4], "y_train": LABELS[:4, None].astype(np.uint8)}
    arrays |= {"x_test": IMAGES[4:], "y_test": LABELS[4:, None]}
    path = save(tmp_path / "a.npz", **arrays)
    train, test = (load(spec(path, split=split)) for split in ("train", "test"))
    assert train.classes == test.classes == ("3", "7", "10")
    np.testing.assert_array_equal(read_all(test).label, [1, 0])
    np.testing.assert_array_equal(read_all(test).x, IMAGES[4:])


def test_npz_without_channels_or_labels(tmp_path):
    np.savez(tmp_path / "a.npz", IMAGES[..., 0])
    source = load(spec(tmp_path / "a.npz"))
    assert source.shape == (5, 7, 1) and source.classes == ()
    assert not read_all(source).label.any()


def test_a_crop_keeps_the_middle_and_a_squeeze_keeps_all(tmp_path):
    image = np.zeros((1, 4, 12, 1), np.uint8)
    image[:, :, 4:8] = 200
    path = save(tmp_path / "a.npz", image=image)
    cropped = read_all(load(spec(path, size=4))).x
    squeezed = read_all(load(spec(path, size=4, crop=False))).x
    assert (cropped == 200).all()
    assert cropped.shape == squeezed.shape == (1, 4, 4, 1) and squeezed.min() < 20


@pytest.mark.parametrize(
    "arrays, says",
    [
        ({"image": IMAGES / 255.0}, "is float64 from 0 to 1: store images as uint8"),
        ({"image": IMAGES.transpose(0, 3, 1, 2)}, r"has shape \(6, 3, 5, 7\)"),
        ({"image": IMAGES[:0]}, "holds no images in split 'train'"),
        ({"image": IMAGES, "label": LABELS[:4]}, "6 images but 4 labels"),
        ({"image": IMAGES, "label": LABELS / 2}, "store labels as whole numbers"),
        ({"label": LABELS}, "save an array named 'image' in it"),
        ({"image": np.array([{}, None])}, "cannot be read as an .npz"),
    ],
)
def test_npz_mistakes(tmp_path, arrays, says):
    path = save(tmp_path / "a.npz", **arrays)
    with pytest.raises(UsageError, match=says):
        load(spec(path))


def test_npz_that_is_cut_off(tmp_path):
    path = save(tmp_path / "a.npz", image=IMAGES)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(UsageError, match="save it again with np.savez"):
        load(spec(path))


@pytest.mark.parametrize(
    "wrong, says",
    [
        (
            spec("digit"),
            r"no data 'digit' \(did you mean digits\?\): give digits, ring",
        ),
        (spec(""), "no data ''"),
        (spec("missing.zip"), "no data 'missing.zip'"),
        (spec("digits", split="val"), "its splits are train, test and all"),
        (spec("digits", channels=2), "--channels 2 is unknown"),
        (spec("digits", size=-1), "--size -1 is not a size"),
        (spec("digits", background=256), "--background 256"),
        (spec("ring", size=32), "no pixels: remove --size"),
        (spec("ring", split="all"), "its splits are train and test"),
    ],
)
def test_a_wrong_spec_is_one_sentence(wrong, says):
    with pytest.raises(UsageError, match=says):
        load(wrong)


def test_mirrored_images_come_after_the_images(tmp_path):
    path = save(tmp_path / "few.npz", image=IMAGES, label=LABELS)
    once, twice = load(spec(path)), load(spec(path, mirror=True))
    assert (once.length, twice.length) == (6, 12)
    image, label = read_all(twice)
    np.testing.assert_array_equal(image, [*IMAGES, *IMAGES[:, :, ::-1]])
    np.testing.assert_array_equal(label, np.tile(read_all(once).label, 2))
    some = twice.read(np.array([7, 2]))
    np.testing.assert_array_equal(some.x, [IMAGES[1, :, ::-1], IMAGES[2]])


def test_points_have_no_mirror_image():
    with pytest.raises(UsageError, match="ring holds no images: remove --mirror"):
        load(spec("ring", mirror=True))
