"""Names of splits as people write them."""

import pytest

from ganjax.data.splits import check_exists, parse, parse_exact
from ganjax.errors import NoSplit


WORDS = {
    "train": "train training trn",
    "test": "test testing tst",
    "val": "val valid validation dev eval evaluation holdout hold_out hold-out "
    "heldout held_out held-out",
}


@pytest.mark.parametrize(
    "word, kind", [(word, kind) for kind in WORDS for word in WORDS[kind].split()]
)
def test_every_word_names_its_kind_alone_and_with_others(word, kind):
    assert parse(word) == parse(word.upper()) == parse(f"{word}set") == (kind, "", "")
    assert parse(f"{word}B") == parse(f"{word}_b") == (kind, "B", "")
    assert parse(f"x-{word}-A-y") == (kind, "A", "x*y")


@pytest.mark.parametrize(
    "name, wanted",
    [
        ("Training_Set", ("train", "", "")),
        ("data.train", ("train", "", "")),
        ("Split Test", ("test", "", "")),
        ("val-data", ("val", "", "")),
        ("data_val_set", ("val", "", "")),
        ("trainsetA", ("train", "A", "")),
        ("train-b", ("train", "B", "")),
        ("train2017", ("train", "", "2017")),
        ("seg_train", ("train", "", "seg")),
        ("my_train_images", ("train", "", "my*images")),
        ("val_masks", ("val", "", "masks")),
        ("train_ab", ("train", "", "ab")),
        ("train c", ("train", "", "c")),
        ("train\n1", ("train", "", "\n1")),
        ("train_test", ("train", "", "test")),
    ],
)
def test_what_stands_beside_the_word_is_kept_unless_it_means_nothing(name, wanted):
    assert parse(name) == wanted
    assert parse_exact(name) == (None if wanted[2] else wanted)


@pytest.mark.parametrize(
    "name", ["", "restraining", "contest", "trainab", "trainc", "devil", "xval", "set"]
)
def test_a_word_within_a_word_is_no_split(name):
    assert parse(name) is None and parse_exact(name) is None


def test_a_split_that_is_missing_is_told_with_those_that_are_there():
    check_exists("b", ("a", "b", "c"), "x")
    says = "^x has no split 'd': its splits are a, b and c.$"
    with pytest.raises(NoSplit, match=says):
        check_exists("d", ("a", "b", "c"), "x")
