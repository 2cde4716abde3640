"""Arrays in an .npz: what each is for by its name, and what is said of the others."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from ganjax.data import Spec, load, read_all
from ganjax.errors import NoSplit, UsageError


def gray(value, count=1):
    """As many images of one value."""
    return np.full((count, 2, 3), value, np.uint8)


def of(path, arrays, **fields):
    np.savez(path / "a.npz", **arrays)
    return load(Spec(str(path / "a.npz"), **fields))


# The most preferred ones first.
IMAGES = "image images img imgs x data x_train arr_0".split()
LABELS = "label labels y train_y".split()


@pytest.mark.parametrize("first, second", [*zip(IMAGES, IMAGES[1:], strict=False)])
def test_of_two_arrays_of_images_the_one_with_the_more_usual_name_is_read(
    tmp_path, first, second
):
    for names in ((first, second), (second, first)):
        arrays = {name: gray(9 if name == first else 7) for name in names}
        source = of(tmp_path, arrays)
        assert (read_all(source).x == 9).all()
        assert source.report.notes == (f"Arrays that are not used: {second}.",)


@pytest.mark.parametrize("first, second", [*zip(LABELS, LABELS[1:], strict=False)])
def test_of_two_arrays_of_labels_the_one_with_the_more_usual_name_is_read(
    tmp_path, first, second
):
    for names in ((first, second), (second, first)):
        labels = {name: np.array([4 if name == first else 5]) for name in names}
        assert of(tmp_path, {"image": gray(9), **labels}).classes == ("4",)


@pytest.mark.parametrize(
    "name, split",
    [
        ("X_Train", "train"),
        ("trn_IMGS", "train"),
        ("image_val", "val"),
        ("Valid_Data", "val"),
        ("tst_x", "test"),
        ("images_Testing", "test"),
    ],
)
def test_a_split_stands_before_or_after_the_name_in_any_case(tmp_path, name, split):
    arrays = {"image": gray(7), name: gray(9, 2)}
    if split == "train":
        del arrays["image"]
    assert (read_all(of(tmp_path, arrays, split=split)).x == 9).all()


@pytest.mark.parametrize(
    "name", ["trainA_images", "image_testb", "image_extra", "test", "my_test_image"]
)
def test_other_names_are_no_splits_and_are_told(tmp_path, name):
    source = of(tmp_path, {"image": gray(9), name: gray(7)})
    assert source.report == (0, "", {}, (f"Arrays that are not used: {name}.",))
    assert (read_all(source).x == 9).all()
    with pytest.raises(NoSplit, match="save an array named 'image_test' in it"):
        of(tmp_path, {"image": gray(9), name: gray(7)}, split="test")


@pytest.mark.parametrize("split", ["trainA", "train_images", "extra"])
def test_an_npz_has_three_splits_and_no_domains(tmp_path, split):
    with pytest.raises(NoSplit, match="the splits of an .npz are train, test and val"):
        of(tmp_path, {"image": gray(9)}, split=split)


def test_what_is_not_read_may_be_of_any_kind(tmp_path):
    source = of(tmp_path, {"image": gray(9), "meta": np.array([{}, None])})
    assert source.report.notes == ("Arrays that are not used: meta.",)


def test_held_out_images_are_told_to_those_who_train(tmp_path):
    arrays = {"x_train": gray(9, 5), "x_valid": gray(8, 2), "x_test": gray(7, 3)}
    report = of(tmp_path, arrays).report
    assert report == (3, "x_test", {}, ("Arrays that are not used: x_valid.",))
    for split, value in (("val", 8), ("test", 7)):
        held_out = of(tmp_path, arrays, split=split)
        assert held_out.report == () + type(report)()
        assert (read_all(held_out).x == value).all()
    del arrays["x_test"]
    assert of(tmp_path, arrays).report == (2, "x_valid", {}, ())
    arrays["x_valid"] = np.uint8(3)  # is no mistake until it is asked for
    assert of(tmp_path, arrays).report.held_out == 0


def test_only_images_without_any_bright_pixel_are_told_to_look_black(tmp_path):
    told = "No pixel of 'x_test' is above 1, where 255 is white"
    for value, says in ((0, True), (1, True), (2, False)):
        arrays = {"x_train": gray(9), "x_test": gray(value)}
        notes = of(tmp_path, arrays, split="test").report.notes
        assert any(note.startswith(told) for note in notes) == says
        assert not of(tmp_path, arrays).report.notes


def test_classes_of_large_numbers_are_told_apart_in_every_dtype(tmp_path):
    arrays = {"x_train": gray(9, 3), "x_test": gray(7, 2)}
    arrays["y_train"] = np.array([2**53 + 1, 2**53, -7])
    arrays["y_test"] = np.array([2**63, 2**53], np.uint64)
    train, test = (of(tmp_path, arrays, split=split) for split in ("train", "test"))
    assert train.classes == ("-7", str(2**53), str(2**53 + 1), str(2**63))
    assert test.classes == train.classes
    assert read_all(train).label.tolist() == [2, 1, 0]
    assert read_all(test).label.tolist() == [3, 1]


@pytest.mark.parametrize(
    "label, says",
    [
        (np.eye(2, dtype=int), r"'label' of .*a.npz is int64 \[2, 2\]: store labels"),
        (np.array(["cat", "dog"]), r"is <U3 \[2\]: store labels as whole numbers"),
        (np.int64(1), r"is int64 \[\]: store labels as whole numbers"),
    ],
)
def test_labels_are_one_whole_number_for_each_image(tmp_path, label, says):
    with pytest.raises(UsageError, match=says):
        of(tmp_path, {"image": gray(9, 2), "label": label})


@pytest.mark.parametrize(
    "shape", [(2, 3), (1, 4, 5, 2), (1, 4, 5, 0), (2, 0, 3), (2, 3, 0, 1), (1,) * 5]
)
def test_images_have_two_axes_of_pixels_and_one_three_or_four_channels(tmp_path, shape):
    with pytest.raises(UsageError, match=r"store images as \[n, h, w\] or"):
        of(tmp_path, {"image": np.zeros(shape, np.uint8)})


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_images_of_an_array_keep_their_channels(tmp_path, channels):
    image = np.arange(30 * channels, dtype=np.uint8).reshape(1, 5, 6, channels)
    np.testing.assert_array_equal(read_all(of(tmp_path, {"image": image})).x, image)


@pytest.mark.parametrize(
    "values, says",
    [
        (np.float32([-0.5, 2]), "is float32 from -0.5 to 2"),
        (np.float32([-1.5, 1]), "is float32 from -1.5 to 1"),
        (np.float32([0, 256]), "is float32 from 0 to 256"),
        (np.int32([-1, 255]), "is int32 from -1 to 255"),
        (np.int32([0, 70_000]), "is int32 from 0 to 70000"),
        (np.float32([0, np.inf]), "is float32 and not finite"),
        (np.zeros(0), "is float64"),
    ],
)
def test_no_conversion_is_advised_where_the_range_is_not_a_usual_one(
    tmp_path, values, says
):
    with pytest.raises(UsageError) as caught:
        of(tmp_path, {"image": values.reshape(-1, 1, 2)})
    end = f"{says}: store images as uint8 from 0 to 255."
    assert str(caught.value).endswith(end)


@pytest.mark.parametrize("values", [[0, 256], [0, 65535]])
def test_numbers_above_255_lose_their_lower_byte(tmp_path, values):
    with pytest.raises(UsageError, match=r"as by \(image >> 8\).astype\(np.uint8\)"):
        of(tmp_path, {"image": np.uint16(values).reshape(-1, 1, 2)})


def test_an_inventory_tells_images_and_labels_apart(tmp_path):
    arrays = {"image": gray(9, 2), "label": np.array([0, 1])}
    one = of(tmp_path, arrays).inventory()
    other = of(tmp_path, {**arrays, "label": np.array([1, 0])}).inventory()
    assert one.keys() == {"image", "label"} and one["image"] == other["image"]
    assert one["label"] != other["label"]


def test_all_digits_are_in_the_order_of_scikit_learn():
    stored, every = load_digits(), read_all(load(Spec("digits", split="all")))
    np.testing.assert_array_equal(every.label, stored.target)
    shown = np.abs(every.x[..., 0] - stored.images * 255 / 16)
    assert shown.max() <= 0.5


def test_digits_are_divided_as_they_always_were():
    """Scores of runs long ago are of the same digits."""
    train, test = (load(Spec("digits", split=split)) for split in ("train", "test"))
    assert train.inventory() == {"image": "57536:01a8cc9f", "label": "3596:af7d2132"}
    assert test.inventory() == {"image": "57472:b377f5a6", "label": "3592:5880cf81"}
