"""What folders mean, from the names of files alone."""

import pytest

from ganjax.data.layout import (
    Layout,
    arrange,
    class_notes,
    count_summary,
    find_split,
    folder_classes,
    unused_notes,
)
from ganjax.errors import EmptySplit, NoSplit, UsageError


def of(names, **more):
    return arrange(names.split(), "place", **more)


def parts(layout: Layout) -> dict[str, list[str]]:
    """The paths below each split, by its folder."""
    return {
        split.folder: ["/".join(path) for path in split.images.values()]
        for split in layout.splits
    }


# Folders that contain everything


@pytest.mark.parametrize(
    "names, root, wanted",
    [
        ("1.png 2.png", "", ["1.png", "2.png"]),
        ("a/b/1.png a/b/2.png", "a/b/", ["1.png", "2.png"]),
        ("a/b/1.png a/2.png", "a/", ["2.png", "b/1.png"]),
        ("a/b/1.png a/c/2.png a.txt", "a/", ["b/1.png", "c/2.png"]),
        ("a/1.png 2.png", "", ["2.png", "a/1.png"]),
    ],
)
def test_folders_around_all_images_mean_nothing(names, root, wanted):
    layout = of(names)
    assert not layout.divided and layout.root == root
    assert parts(layout) == {"": wanted}
    assert set(layout.splits[0].images) == {n for n in names.split() if "png" in n}


@pytest.mark.parametrize(
    "names, folders, root",
    [
        ("cat/1.png", ["cat", "dog"], ""),  # a class beside one without images
        ("a/cat/1.png", ["a", "a/cat", "a/dog"], "a/"),
        ("a/cat/1.png", ["a", "b", "a/cat"], "a/cat/"),
        ("a/cat/1.png", ["a", "a/cat", "a/cat/x"], "a/cat/"),
        ("cat/x/1.png", ["cat", "cat/x", "dog"], "cat/x/"),
        ("cat/1.png", ["cat"], "cat/"),
    ],
)
def test_one_folder_is_a_class_where_another_lies_beside_it(names, folders, root):
    assert of(names, folders=folders).root == root


def test_a_folder_with_labels_in_it_is_the_root():
    table = "a/b/dataset.json"
    layout = of(f"a/b/c/1.png {table}", tables={table})
    assert (layout.root, layout.splits[0].labels) == ("a/b/", table)
    assert not layout.skipped
    other = of(f"a/b/c/1.png {table}")
    assert other.root == "a/b/c/" and other.splits[0].labels == ""
    assert other.skipped == {".json": 1}


def test_every_split_has_the_labels_beside_it_or_those_of_all():
    own, common = "a/train/dataset.json", "a/dataset.json"
    names = f"a/train/1.png a/test/2.png {own} {common}"
    both = of(names, tables={own, common}).splits
    assert {s.folder: s.labels for s in both} == {"train": own, "test": common}
    one = of(names, tables={own}).splits
    assert {s.folder: s.labels for s in one} == {"train": own, "test": ""}


# Splits


@pytest.mark.parametrize(
    "names, wanted",
    [
        ("train/1.png", {"train": ["1.png"]}),
        ("test/1.png val/2.png", {"test": ["1.png"], "val": ["2.png"]}),
        (
            "d/train/cat/1.png d/val/dog/2.png",
            {"train": ["cat/1.png"], "val": ["dog/2.png"]},
        ),
        ("trainA/1.png trainB/2.png", {"trainA": ["1.png"], "trainB": ["2.png"]}),
        (
            "train_hr/1.png val_hr/2.png",
            {"train_hr": ["1.png"], "val_hr": ["2.png"]},
        ),
        (
            "cat/train/x/1.png dog/train/2.png cat/test/3.png",
            {"test": ["cat/3.png"], "train": ["cat/x/1.png", "dog/2.png"]},
        ),
        (
            "cat/1.png dog/2.png val/cat/3.png test/dog/4.png",
            {
                "": ["cat/1.png", "dog/2.png"],
                "test": ["dog/4.png"],
                "val": ["cat/3.png"],
            },
        ),
        (
            "train/train/cat/1.png train/train/dog/2.png test/images/cat/3.png",
            {"train": ["cat/1.png", "dog/2.png"], "test": ["cat/3.png"]},
        ),
        (
            "train/images/1.png test/x/cat/2.png",
            {"train": ["images/1.png"], "test": ["x/cat/2.png"]},
        ),
        (
            "train/images/cat/1.png train/masks/cat/1.png test/2.png",
            {"train": ["images/cat/1.png", "masks/cat/1.png"], "test": ["2.png"]},
        ),
        (
            "train/images/cat/1.png train/images/2.png test/2.png",
            {"train": ["images/2.png", "images/cat/1.png"], "test": ["2.png"]},
        ),
    ],
)
def test_folders_that_are_splits(names, wanted):
    layout = of(names)
    assert layout.divided and parts(layout) == wanted
    assert layout.unused == layout.notes == ()
    kinds = {split.folder: split.name.kind for split in layout.splits}
    assert all(kind in (folder or "train") for folder, kind in kinds.items())


