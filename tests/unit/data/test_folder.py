"""Classes, notes and held-out images of a folder, and what its files turn out to be."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from ganjax.data import Spec, find_unreadable, image_files, load, read_all
from ganjax.errors import FileError, UsageError


def png(value=0, size=(2, 3), mode="L", kind="PNG", **how):
    """An image of one value, of some height and width."""
    file = io.BytesIO()
    Image.new(mode, size[::-1], value).save(file, kind, **how)
    return file.getvalue()


def lay(root, names, table=None):
    """Writes images by their names, each with its place in the list as its value."""
    for i, name in enumerate(names.split()):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(i))
    for name, labels in (table or {}).items():
        (root / name).write_text(json.dumps({"labels": labels}))
    return root


def of(root, split="train", **fields):
    return load(Spec(str(root), split=split, **fields))


# Classes


@pytest.mark.parametrize(
    "names, classes, labels",
    [
        ("cat/1.png", (), [0]),
        ("train/cat/1.png train/cat/2.png test/cat/3.png", (), [0, 0]),
        ("train/b/1.png train/a/2.png test/c/3.png", ("a", "b", "c"), [0, 1]),
        ("train/1.png train/2.png test/c/3.png test/d/4.png", (), [0, 0]),
        ("10/1.png 9/1.png 9/2.png", ("9", "10"), [0, 0, 1]),
    ],
)
def test_classes_are_those_of_all_splits_if_there_are_several(
    tmp_path, names, classes, labels
):
    source = of(lay(tmp_path, names))
    batch = read_all(source)
    assert source.classes == classes and batch.label.tolist() == labels
    assert batch.label.dtype == np.int32


def test_an_empty_folder_beside_images_without_classes_is_not_told(tmp_path):
    (lay(tmp_path, "1.png 2.png") / "empty").mkdir()
    source = of(tmp_path)
    assert source.classes == () and source.report.notes == ()


def test_the_two_kinds_of_a_pair_have_classes_of_their_own(tmp_path):
    names = "trainA/a/1.png trainA/b/2.png testA/c/3.png trainB/x/4.png trainB/y/5.png"
    root = lay(tmp_path, f"{names} testB/x/6.png testB/x/7.png")
    front, back = of(root, "trainA"), of(root, "trainB")
    assert front.classes == ("a", "b", "c") and back.classes == ("x", "y")
    assert [s.report.held_out_name for s in (front, back)] == ["testA", "testB"]
    assert [s.report.held_out for s in (front, back)] == [1, 2]
    assert of(root, "testA").report.held_out == 0


def test_a_split_that_mixes_classes_and_images_is_refused_only_where_it_is_asked_for(
    tmp_path,
):
    root = lay(tmp_path, "train/a/1.png train/b/2.png test/a/3.png test/4.png")
    assert of(root).classes == ("a", "b")
    with pytest.raises(UsageError, match="both in class folders and next to them"):
        of(root, "test")


@pytest.mark.parametrize(
    "split, absent",
    [
        ("train", "train is of the class eel."),
        ("test", "test is of the classes cat, dog."),
    ],
)
def test_classes_that_a_split_does_not_have_are_told(tmp_path, split, absent):
    root = lay(tmp_path, "train/cat/1.png train/dog/2.png test/eel/3.png")
    assert of(root, split).report.notes == (f"No image of {absent}",)


def test_classes_whose_names_look_alike_are_told(tmp_path):
    names = "caf\u00e9/1.png cafe\u0301/2.png Dog/3.png dog/4.png cat/5.png"
    (told,) = of(lay(tmp_path, names)).report.notes
    assert told == (
        "Classes Dog, dog, cafe\u0301 and 1 more differ only in case or in the encoding "
        "of letters."
    )


# Labels of NVIDIA's


def test_what_a_table_of_labels_means_is_told(tmp_path):
    root = lay(tmp_path / "a", "1.png 2.png", {"dataset.json": None})
    assert of(root).report.notes == ("dataset.json says that there are no classes.",)
    labels = [["1.png", 0], ["2.png", 1], ["3.png", 1], ["4.png", 2]]
    root = lay(tmp_path / "b", "1.png 2.png", {"dataset.json": labels})
    source = of(root)
    assert source.classes == ("0", "1") and source.report.notes == (
        "dataset.json gives the classes.",
        "dataset.json has labels for images that do not exist (2).",
    )
    assert set(source.inventory()) == {"1.png", "2.png", "dataset.json"}
    assert not source.report.skipped


def test_a_table_with_a_label_for_each_image_is_only_said_to_be_there(tmp_path):
    labels = [["1.png", 0], ["2.png", 1]]
    root = lay(tmp_path, "1.png 2.png", {"dataset.json": labels})
    assert of(root).report.notes == ("dataset.json gives the classes.",)


def test_one_table_may_have_the_labels_of_all_splits(tmp_path):
    labels = [["train/1.png", 0], ["train/2.png", 3], ["test/1.png", 5]]
    names = "train/1.png train/2.png test/1.png"
    root = lay(tmp_path / "common", names, {"dataset.json": labels})
    source = of(root)
    assert source.classes == ("0", "3", "5")
    assert read_all(source).label.tolist() == [0, 1]
    assert source.report.notes == (
        "dataset.json gives the classes.",
        "No image of train is of the class 5.",
    )
    own = {"train/dataset.json": [["1.png", 0], ["2.png", 3], ["9.png", 3]]}
    told = of(lay(tmp_path / "own", names, own)).report.notes
    assert "dataset.json has labels for images that do not exist (1)." in told


def test_folders_that_are_only_parts_of_one_set_are_told(tmp_path):
    names = "00000/img1.png 00001/img1001.png 00002/img2001.png"
    source = of(lay(tmp_path, names))
    assert source.classes == () and source.report.notes == (
        "Folders 00000 to 00002 are shards of one set and not classes, as the numbers of "
        "their files show.",
    )


# What is reported


def test_what_is_held_out_or_not_used_is_told_to_those_who_train(tmp_path):
    names = "d/train/1.png d/valid/2.png d/valid/3.png d/test/4.png d/x/5.png"
    root = lay(tmp_path, names)
    (root / "d" / "note.TXT").write_text("")
    report = of(root).report
    assert report == (1, "test", {".txt": 1}, ("Not used: valid (2), x (1).",))
    held_out = of(root, "test").report
    assert held_out == (0, "", {".txt": 1}, ())
    for file in (root / "d" / "test").iterdir():
        file.unlink()
    report = of(root).report
    assert (report.held_out, report.held_out_name) == (2, "valid")
    assert report.notes == ("Not used: x (1).",)


def test_names_are_those_below_the_split_in_natural_order(tmp_path):
    root = lay(tmp_path, "d/train/b/1.png d/train/a/10.png d/train/a/9.png d/val/1.png")
    source = of(root)
    assert source.names == ("a/9.png", "a/10.png", "b/1.png")
    assert read_all(source).x[:, 0, 0, 0].tolist() == [2, 1, 0]
    assert set(source.inventory()) == {f"train/{name}" for name in source.names}


def test_what_decoding_changes_is_counted(tmp_path):
    deep = io.BytesIO()
    Image.fromarray(np.zeros((2, 3), np.uint16)).save(deep, "PNG")
    for i in range(2):
        (tmp_path / f"{i}.png").write_bytes(deep.getvalue())
    told = "have more than 8 bits per channel, cut to 8."
    assert of(tmp_path).report.notes == (f"All 2 images {told}",)
    inks = png((0,) * 4, mode="CMYK", kind="TIFF")
    for i in range(3):
        (tmp_path / f"inks{i}.tif").write_bytes(inks)
    (tmp_path / "x.png").write_bytes(png())
    assert of(tmp_path, channels=3).report.notes == (
        "3 of 6 images have CMYK, converted to RGB.",
        f"2 of 6 images {told}",
    )


# Files that are not what they seem


def test_sizes_that_differ_are_told_with_the_paths_of_two_files(tmp_path):
    lay(tmp_path, "1.png 2.png")
    (tmp_path / "3.png").write_bytes(png(size=(5, 4)))
    with pytest.raises(UsageError) as caught:
        of(tmp_path)
    assert f"({tmp_path}/1.png is 2x3, {tmp_path}/3.png is 5x4)" in str(caught.value)


@pytest.mark.parametrize("promised", [(3, 2, 1), (2, 3, 3)])
def test_pixels_that_are_not_what_the_header_promised_name_their_file(
    tmp_path, monkeypatch, promised
):
    lay(tmp_path, "1.png 2.png")
    stored_shape = image_files.stored_shape
    monkeypatch.setattr(image_files, "stored_shape", lambda *args: promised)
    source = of(tmp_path)
    monkeypatch.setattr(image_files, "stored_shape", stored_shape)
    says = rf"2.png has shape \(2, 3, 1\), but its header promised \({promised[0]}, "
    with pytest.raises(FileError, match=says) as caught:
        source.read(np.array([1]))
    assert caught.value.file == f"{tmp_path}/2.png"
    assert caught.value.problem.startswith("has shape (2, 3, 1), but")
    assert len(find_unreadable(source)) == 2
    (error,) = source.find_errors(np.array([1]))
    assert error.file == f"{tmp_path}/2.png"


def test_a_bad_header_is_told_with_every_file_that_cannot_be_decoded(tmp_path):
    lay(tmp_path, "1.png 2.png 3.png 4.png")
    (tmp_path / "2.png").write_bytes(b"no image")
    whole = png(size=(40, 40), mode="RGB", compress_level=0)
    (tmp_path / "4.png").write_bytes(whole[: len(whole) // 2])  # of another size, too
    with pytest.raises(
        UsageError, match=r"^2 of the 4 images .*\(2.png \(.*, 4.png \("
    ):
        of(tmp_path)
    (tmp_path / "4.png").unlink()
    with pytest.raises(FileError, match="^.*/2.png cannot be read as an image"):
        of(tmp_path)
