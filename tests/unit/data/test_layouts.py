"""Sets of images as people bring them: what is found in them is what they hold.

Every expectation is read here, by PIL and `os.walk` or from what the test wrote itself.
"""

import errno
import json
import os
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganjax.data import (
    Spec,
    describe,
    find_unreadable,
    load,
    read_all,
    unreadable_error,
)
from ganjax.data.describe import summarize_points
from ganjax.data.names import (
    listed,
    natural_key,
    printable,
    shortened,
    sort_classes,
)
from ganjax.data.splits import parse
from ganjax.errors import FileError, NoSplit, UsageError


RNG = np.random.default_rng(0)
NVIDIA = [  # as NVIDIA's dataset_tool.py names them, a thousand to a folder
    *("00000/img00000000.png", "00000/img00000999.png"),
    *("00001/img00001000.png", "00001/img00001001.png"),
]


def lay(root, *names, size=(6, 6)):
    """Writes an image of noise by each name."""
    for name in names:
        path = Path(root, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        image = Image.fromarray(RNG.integers(0, 256, (*size, 3), np.uint8))
        endings = {".jfif": "JPEG", ".jpe": "JPEG"}
        image.save(path, format=endings.get(path.suffix.lower()))
    return root


def pack(root, above=True):
    """A .zip of a folder, with the folder itself `above` its files or without."""
    path = root.with_name(f"{root.name}{above}.zip")
    with zipfile.ZipFile(path, "w") as archive:
        for file in root.rglob("*"):
            name = file.relative_to(root)
            archive.write(file, f"{root.name}/{name}" if above else name)
    return path


def packed(path, entries):
    """A .zip of entries under the very names that are given."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return path


def bits(tmp_path, seed=0):
    """The bytes of a .png and the pixels in it."""
    pixels = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "bits.png")
    return (tmp_path / "bits.png").read_bytes(), pixels


def stored(root, *names):
    """The pixels of files, read one by one."""
    images = [Image.open(Path(root, name)).convert("RGB") for name in names]
    return np.stack([np.asarray(image) for image in images])


def of(where, **fields):
    return load(Spec(str(where), **fields))


def refusal(where, kind=UsageError, **fields):
    """The sentence by which a set is refused."""
    with pytest.raises(UsageError) as caught:
        read_all(of(where, **fields))
    assert isinstance(caught.value, kind)
    assert isinstance(caught.value, NoSplit) == (kind is NoSplit)
    sentence = str(caught.value)
    assert "\n" not in sentence and sentence.isprintable()
    return sentence


# B1: NVIDIA's format


@pytest.mark.parametrize("form", ["folder", "zip", "flat zip", "zip in a folder"])
def test_nvidias_labels_are_the_classes(tmp_path, form):
    root = lay(tmp_path / "set", *NVIDIA)
    labels = [10, 2, 10, 0]
    table = {"labels": [*map(list, zip(NVIDIA, labels, strict=True))]}
    (root / "dataset.json").write_text(json.dumps(table))
    place = root if form == "folder" else pack(root, above=form != "flat zip")
    source = of(place)
    assert source.classes == ("0", "2", "10")
    image, label = read_all(source)
    assert [int(source.classes[number]) for number in label] == labels
    np.testing.assert_array_equal(image, stored(root, *NVIDIA))
    assert "dataset.json gives the classes." in describe(source)
    assert not source.report.skipped


def test_nvidias_folders_are_no_classes_without_labels_either(tmp_path):
    root = lay(tmp_path / "set", *NVIDIA)
    assert of(root).classes == of(pack(root)).classes == ()
    assert "not classes, as the numbers of their files show" in describe(of(root))
    (root / "dataset.json").write_text('{"labels": null}')
    assert of(root).classes == () and of(root).length == 4


@pytest.mark.parametrize(
    "names, classes",
    [
        (("00000/00000.png", "01000/01000.png", "01000/01999.png"), ()),  # FFHQ
        (("00000/000000001.jpg", "00001/000010002.jpg"), ()),  # img2dataset
        (("00000/1.png", "00001/2.png"), ("00000", "00001")),
        (("0/img1000.png", "1/img2000.png"), ("0", "1")),
        (("00000/img00000000.png", "cat/img00000001.png"), ("00000", "cat")),
    ],
)
def test_folders_are_parts_only_where_the_numbers_of_files_say_so(
    tmp_path, names, classes
):
    assert of(lay(tmp_path, *names)).classes == classes


def test_every_split_may_have_nvidias_labels(tmp_path):
    for split, labels in (("train", (1, 0)), ("test", (5, 0))):
        lay(tmp_path / split, *NVIDIA[:2])
        table = {"labels": [*map(list, zip(NVIDIA, labels, strict=False))]}
        (tmp_path / split / "dataset.json").write_text(json.dumps(table))
    train, test = of(tmp_path), of(tmp_path, split="test")
    assert train.classes == test.classes == ("0", "1", "5")
    assert read_all(train).label.tolist() == [1, 0] and read_all(
        test
    ).label.tolist() == [
        2,
        0,
    ]
    assert "No image of train is of the class 5." in describe(train)


@pytest.mark.parametrize(
    "table, says",
    [
        ("{bad", "dataset.json is not valid JSON"),
        ("[" * 100_000, "dataset.json is not valid JSON"),
        (b"\xff\xfe\x00", "dataset.json is not valid JSON"),
        ({"labels": [[NVIDIA[0], 1]]}, "has no label for 3 of 4 images"),
        (
            {"labels": [[name, [0.1, 0.2]] for name in NVIDIA]},
            "with a list of 2 values",
        ),
        (
            {"labels": [[name, "cat"] for name in NVIDIA]},
            'with "cat": labels are whole',
        ),
        ({"labels": [[name, 1.5] for name in NVIDIA]}, "with 1.5: labels are whole"),
        ({"labels": [[name, -1] for name in NVIDIA]}, "with -1: labels are whole"),
        ({"labels": [[name, True] for name in NVIDIA]}, "with true: labels are whole"),
        ({"labels": [[name] for name in NVIDIA]}, "among its labels: write each as"),
        ({"labels": "all"}, "among its labels: write each as"),
        ({"labels": [[NVIDIA[0], 1], [NVIDIA[0], 2]]}, "two labels, 1 and 2"),
    ],
)
def test_labels_that_nvidia_would_not_write_are_one_sentence(tmp_path, table, says):
    lay(tmp_path, *NVIDIA)
    text = json.dumps(table) if isinstance(table, dict) else table
    data = text if isinstance(text, bytes) else text.encode()
    (tmp_path / "dataset.json").write_bytes(data)
    assert says in refusal(tmp_path)


def test_a_json_of_another_kind_is_passed_over(tmp_path):
    lay(tmp_path, "cat/1.png", "dog/1.png")
    (tmp_path / "dataset.json").write_text('{"license": "CC0"}')
    source = of(tmp_path)
    assert source.classes == ("cat", "dog") and source.report.skipped == {".json": 1}


# B2: names of splits


@pytest.mark.parametrize(
    "train, held_out",
    [
        *(
            ("train", "valid"),
            ("Train", "Test"),
            ("TRAIN", "DEV"),
            ("training", "eval"),
        ),
        *(("trn", "tst"), ("train", "holdout"), ("training_set", "test_set")),
        *(
            ("seg_train", "seg_test"),
            ("train2017", "val2017"),
            ("train-data", "Val-Data"),
        ),
    ],
)
def test_held_out_images_are_not_trained_on(tmp_path, train, held_out):
    lay(tmp_path / train, "cat/1.png", "dog/2.png", "dog/3.png")
    lay(tmp_path / held_out, "cat/4.png", "dog/5.png")
    (tmp_path / "README.txt").write_text("Exported")
    source, test = of(tmp_path), of(tmp_path, split="test")
    assert source.classes == test.classes == ("cat", "dog")
    seen = stored(tmp_path / train, "cat/1.png", "dog/2.png", "dog/3.png")
    np.testing.assert_array_equal(read_all(source).x, seen)
    unseen = stored(tmp_path / held_out, "cat/4.png", "dog/5.png")
    np.testing.assert_array_equal(read_all(test).x, unseen)
    assert source.report.held_out == 2 and source.report.held_out_name == held_out


@pytest.mark.parametrize(
    "name", ["bus", "terrain", "detest", "trains", "contest", "evals"]
)
def test_a_word_that_holds_the_name_of_a_split_is_none(name):
    assert parse(name) is None


def test_test_goes_before_validation_and_what_is_left_is_told(tmp_path):
    for split, count in (("train", 3), ("val", 2), ("test", 1), ("extra", 4)):
        lay(tmp_path / split, *(f"{i}.png" for i in range(count)))
    source = of(tmp_path)
    assert (source.length, source.report.held_out) == (3, 1)
    assert "Not used: val (2), extra (4)." in source.report.notes
    assert of(tmp_path, split="dev").length == 2


def test_every_class_may_have_its_splits(tmp_path):
    lay(
        tmp_path,
        "cat/train/1.png",
        "cat/test/2.png",
        "dog/train/3.png",
        "dog/test/4.png",
    )
    train, test = of(tmp_path), of(tmp_path, split="test")
    assert train.classes == test.classes == ("cat", "dog")
    unseen = stored(tmp_path, "cat/test/2.png", "dog/test/4.png")
    np.testing.assert_array_equal(read_all(test).x, unseen)
    assert read_all(train).label.tolist() == [0, 1]


def test_held_out_classes_may_lie_below_those_to_train_on(tmp_path):
    lay(tmp_path, "cat/1.png", "dog/2.png", "val/cat/3.png", "val/dog/4.png")
    train, test = of(tmp_path), of(tmp_path, split="test")
    assert train.classes == test.classes == ("cat", "dog")
    np.testing.assert_array_equal(
        read_all(train).x, stored(tmp_path, "cat/1.png", "dog/2.png")
    )
    assert read_all(test).label.tolist() == [0, 1] and train.report.held_out == 2
    assert train.report.notes == ()
    lay(tmp_path, "val/bird/5.png")  # no class to train on
    assert of(tmp_path).classes == ("cat", "dog", "val")


def test_two_folders_of_one_split_are_refused(tmp_path):
    lay(tmp_path, "train_images/1.png", "train_masks/1.png")
    lay(tmp_path, "test_images/1.png", "test_masks/1.png")
    says = "2 folders for the split 'train' (train_images, train_masks): leave one"
    assert says in refusal(tmp_path)


def test_train_beside_another_folder_is_told_to_be_a_class(tmp_path):
    source = of(lay(tmp_path, "train/1.png", "masks/1.png"))
    assert source.classes == ("masks", "train")
    assert "No folders are splits, so train is a class like" in describe(source)


def test_two_kinds_of_images_are_found_in_any_case(tmp_path):
    lay(tmp_path, "TrainA/1.png", "TrainA/2.png", "trainb/1.png", "TESTA/1.png")
    lay(tmp_path, "test_B/1.png")
    source = of(tmp_path, target=str(tmp_path))
    assert source.length == 2 and source.report.held_out == 1
    assert of(tmp_path, target=f"{tmp_path}/.").length == 2


# B3: order


def test_numbers_sort_as_numbers_in_folders_and_zips(tmp_path):
    root = tmp_path / "set"
    for number in range(12):
        lay(root, f"{number}/{number}.png")
    for place in root, pack(root), pack(root, above=False):
        source = of(place)
        assert source.classes == tuple(map(str, range(12)))
        image, label = read_all(source)
        assert label.tolist() == list(range(12))
        names = (f"{number}/{number}.png" for number in range(12))
        np.testing.assert_array_equal(image, stored(root, *names))


@pytest.mark.parametrize(
    "names",
    [
        ["-1", "0", "1.25", "1.5", "10"],
        ["a1", "a02", "a10", "b"],
        ["a2", "a003", "a10", "a0100"],
        ["class 9", "class 10"],
        ["a2b9c10", "a2b10c9", "a2b10c10"],
        ["1" * 5000, "2" * 5000],
        ["²", "٣"],
    ],
)
def test_natural_order(names):
    assert sort_classes(reversed(names)) == names


def test_names_are_listed_as_far_as_they_fit():
    long = "x" * 61
    assert shortened(long[1:]) == long[1:]
    assert shortened(long) == "x" * 57 + "..."
    assert listed("abc") == "a, b, c"
    assert listed("abcd") == "a, b, c and 1 more"
    assert listed(["a", long], 1) == "a and 1 more"


def test_files_of_a_folder_stay_together():
    names = ["a/1.png", "a/10.png", "a10/1.png", "a b/1.png"]
    assert sorted(reversed(names), key=natural_key) == [
        "a/1.png",
        "a/10.png",
        *names[2:],
    ]


# B5: pairs

PAIRED = {
    "masks": ("{}.png", "{}_mask.png"),
    "letters": ("img_{}_A.png", "img_{}_B.png"),
    "prefixes": ("{}.jpg", "gt_{}.png"),
    "padding": ("{}.png", "{:05}.png"),
    "case": ("IMG{}.PNG", "img{}.png"),
    "other numbers": ("left{}_2024.png", "right-{}-7x7.png"),
}


@pytest.mark.parametrize("forms", PAIRED.values(), ids=PAIRED)
def test_names_tell_pairs(tmp_path, forms):
    a, b = tmp_path / "a", tmp_path / "b"
    names = [tuple(form.format(i) for form in forms) for i in range(1, 13)]
    lay(a, *(one for one, _ in names)), lay(b, *(other for _, other in names))
    source = of(a, target=str(b), paired=True)
    image = np.concatenate(read_all(source).x, axis=-1)
    for row, (one, other) in enumerate(names):
        np.testing.assert_array_equal(image[row, ..., :3], stored(a, one)[0])
        np.testing.assert_array_equal(image[row, ..., 3:], stored(b, other)[0])
    shown = ", ".join(f"{one} with {other}" for one, other in names[:3])
    assert f"Pairs: {shown}, and 9 more." in describe(source)


def test_pairs_may_lie_in_folders(tmp_path):
    a = lay(tmp_path / "a", "cat/1.png", "dog/1.png", "dog/10.png", "dog/2.png")
    b = lay(tmp_path / "b", "cat/1_x.png", "dog/1_x.png", "dog/10_x.png", "dog/2_x.png")
    image = np.concatenate(read_all(of(a, target=str(b), paired=True)).x, axis=-1)
    order = "cat/1", "dog/1", "dog/2", "dog/10"
    np.testing.assert_array_equal(
        image[..., :3], stored(a, *(f"{n}.png" for n in order))
    )
    np.testing.assert_array_equal(
        image[..., 3:], stored(b, *(f"{n}_x.png" for n in order))
    )


def test_pairs_may_come_in_another_order_on_the_other_side(tmp_path):
    names = "x/b.png", "y/a.png"
    others = "x/a.png", "y/b.png"
    a, b = lay(tmp_path / "a", *names), lay(tmp_path / "b", *others)
    image = np.concatenate(read_all(of(a, target=str(b), paired=True)).x, axis=-1)
    np.testing.assert_array_equal(image[..., :3], stored(a, *names))
    np.testing.assert_array_equal(image[..., 3:], stored(b, *reversed(others)))


def test_numbers_tell_pairs_where_one_side_has_no_words_of_its_own(tmp_path):
    names, others = ("1.png", "2.png", "3.png"), ("owl1.png", "dog2.png", "cat3.png")
    for one, other in ((names, others), (others, names)):
        a, b = lay(tmp_path / f"a{one[0]}", *one), lay(tmp_path / f"b{one[0]}", *other)
        image = np.concatenate(read_all(of(a, target=str(b), paired=True)).x, axis=-1)
        first = sorted(one)
        second = [other[one.index(name)] for name in first]
        np.testing.assert_array_equal(image[..., :3], stored(a, *first))
        np.testing.assert_array_equal(image[..., 3:], stored(b, *second))


@pytest.mark.parametrize(
    "one, other, says",
    [
        ("1 2 3", "11 12 13", "do not tell which images belong together"),
        ("cat dog", "x y", "do not tell which images belong together"),
        ("cat1 dog2", "dog1 cat2", "do not tell which images belong together"),
        ("1 2 3", "1 3 4", "2.png and 1 more are in only one of"),
        ("1 2 3", "1_m 3_m", "hold 3 and 2 images: pairs are as many in each"),
        ("1 2", "1 2 3", "and 3.png has no partner"),
    ],
)
def test_names_that_do_not_tell_pairs_are_refused(tmp_path, one, other, says):
    a = lay(tmp_path / "a", *(f"{name}.png" for name in one.split()))
    b = lay(tmp_path / "b", *(f"{name}.png" for name in other.split()))
    assert says in refusal(a, target=str(b), paired=True)
    of(a, target=str(b))  # as two kinds of images they go together


def test_arrays_pair_by_order_and_not_with_files(tmp_path):
    image = RNG.integers(0, 256, (3, 6, 6, 3), np.uint8)
    for name in "ab":
        np.savez(tmp_path / name, image=image)
    folder = lay(tmp_path / "files", *(f"{i}.png" for i in range(3)))
    a, b = str(tmp_path / "a.npz"), str(tmp_path / "b.npz")
    both = read_all(of(a, target=b, paired=True)).x
    np.testing.assert_array_equal(both.source, image)
    np.testing.assert_array_equal(both.target, image)
    assert "nothing tells which" in refusal(a, target=str(folder), paired=True)


# B6 and B7: what is skipped, and what folders were taken for


def test_what_is_read_and_what_is_passed_over_is_all_that_is_there(tmp_path):
    root = lay(tmp_path / "set", "1.png", "2.JFIF", "3.jpe", "sub.d/4.png")
    (root / "sub.d" / "4.png").rename(root / "4.PNG")
    others = "a.heic b.HEIC c.txt noend deep/d.mp4".split()
    unseen = ".hidden ._1.png Thumbs.db desktop.ini .git/x.png __MACOSX/1.png".split()
    for name in others + unseen:
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(b"x")
    for place in root, pack(root):
        source = of(place)
        assert source.length == 4
        expected = {".heic": 2, ".txt": 1, ".mp4": 1, "without extension": 1}
        assert source.report.skipped == expected
        says = "5 other files skipped (2 .heic, 1 .mp4, 1 .txt, 1 without extension)"
        assert says in describe(source)
        assert set(source.names) == {"1.png", "2.JFIF", "3.jpe", "4.PNG"}


def test_a_place_of_other_files_says_what_it_holds(tmp_path):
    for name in "a.heic", "b.heic", "c.txt":
        (tmp_path / name).write_bytes(b"x")
    assert "(it holds 2 .heic, 1 .txt)" in refusal(tmp_path)


@pytest.mark.parametrize(
    "names, says",
    [
        (("images/1.png", "masks/1.png"), "Folders images and masks were taken as"),
        (("set1/cat/1.png", "set2/cat/1.png"), "Folders below the classes (cat) are"),
        (("cat/1.png", "CAT/2.png"), "Classes CAT, cat differ only in case"),
    ],
)
def test_folders_that_may_be_no_classes_are_told(tmp_path, names, says):
    assert says in describe(of(lay(tmp_path, *names)))


def test_folders_without_images_are_told(tmp_path):
    root = lay(tmp_path / "set", "cat/1.png", "dog/1.png")
    (root / "bird").mkdir()
    (root / "fish").mkdir()
    (root / "fish" / "1.heic").write_bytes(b"x")
    for place in root, pack(root):
        assert of(place).classes == ("cat", "dog")
        assert "without images were not taken as classes (bird, fish)" in describe(
            of(place)
        )


@pytest.mark.parametrize(
    "spec, says",
    [
        (
            Spec("digits"),
            "899 images of 8x8x1 in 10 classes (0, 1, ... 9), 898 held out",
        ),
        (Spec("digits", split="all"), "Split all: 1,797 images of 8x8x1 in 10 classes"),
        (Spec("digits", mirror=True), "899 images of 8x8x1 in 10 classes"),
        (
            Spec("digits", target="digits"),
            "899 and 899 images of 8x8x1 without classes",
        ),
        (Spec("digits", side_by_side=True), "899 pairs of images of 8x4x1"),
    ],
)
def test_the_opening_line_of_what_is_built_in(spec, says):
    assert describe(load(spec)).startswith(says)


def test_the_opening_line_of_points():
    says = "100,000 points of 2 numbers in 8 classes (0, 1, 2, 3, 4, 5, 6, 7)"
    assert describe(load(Spec("ring")), summarize_points).startswith(says)


def test_the_opening_line_counts_what_the_folder_holds(tmp_path):
    lay(
        tmp_path / "train", *(f"{c}/{i}.png" for c in ("cat", "dog") for i in range(12))
    )
    lay(tmp_path / "valid", *(f"{c}/{i}.png" for c in ("cat", "dog") for i in range(6)))
    for i in range(28):
        (tmp_path / "train" / f"{i}.heic").write_bytes(b"x")
    for i in range(3):
        (tmp_path / f"{i}.txt").write_bytes(b"x")
    assert describe(of(tmp_path)) == (
        "24 images of 6x6x3 in 2 classes (cat, dog), 12 held out (valid), 31 other files "
        "skipped (28 .heic, 3 .txt)."
    )
    assert "of 6x6x3 without classes, none held out." in describe(
        of(tmp_path / "valid" / "cat")
    )


# B8: links


def test_a_folder_is_entered_once_and_a_linked_file_is_a_file(tmp_path):
    root = lay(tmp_path / "set", "cat/1.png", "dog/1.png")
    outside = lay(tmp_path / "outside", "8.png", "9.png")
    (root / "cat" / "loop").symlink_to("..")
    (root / "a cat").symlink_to(root / "cat")
    (root / "self").symlink_to("self")
    (root / "dog" / "2.png").symlink_to("../cat/1.png")
    (root / "bird").symlink_to(outside)
    (root / "eagle").symlink_to(outside)
    os.mkfifo(root / "dog" / "pipe.png")
    source = of(root)
    assert source.classes == ("bird", "cat", "dog")
    files = "bird/8.png", "bird/9.png", "cat/1.png", "dog/1.png", "dog/2.png"
    assert source.names == files
    np.testing.assert_array_equal(read_all(source).x, stored(root, *files))
    assert "were not followed (a cat, cat/loop, eagle)" in describe(source)
    assert source.report.skipped == {"without extension": 1, "pipes or devices": 1}


def test_a_link_that_leads_nowhere_is_told(tmp_path):
    lay(tmp_path, "1.png")
    (tmp_path / "2.png").symlink_to("nowhere.png")
    assert "2.png cannot be read (No such file or directory)" in refusal(tmp_path)


def test_a_folder_that_cannot_be_listed_is_one_sentence(tmp_path, monkeypatch):
    lay(tmp_path, "cat/1.png", "dog/1.png")
    listing = os.scandir

    def scandir(path):
        if str(path).endswith("dog"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return listing(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert "dog cannot be listed (Permission denied): make it" in refusal(tmp_path)
    (tmp_path / "dog").rename(tmp_path / ".dog")  # hidden: not looked into
    assert of(tmp_path).length == 1


def test_a_file_that_cannot_be_opened_is_one_sentence(tmp_path):
    lay(tmp_path, "1.png")
    (tmp_path / "2.png").mkdir()  # no file, so no image
    assert of(tmp_path).length == 1
    for where in ("~nobody-of-that-name/x", "x" * 5000, "a\0b"):
        with pytest.raises(UsageError) as caught:
            load(Spec(where))
        assert len(str(caught.value)) < 300


# B9: a split that is there but broken


def test_a_broken_split_is_a_mistake_and_an_absent_one_is_none(tmp_path):
    lay(tmp_path, "train/1.png", "test/1.png")
    (tmp_path / "test" / "2.png").write_bytes(b"no image")
    assert "test/2.png cannot be read as an image" in refusal(tmp_path, split="test")
    lay(tmp_path, "test/2.png", size=(9, 9))
    assert "differ in size" in refusal(tmp_path, split="test")
    refusal(tmp_path / "train", NoSplit, split="test")
    for file in (tmp_path / "test").iterdir():
        file.rename(file.with_suffix(".heic"))
    assert "The folder test of" in refusal(tmp_path, split="test")
    for file in (tmp_path / "test").iterdir():
        file.unlink()
    refusal(tmp_path, NoSplit, split="test")


def test_arrays_have_the_splits_that_people_name(tmp_path):
    images = {n: RNG.integers(0, 256, (n, 4, 4), np.uint8) for n in (5, 3, 2)}
    path = tmp_path / "a.npz"
    labels = {n: np.arange(n)[:, None] for n in images}
    np.savez(
        path,
        train_images=images[5],
        train_labels=labels[5],
        val_images=images[2],
        val_labels=labels[2],
        test_images=images[3],
        test_labels=labels[3],
    )
    for split, count in (("train", 5), ("val", 2), ("test", 3)):
        image, label = read_all(of(path, split=split))
        np.testing.assert_array_equal(image[..., 0], images[count])
        assert label.tolist() == list(range(count))
    assert of(path).report.held_out == 3
    assert "not used: val_images" in describe(of(path))
    refusal(path, NoSplit, split="extra")
    np.savez(path, x_train=images[5], x_valid=images[2])
    assert of(path, split="test").length == of(path).report.held_out == 2
    np.savez(path, x_train=images[5], x_test=images[3] / 255)
    assert "x_test" in refusal(path, split="test")
    np.savez(path, x_train=images[5], y_train=labels[5], x_test=images[3])
    assert "but none for 'x_test'" in refusal(path, split="test")
    np.savez(path, x_train=images[5])
    refusal(path, NoSplit, split="test")


@pytest.mark.parametrize("name", ["digits", "ring", "grid", "stacked_digits"])
def test_what_is_built_in_has_no_other_splits(name):
    refusal(name, NoSplit, split="validation")
    assert of(name).report.held_out == of(name, split="test").length


# A4: all broken files at once


@pytest.fixture
def damaged(tmp_path):
    """Twenty images of which twelve are cut off, and the names of these."""
    root = lay(tmp_path / "set", *(f"{i}.png" for i in range(20)), size=(48, 48))
    cut = [f"{i}.png" for i in range(3, 15)]
    for name in cut:
        data = (root / name).read_bytes()
        (root / name).write_bytes(data[: len(data) // 2])
    return root, cut


@pytest.mark.parametrize("form", ["folder", "zip", "mirrored", "target"])
def test_all_broken_files_are_named_at_once(damaged, form):
    root, cut = damaged
    place = pack(root, above=False) if form == "zip" else root
    target = str(lay(root.parent / "b", "1.png", size=(48, 48)))
    fields = {"mirrored": {"mirror": True}, "target": {"target": target}}
    source = of(place, **fields.get(form, {}))
    errors = find_unreadable(source)
    assert len(errors) == 12
    for error, name in zip(errors, cut, strict=True):
        assert f"{name} cannot be read as an image" in str(error)
    told = str(unreadable_error(source, errors))
    assert told == refusal(place, **fields.get(form, {}))
    count = 21 if form == "target" else 20
    assert told.startswith(
        f"12 of the {count} images of {place} cannot be used (3.png ("
    )
    assert all(f"{name} (" in told for name in cut[:10])
    assert cut[10] not in told and "and 2 more): repair them or take them out." in told


def test_a_list_of_files_says_what_is_wrong_with_each(tmp_path):
    root = lay(tmp_path, "1.png")
    for name in ("2.tif", "3.tif"):
        Image.fromarray(np.zeros((6, 6), np.float32)).save(root / name)
    (root / "4.png").write_text("no image")
    sentence = refusal(root)
    assert "3 of the 4 images" in sentence
    assert "(2.tif stores 32 bits per pixel, 3.tif stores 32" in sentence
    assert "4.png (it is of no known format, or cut off)): repair" in sentence


def test_a_header_that_fails_is_an_error_though_the_pixels_are_sound(
    tmp_path, monkeypatch
):
    def fail(file, name):
        raise FileError(f"{name} went away: look for it.", name, "went away")

    monkeypatch.setattr("ganjax.data.image_files.stored_shape", fail)
    assert refusal(lay(tmp_path, "1.png")).endswith("1.png went away: look for it.")


def test_files_that_are_no_images_are_told_with_those_that_are_cut_off(damaged):
    root, _ = damaged
    (root / "0.png").write_bytes(b"")
    (root / "19.png").write_text("no image")
    with pytest.raises(UsageError, match=r"^14 of the 20 images .*\(0.png \("):
        of(root)


def test_what_is_whole_has_nothing_broken(tmp_path):
    assert find_unreadable(of(lay(tmp_path, "1.png", "2.png"))) == []
    assert find_unreadable(of("digits")) == []


# A9 and A11: where data is, and whether it is the same


def test_paths_are_kept_absolute_but_not_resolved(tmp_path, monkeypatch):
    lay(tmp_path / "real", "1.png"), lay(tmp_path / "other", "1.png")
    (tmp_path / "link").symlink_to("real")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    link = str(tmp_path / "link")
    for where in ("link", "./link/", Path("link"), "~/link"):
        assert load(Spec(where)).spec.where == link
        spec = load(Spec("other", target=where)).spec
        assert (spec.where, spec.target) == (str(tmp_path / "other"), link)
    assert load(Spec("digits")).spec.where == "digits"
    lay(tmp_path / "digits", "1.png")
    assert load(Spec("digits")).length == 899
    assert load(Spec("./digits")).length == load(Spec(Path("digits"))).length == 1
    assert load("real").length == load(Path("real")).length == 1


def test_an_inventory_has_every_file_by_size_and_contents(tmp_path):
    root = lay(tmp_path / "set", "cat/1.png", "dog/10.png", "dog/2.png")
    expected = {
        path.relative_to(root).as_posix(): f"{len(data)}:{zlib.crc32(data):08x}"
        for path in root.rglob("*.png")
        if (data := path.read_bytes())
    }
    for place in root, pack(root), pack(root, above=False):
        assert of(place).inventory() == expected
    root.rename(tmp_path / "moved")
    assert of(tmp_path / "moved").inventory() == expected
    assert of(tmp_path / "moved", mirror=True, size=4).inventory() == expected
    lay(tmp_path / "moved", "dog/2.png")
    changed = of(tmp_path / "moved").inventory()
    assert {k for k in expected if changed[k] != expected[k]} == {"dog/2.png"}


def test_an_inventory_tells_labels_and_both_places(tmp_path):
    root = lay(tmp_path / "set", *NVIDIA)
    tables = []
    for label in 0, 1:
        labels = [[name, label] for name in NVIDIA[:-1]] + [[NVIDIA[-1], 2]]
        (root / "dataset.json").write_text(json.dumps({"labels": labels}))
        tables.append(of(root).inventory())
    assert {k for k in tables[0] if tables[0][k] != tables[1][k]} == {"dataset.json"}
    a, b = lay(tmp_path / "a", "1.png"), lay(tmp_path / "b", "2.png")
    both = of(a, target=str(b)).inventory()
    assert set(both) == {"where/1.png", "target/2.png"}


def test_an_inventory_of_arrays_tells_values_shape_and_dtype(tmp_path):
    image = RNG.integers(0, 256, (6, 4, 4, 1), np.uint8)
    seen = []
    for array in (image, image[::-1], image.reshape(6, 2, 8, 1)):
        np.savez(tmp_path / "a.npz", image=array)
        seen.append(of(tmp_path / "a.npz").inventory()["image"])
    assert len(set(seen)) == 3 and all(x.startswith("96:") for x in seen)
    assert of("digits").inventory() != of("digits", split="test").inventory()


def test_of_a_large_set_some_contents_are_hashed(tmp_path, monkeypatch):
    from ganjax.data import digest

    root = lay(tmp_path / "set", *(f"{i}.png" for i in range(9)))
    every = of(root).inventory()
    monkeypatch.setattr(digest, "MAX_HASHED_BYTES", 100)
    monkeypatch.setattr(digest, "MAX_SAMPLES", 3)
    some = of(root).inventory()
    hashed = [name for name, value in some.items() if not value.endswith(":")]
    assert hashed == ["0.png", "4.png", "8.png"]
    assert all(every[name].startswith(value) for name, value in some.items())


# D6 and D7: values from Python, and arrays of another range


@pytest.mark.parametrize(
    "fields, says",
    [
        ({"size": 16.5}, "--size is 16.5: give a whole number"),
        ({"size": "16"}, "--size is '16': give a whole number"),
        ({"size": True}, "--size is True: give a whole number"),
        ({"size": float("nan")}, "--size is nan: give a whole number"),
        ({"size": None}, "--size is None: give a whole number"),
        ({"channels": [3]}, "--channels is .3.: give a whole number"),
        ({"mirror": "yes"}, "mirror is 'yes': give True or False"),
        ({"split": None}, "split is None: give the name of one"),
        ({"target": 3}, "target is 3: give a string or a pathlib.Path"),
        ({"where": None}, "where is None: give a string or a pathlib.Path"),
        ({"where": b"digits"}, "where is b'digits': give a string"),
    ],
)
def test_a_value_of_another_kind_is_one_sentence(fields, says):
    with pytest.raises(UsageError, match=says):
        load(Spec("digits")._replace(**fields))


def test_whole_floats_and_numpy_numbers_are_taken():
    source = load(
        Spec("digits", size=16.0, channels=np.int64(3), mirror=np.bool_(True))
    )
    assert source.shape == (16, 16, 3)
    assert [type(x) for x in source.spec] == [type(x) for x in Spec("digits")]


BYTES = np.array([0, 255, 17, 80], np.uint8).reshape(1, 2, 2, 1)


@pytest.mark.parametrize(
    "image, says",
    [
        (
            BYTES / np.float32(127.5) - 1,
            "is float32 from -1 to 1: store images as uint8",
        ),
        (BYTES / np.float32(255), "is float32 from 0 to 1: store images as uint8"),
        (BYTES.astype(np.float16), "is float16 from 0 to 255: store images as uint8"),
        (BYTES.astype(np.int64), "is int64 from 0 to 255: store images as uint8"),
        (BYTES.astype(np.uint16) * 257, "is uint16 from 0 to 65535: store images"),
        (BYTES > 100, "is bool: store images as uint8 from 0 to 255"),
    ],
)
def test_arrays_of_another_range_are_refused_with_what_makes_them_right(
    tmp_path, image, says
):
    np.savez(tmp_path / "a.npz", image=image)
    sentence = refusal(tmp_path / "a.npz")
    assert says in sentence
    cure = sentence.rpartition(", as by ")[2].removesuffix(".")
    expected = {
        "np.rint((image + 1) * 127.5).astype(np.uint8)": lambda x: np.rint(
            (x + 1) * 127.5
        ),
        "np.rint(image * 255).astype(np.uint8)": lambda x: np.rint(x * 255),
        "image.astype(np.uint8)": lambda x: x,
        "(image >> 8).astype(np.uint8)": lambda x: x >> 8,
        "np.uint8(255) * image": lambda x: np.uint8(255) * x,
    }[cure](image)
    reference = (BYTES > 100) * 255 if image.dtype == bool else BYTES
    np.testing.assert_array_equal(np.asarray(expected).astype(np.uint8), reference)


@pytest.mark.parametrize(
    "arrays",
    [
        {"image": np.full((1, 2, 2, 1), np.nan)},
        {"image": np.array(["cat"])},
        {"image": BYTES.astype(complex)},
        {"image": np.uint8(3)},
        {"image": BYTES[..., 0], "label": np.int64(3)},
        {"image": BYTES, "label": np.array([True])},
        {"image": np.zeros(3, dtype=[("a", "u1")])},
        {},
    ],
)
def test_other_arrays_are_one_sentence(tmp_path, arrays):
    np.savez(tmp_path / "a.npz", **arrays)
    refusal(tmp_path / "a.npz")


def test_bytes_of_zeros_and_ones_are_told(tmp_path):
    np.savez(tmp_path / "a.npz", image=(BYTES > 100).astype(np.uint8))
    assert "multiply by 255" in describe(of(tmp_path / "a.npz"))


# Archives and names from other systems


def test_a_zip_is_read_as_it_would_be_unpacked(tmp_path):
    one, other = bits(tmp_path, 1), bits(tmp_path, 2)
    entries = {
        "set\\cat\\1.png": one[0],
        "set/cat": b"",
        "set\\dog\\": b"",
        "C:\\set\\dog\\2.png": other[0],
        "../set/dog/3.png": one[0],
        "/set/v1.png": b"",
        "/set/v1.png/4.png": other[0],
        "./set/кот/5.png": one[0],
        "__MACOSX/set/cat/._1.png": b"x",
        "set/cat/Thumbs.db": b"x",
    }
    source = of(packed(tmp_path / "a.zip", entries))
    assert source.classes == ("cat", "dog", "v1.png", "кот")
    expected = np.stack([x[1] for x in (one, other, one, other, one)])
    np.testing.assert_array_equal(read_all(source).x, expected)
    assert not source.report.skipped
    assert "Names that led out of the .zip were read as paths inside it" in describe(
        source
    )


def patched(path, *fields):
    """Overwrites two bytes in the headers of all entries: (local, central, value)."""
    data = bytearray(path.read_bytes())
    for local, central, change in fields:
        for signature, offset in ((b"PK\x03\x04", local), (b"PK\x01\x02", central)):
            start = data.find(signature)
            while start >= 0:
                (old,) = struct.unpack_from("<H", data, start + offset)
                struct.pack_into("<H", data, start + offset, change(old))
                start = data.find(signature, start + 4)
    path.write_bytes(data)
    return path


def test_utf_8_names_that_are_not_said_to_be_so(tmp_path):
    data, _ = bits(tmp_path)
    path = packed(tmp_path / "a.zip", {"ко/1.png": data, "dog/1.png": data})
    source = of(patched(path, (6, 8, lambda flags: flags & ~0x800)))
    assert source.classes == ("dog", "ко") and read_all(source).label.tolist() == [0, 1]


def test_archives_that_cannot_be_read_are_one_sentence(tmp_path):
    data, _ = bits(tmp_path)
    path = packed(tmp_path / "a.zip", {"1.png": data})
    locked = patched(path, (6, 8, lambda flags: flags | 1))
    assert "is encrypted (1.png): unpack it" in refusal(locked)
    path = packed(tmp_path / "b.zip", {"1.png": data})
    assert "method that Python does not read" in refusal(
        patched(path, (8, 10, lambda method: 9))
    )
    for name in "c.zip", "d.npz", "e.tar", "f.png", "g":
        (tmp_path / name).write_bytes(b"PK\x03\x04 no")
        refusal(tmp_path / name)
    link = zipfile.ZipInfo("2.png")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "h.zip", "w") as archive:
        archive.writestr("1.png", data), archive.writestr(link, "1.png")
    assert of(tmp_path / "h.zip").report.skipped == {"links": 1}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("ending", ["zip", "npz"])
def test_damage_of_any_kind_is_one_sentence(tmp_path, ending):
    path = tmp_path / f"good.{ending}"
    if ending == "zip":
        data, _ = bits(tmp_path)
        packed(path, {f"{name}/1.png": data for name in ("cat", "dog")})
    else:
        image = RNG.integers(0, 256, (4, 4, 4), np.uint8)
        np.savez_compressed(path, image=image, label=np.arange(4))
    good, wrong = path.read_bytes(), tmp_path / f"wrong.{ending}"
    rng = np.random.default_rng(1)
    for _ in range(60):
        data = bytearray(good[: rng.integers(1, len(good) + 1)])
        for place in rng.integers(0, len(data), 3):
            data[place] = rng.integers(256)
        wrong.write_bytes(data)
        try:
            source = of(wrong)
            source.inventory(), describe(source).encode(), read_all(source)
        except UsageError as error:
            assert "\n" not in str(error)


def test_names_that_are_not_utf_8_can_be_printed(tmp_path):
    lay(tmp_path, "café/1.png", "line\nbreak/2.png")
    odd = os.fsencode(tmp_path) + b"/\xe9t\xe9"
    os.mkdir(odd)
    os.link(os.fsencode(tmp_path / "café" / "1.png"), odd + b"/\xff.png")
    source = of(tmp_path)
    assert source.classes == ("café", "line\\nbreak", "\\xe9t\\xe9")
    assert read_all(source).label.tolist() == [0, 1, 2]
    for text in (describe(source), *source.classes, *source.inventory()):
        assert text.encode("utf-8") and text.isprintable()
    with open(odd + b"/\xfe.png", "wb") as file:
        file.write(b"no image")
    assert "\\xfe.png cannot be read" in refusal(tmp_path)
    assert printable("\x1b[31m") == "\\x1b[31m"
