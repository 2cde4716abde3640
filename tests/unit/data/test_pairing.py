"""Which names of files belong together, and what is said where none do."""

import numpy as np
import pytest

from ganjax.data.pairing import describe, match, unequal_numbers
from ganjax.errors import UsageError


def partners(front, back):
    """The partner of each name, both written in one line."""
    order = match(front.split(), back.split(), "x and y")
    return [back.split()[index] for index in order]


@pytest.mark.parametrize(
    "front, back",
    [
        ("a.png b.png", "a.jpg b.webp"),  # but for the ending
        ("a/1.png b/1.png", "a/1.png b/1.png"),
        ("a.b.png a.c.png", "a.b.jpg a.c.jpg"),
        (".b .c", ".b .c"),
        ("IMG_1.png IMG_02.png", "img_01.png img_2.png"),
        ("STRASSE.png x.png", "straße.png x.png"),
        ("caf\u00e9.png x.png", "cafe\u0301.png x.png"),
        ("p/1.png q/2.png", "1.png r/2.png"),  # in whatever folder
        ("1.png 2.png", "1_mask.png 2_mask.png"),
        ("a/1.png b/1.png", "a/1_mask.png b/1_mask.png"),
        ("a/x1.png a/x2.png", "b/1_y.png c/2_y.png"),
        ("cat.png dog.png", "gt_cat_m.png gt_dog_m.png"),
        ("img10.png img11.png", "10_x.png 11_x.png"),  # no number is cut in two
        ("10.png 20.png", "x10y.png x20y.png"),
        ("a1x.png a1y.png", "b2x.png b2y.png"),
        ("x1a.png y1a.png", "x2b.png y2b.png"),
        ("1.png 12.png", "a1.png a12.png"),
        ("left1_2024.png left2_2024.png", "right-1-7x7.png right-2-7x7.png"),
        ("f1_t1.png f1_t2.png f2_t1.png", "1-1b.png 1-2b.png 2-1b.png"),
        ("1.png 2.png", "owl1.png dog2.png"),
    ],
)
def test_names_that_belong_together(front, back):
    assert partners(front, back) == back.split()
    mixed = " ".join(reversed(back.split()))
    assert partners(front, mixed) == back.split()
    assert partners(back, front) == front.split()


def test_equal_names_go_before_equal_numbers_or_endings():
    assert partners("a1.png a01.png", "a01.png a1.png") == ["a1.png", "a01.png"]
    assert partners("x/1.png y/1.png", "y/1.png x/1.png") == ["x/1.png", "y/1.png"]


def test_a_single_image_on_each_side_is_a_pair():
    assert partners("photo.png", "painting.jpg") == ["painting.jpg"]


@pytest.mark.parametrize(
    "front, back, says",
    [
        ("a.png b.png", "c.png d.png", "do not tell .* .a.png ... and c.png ...."),
        ("owl1.png dog2.png", "cow1.png cat2.png", "do not tell which images belong"),
        ("1.png 2.png", "3.png 4.png", "do not tell which images belong together"),
        ("10.png 11.png", "20.png 21.png", "do not tell which images belong together"),
        ("10.png 20.png", "11.png 21.png", "do not tell which images belong together"),
        ("1.png 1.jpg", "1.png 2.png", "do not tell which images belong together"),
        ("owl1.png dog2_3.png", "1.png 2.png", "do not tell which images belong"),
        ("a.png b.png c.png", "a.png b.png d.png", "^c.png and 1 more are in only one"),
        ("a.png b.png c.png d.png", "a.png b.png x.png y.png", "^c.png and 3 more are"),
        ("a.png b.png c.png d.png", "a.png x.png y.png z.png", "do not tell which"),
        ("a.png b.png", "a.png b.png c.png", "2 and 3 images: .*, and c.png has no p"),
        ("b.png a.png c.png", "a.png c.png", "3 and 2 images: .*, and b.png has no p"),
        (
            "a.png",
            "x.png y.png z.png",
            "hold 1 and 3 images: pairs are as many in each.$",
        ),
        ("a.png b.png", "", "hold 2 and 0 images: pairs are as many in each.$"),
    ],
)
def test_names_that_do_not_tell_pairs(front, back, says):
    with pytest.raises(UsageError, match=says):
        partners(front, back)


def test_large_numbers_are_written_with_commas():
    error = unequal_numbers(1200, 3, "x and y", ", so it is")
    assert str(error) == (
        "x and y hold 1,200 and 3 images: pairs are as many in each, so it is."
    )


@pytest.mark.parametrize(
    "count, more", [(1, ""), (3, ""), (4, ", and 1 more"), (1203, ", and 1,200 more")]
)
def test_the_first_three_pairs_are_shown(count, more):
    front, back = ([f"{side}{i}" for i in range(count)] for side in "ab")
    order = np.arange(count)[::-1]
    pairs = [f"a{i} with b{count - 1 - i}" for i in range(min(3, count))]
    assert describe(front, back, order) == f"Pairs: {', '.join(pairs)}{more}."