@pytest.mark.parametrize(
    "names",
    [
        "train/1.png bus/2.png",
        "trainA/1.png testB/2.png x/3.png",  # of no domain both
        "train_hr/1.png val_lr/2.png",
        "test_x/1.png val_x/2.png",
        "cat/1.png 2.png val/cat/3.png",
        "cat/1.png val/bird/2.png",
        "cat/1.png val/2.png",
        "cat/1.png trainA/cat/2.png",
        "cat/1.png valA/cat/2.png",
        "cat/1.png val_x/cat/2.png",
        "cat/train/1.png dog/train/2.png",
        "cat/test/1.png dog/val/2.png",
        "cat/train/1.png dog/test/2.png bird/3.png",
        "cat/train/1.png dog/test/2.png bird/x/3.png",
    ],
)
def test_folders_that_are_no_splits(names):
    layout = of(names)
    assert not layout.divided and layout.splits[0].name is None
    assert set(parts(layout)[""]) == {*names.split()}


@pytest.mark.parametrize(
    "names, notes",
    [
        ("train/1.png bus/2.png", "train is a class like"),
        ("test/a/1.png val/2.png bus/3.png", "test, val are classes like"),
        ("train_x/1.png bus/2.png", ""),
    ],
)
def test_a_class_that_is_named_like_a_split_is_told(names, notes):
    told = (f"No folders are splits, so {notes} the others.",) if notes else ()
    assert of(names).notes == told


def test_images_beside_the_splits_are_not_used_and_this_is_told():
    layout = of(
        "train_a/1.png test_a/2.png trainB/5.png x/3.png x/y/4.png 6.png 7.png 8.png"
    )
    assert set(parts(layout)) == {"train_a", "test_a", "trainB"}
    stray = "images next to the folders of splits (3)"
    assert layout.unused == ("x (2)", stray)
    front, held_out, other = (
        find_split(layout, name) for name in ("trainA", "testA", "trainB")
    )
    told = f"Not used: x (2), {stray}."
    assert unused_notes(layout, [front, held_out]) == [told]
    assert unused_notes(layout, [other]) == [told]
    assert unused_notes(layout, [front]) == [f"Not used: test_a (1), x (2), {stray}."]
    assert unused_notes(of("1.png 2.png"), of("1.png 2.png").splits) == []


def test_images_are_in_natural_order_below_their_split():
    layout = of(
        "b/train/10.png a/train/9.png a/test/1.png a/train/10.png b/train/9.png"
    )
    order = ["a/9.png", "a/10.png", "b/9.png", "b/10.png"]
    assert parts(layout) == {"test": ["a/1.png"], "train": order}
    assert [*find_split(layout, "train").images] == [
        *("a/train/9.png", "a/train/10.png", "b/train/9.png", "b/train/10.png")
    ]


# The split that is asked for


@pytest.mark.parametrize(
    "folders, asked, found",
    [
        ("train val", "train", "train"),
        ("training val", "train", "training"),
        ("train val", "test", "val"),
        ("train test", "val", "test"),
        ("train test val", "val", "val"),
        ("train test val", "test", "test"),
        ("train validation val dev", "validation", "validation"),
        ("train validation val dev", "eval", "val"),
        ("train Validation DEV", "val", "Validation"),
        ("train test_set tst", "test", "tst"),
        ("train test_set test_data", "test", "test_data"),
        ("trainA trainB testA testB", "testB", "testB"),
        ("trainA trainB valB testA", "testB", "valB"),
        ("trainA train_b testA", "trainB", "train_b"),
    ],
)
def test_a_split_is_found_by_its_kind_and_domain(folders, asked, found):
    layout = of(" ".join(f"{folder}/1.png" for folder in folders.split()))
    assert find_split(layout, asked).folder == found


@pytest.mark.parametrize(
    "folders, asked, says",
    [
        ("train val", "extra", "no split 'extra': its splits are train, val."),
        ("train val", "trainA", "no split 'trainA': its splits are train, val."),
        ("test val", "train", "no split 'train': its splits are test, val."),
        ("trainA trainB", "train", "no split 'train': its splits are trainA, trainB."),
        ("trainA testA trainB", "testB", "its splits are testA, trainA, trainB."),
        ("x y", "test", "all of it is 'train': divide it into folders 'train' and"),
        ("x y", "trainA", "no split 'trainA', all of it is 'train'"),
    ],
)
def test_a_split_that_is_not_there(folders, asked, says):
    layout = of(" ".join(f"{folder}/1.png" for folder in folders.split()))
    with pytest.raises(NoSplit) as caught:
        find_split(layout, asked)
    assert says in str(caught.value)


