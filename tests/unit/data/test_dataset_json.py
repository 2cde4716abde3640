"""Labels in NVIDIA's format, and folders that are only parts of one set."""

import json

import pytest

from ganjax.data.dataset_json import are_shards, classes_of, parse
from ganjax.errors import UsageError


def parsed(content):
    return parse(json.dumps(content).encode(), "dataset.json")


def test_labels_may_be_pairs_or_an_object():
    wanted = (True, {"a/1.png": 6, "2.png": 0})
    assert parsed({"labels": [["a/1.png", 6], ["2.png", 0]]}) == wanted
    assert parsed({"labels": {"a/1.png": 6, "2.png": 0}}) == wanted
    assert parsed({"labels": []}) == (True, {})


def test_names_are_paths_of_any_system():
    names = ["a\\b\\1.png", "./a/2.png", "a/./3.png", ".\\4.png"]
    found = parsed({"labels": [[name, i] for i, name in enumerate(names)]}).labels
    assert found == {"a/b/1.png": 0, "a/2.png": 1, "a/3.png": 2, "4.png": 3}


def test_a_label_may_be_given_twice_if_it_is_the_same():
    assert parsed({"labels": [["1.png", 6], ["./1.png", 6]]}).labels == {"1.png": 6}
    with pytest.raises(UsageError, match=r"gives 1.png two labels, 6 and 5: leave one"):
        parsed({"labels": [["1.png", 6], ["./1.png", 5]]})


def test_a_file_of_another_program_is_not_in_this_format():
    for content in ([["1.png", 6]], {"license": "CC0"}, "labels", 3, None):
        assert parsed(content) == (False, None)
    assert parsed({"labels": None}) == (True, None)


@pytest.mark.parametrize("wrong", [["1.png", 6, 7], [6, "1.png"], "ab", 3])
def test_what_is_no_pair_of_a_name_and_a_label_is_shown(wrong):
    with pytest.raises(UsageError) as caught:
        parsed({"labels": [["0.png", 1], wrong]})
    assert f"has {json.dumps(wrong)} among its labels" in str(caught.value)


def test_classes_are_given_in_the_order_of_the_images():
    labels = {"a.png": 12, "b.png": 3.0, "c.png": 0, "d.png": 12, "e.png": 7}
    assert classes_of(["c.png", "a.png", "b.png"], labels, "x") == (["0", "12", "3"], 2)
    assert classes_of([*labels], labels, "x")[1] == 0


def test_images_without_a_label_are_counted_and_one_is_named():
    with pytest.raises(UsageError, match=r"for 2 of 3 images \(b.png and 1 more\)"):
        classes_of(["b.png", "a.png", "c.png"], {"a.png": 1}, "x")


@pytest.mark.parametrize(
    "names",
    [
        "0000/7.png 0001/150.png",  # a hundred to a folder
        "00000/img999.png 00001/img1000.png",
        "000000/9999.png 000001/10000.png",
        "0200/250.png 0100/199.png",  # by the first file
        "01000/01999.png 02000/02000.png",
        f"00000/{'5'.zfill(19)}.png 00001/1001.png",
    ],
)
def test_numbered_folders_are_parts_where_the_number_of_a_file_gives_its_folder(names):
    paths = [tuple(name.split("/")) for name in names.split()]
    assert are_shards(paths) and are_shards(iter(paths[::-1]))


@pytest.mark.parametrize(
    "names",
    [
        "000/7.png 001/150.png",  # three digits, or seven, are no parts
        "0000000/7.png 0000001/1500.png",
        "0000/7.png 00001/1500.png",
        "00000/7.png 00000/8.png",  # a single folder
        "00000/7.png 00001/1500.png 00001/2500.png",
        "00000/7.png 00001/1500.png 02000/2100.png",
        "00000/50.png 00001/150.png 00002/25000.png",
        "00000/7b.png 00001/1500.png",
        "00000/a/7.png 00001/a/1500.png",
        "00000/7.png 00001/x.png",
        "00000/7.png 0000x/1500.png",
        f"00000/{'5'.zfill(20)}.png 00001/1001.png",
    ],
)
def test_other_numbered_folders_are_classes(names):
    assert not are_shards([tuple(name.split("/")) for name in names.split()])
