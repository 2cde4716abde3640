"""The line by which a run begins, of sources of every kind."""

import numpy as np
import pytest

from ganjax.data import LoadReport, Source, Spec, describe
from ganjax.data.describe import summarize_points
from ganjax.data.source import (
    example_struct,
    split_pairs,
    with_mirrored,
    zip_sources,
)


def source(length=12, shape=(4, 6, 3), classes=(), report=None, names=(), **fields):
    return Source(
        Spec("place", **fields),
        length,
        example_struct(shape),
        classes,
        read=lambda rows: pytest.fail("nothing is read to be described"),
        names=names,
        report=report or LoadReport(),
    )


@pytest.mark.parametrize(
    "count, says", [(1, "1 image of"), (2, "2 images of"), (1234, "1,234 images of")]
)
def test_one_image_is_one_image(count, says):
    told = describe(source(count))
    assert told == f"{says} 4x6x3 without classes, none held out."


@pytest.mark.parametrize(
    "count, says",
    [
        (1, "in 1 class (a)"),
        (2, "in 2 classes (a, b)"),
        (8, "in 8 classes (a, b, c, d, e, f, g, h)"),
        (9, "in 9 classes (a, b, ... i)"),
    ],
)
def test_as_many_classes_are_named_as_fit(count, says):
    assert describe(source(classes=(*"abcdefghi"[:count],))) == (
        f"12 images of 4x6x3 {says}, none held out."
    )
    long = describe(source(classes=("x" * 61, "b")))
    assert f"({'x' * 57}..., b)" in long


def test_mirrored_images_are_not_counted_twice():
    told = describe(with_mirrored(source(mirror=True)))
    assert told == (
        "12 images of 4x6x3 without classes, each also mirrored, none held out."
    )


@pytest.mark.parametrize("split", ["train", "train[:50%]", "Training", "trainA"])
def test_what_is_held_out_is_told_to_those_who_train(split):
    report = LoadReport(1234, "x" * 61)
    told = describe(source(split=split, report=report))
    assert told.endswith(f" without classes, 1,234 held out ({'x' * 57}...).")


@pytest.mark.parametrize("split", ["test", "test[:50%]", "extra", "a\nb"])
def test_another_split_is_named_and_nothing_is_held_out_of_it(split):
    shown = split.replace("\n", "\\n")
    told = describe(source(split=split))
    assert told == f"Split {shown}: 12 images of 4x6x3 without classes."


def test_other_files_are_counted_and_notes_follow():
    report = LoadReport(skipped={".txt": 1}, notes=("One.", "Two."))
    assert describe(source(report=report)) == (
        "12 images of 4x6x3 without classes, none held out, 1 other file skipped "
        "(1 .txt). One. Two."
    )
    report = LoadReport(skipped={".txt": 1, ".avif": 1200})
    assert "1,201 other files skipped (1,200 .avif, 1 .txt)." in describe(
        source(report=report)
    )


def test_pairs_are_counted_where_they_belong_together():
    paired = {"target": "other", "paired": True}
    both = zip_sources(source(5, **paired), source(5, **paired))
    assert describe(both).startswith("5 pairs of images of 4x6x3 without classes, ")
    mirrored = with_mirrored(both._replace(spec=both.spec._replace(mirror=True)))
    assert describe(mirrored) == (
        "5 pairs of images of 4x6x3 without classes, each also mirrored, none held out."
    )
    apart = zip_sources(source(3, target="other"), source(5, target="other"))
    assert describe(apart).startswith("3 and 5 images of 4x6x3 without classes, ")
    mirrored = with_mirrored(apart._replace(spec=apart.spec._replace(mirror=True)))
    assert describe(mirrored).startswith("3 and 5 images of 4x6x3 without classes, ")
    halves = split_pairs(source(1, (4, 6, 2), side_by_side=True))
    assert describe(halves).startswith("1 pair of images of 4x6x1 without classes, ")


def test_a_shape_without_pixels_is_told_as_it_is():
    assert describe(source(shape=(0, 6, 3))).startswith("12 images of (0, 6, 3) ")


def test_points_are_told_by_their_numbers():
    point = source(1, (2,))._replace(example=example_struct((2,), np.float32))
    assert summarize_points(point) == "1 point of 2 numbers"
    assert describe(source(1234, (1,)), summarize_points).startswith(
        "1,234 points of 1 number without"
    )