def test_the_only_split_is_the_one_to_train_on_under_any_of_its_names():
    layout = of("x/1.png y/2.png")
    for name in ("train", "Training", "train_set"):
        assert find_split(layout, name) is layout.splits[0]


def test_two_folders_to_train_on_are_refused_even_under_their_own_names():
    layout = of("train/1.png training/2.png test/3.png")
    for name in ("train", "training"):
        with pytest.raises(UsageError, match=r"2 folders .* \(train, training\)"):
            find_split(layout, name)


def test_an_empty_folder_of_a_split_is_told_where_it_is_asked_for():
    layout = of("a/train/1.png a/test/x.txt a/dev/y/z.txt a/val.txt a/more/n.txt")
    assert layout.empty == ("dev", "test")
    for asked, folder in (("test", "test"), ("val", "dev")):
        with pytest.raises(EmptySplit, match=f"The folder {folder} of place holds no"):
            find_split(layout, asked)
    one = of("trainA/1.png trainB/2.png testA/x.txt")
    with pytest.raises(EmptySplit):
        find_split(one, "testA")
    with pytest.raises(NoSplit):
        find_split(one, "testB")
    assert of("x/1.png y/2.png test/x.txt").empty == ()


# Classes


def test_classes_are_the_first_folders():
    split = of("cat/1.png dog/deep/er/2.png").splits[0]
    assert folder_classes(split, "place") == ["cat", "dog"]
    assert folder_classes(of("1.png 2.png").splits[0], "place") == ["", ""]
    sharded = of("00000/img00000001.png 00001/img00001001.png").splits[0]
    assert folder_classes(sharded, "place") == ["", ""]
    with pytest.raises(UsageError, match=r"next to them \(3.png\): put all of them"):
        folder_classes(of("cat/1.png 3.png dog/2.png").splits[0], "place")


@pytest.mark.parametrize(
    "names, folders, notes",
    [
        ("cat/1.png dog/2.png", "cat dog", []),
        ("Images/1.png gt/2.png", "", ["Folders Images and gt were taken as classes."]),
        (
            "a/1.png c/2.png d/3.png e/4.png",
            "",
            ["Folders a, c, d and 1 more were taken as classes."],
        ),
        (
            "cat/10/1.png cat/9/1.png dog/1.png",
            "",
            [
                "Folders below the classes (9, 10) are ignored: the first folder is the "
                "class."
            ],
        ),
        (
            "top/train/cat/1.png top/train/dog/1.png top/test/cat/2.png",
            "top top/train top/test top/train/cat top/train/dog top/train/bird "
            "top/train/cat/x top/fish",
            ["Folders without images were not taken as classes (bird)."],
        ),
        (
            "cat/1.png dog/1.png val/cat/2.png",
            "cat dog val bird val/cat ant",
            ["Folders without images were not taken as classes (ant, bird)."],
        ),
    ],
)
def test_classes_that_may_be_none_are_told(names, folders, notes):
    layout = of(names)
    split = find_split(layout, "train")
    assert class_notes(split, folders.split(), layout) == notes


def test_one_class_is_not_told_whatever_its_name():
    layout = of("train/images/1.png test/2.png")
    assert class_notes(find_split(layout, "train"), [], layout) == []


# What is not read


def test_other_files_are_counted_by_their_endings():
    others = {"p": "links", "q": "links", "r": "pipes or devices"}
    layout = of("1.png a.TXT b.txt noend d.x/e 2.JPG", others=others)
    wanted = {".txt": 2, "without extension": 2, "links": 2, "pipes or devices": 1}
    assert layout.skipped == wanted


def test_a_place_without_images_is_refused():
    held = {"": "", "a.txt b.txt c": r" \(it holds 2 .txt, 1 without extension\)"}
    for names, holds in held.items():
        says = f"^place holds no images such as .*, .tif{holds}: give the folder"
        with pytest.raises(UsageError, match=says):
            of(names)


def test_the_largest_numbers_come_first_and_the_smallest_are_summed():
    counts = {".a": 1, ".d": 3, ".c": 2, ".b": 3, ".e": 1200}
    five = "1,200 .e, 3 .b, 3 .d, 2 .c, 1 .a"
    assert count_summary(counts) == five
    assert count_summary({**counts, ".f": 1, ".g": 1}) == f"{five}, 2 others"
