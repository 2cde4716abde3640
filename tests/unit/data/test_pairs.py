"""Pairs of images: of two places, of two splits of one, and side by side in a file."""

import numpy as np
import pytest
from PIL import Image

from ganjax.data import Spec, load, read_all
from ganjax.data.layout import arrange, find_split
from ganjax.data.pairing import match
from ganjax.errors import NoSplit, UsageError


RNG = np.random.default_rng(0)


def lay(folder, count, size=(6, 6)):
    """Writes as many images of noise, and gives them."""
    folder.mkdir(parents=True)
    made = RNG.integers(0, 256, (count, *size, 3), np.uint8)
    for i, image in enumerate(made):
        Image.fromarray(image).save(folder / f"{i}.png")
    return made


def test_images_of_two_places_are_pairs(tmp_path):
    photos, paintings = lay(tmp_path / "photos", 3), lay(tmp_path / "paintings", 5)
    source = load(Spec(str(tmp_path / "photos"), target=str(tmp_path / "paintings")))
    assert source.length == 5 and source.shape == ((6, 6, 3), (6, 6, 3))
    both = read_all(source).x
    np.testing.assert_array_equal(both.source, photos[[0, 1, 2, 0, 1]])
    np.testing.assert_array_equal(both.target, paintings)


def test_a_pair_that_is_missing_is_named(tmp_path):
    for place, names in (("x", "abc"), ("y", "abd"), ("z", "def")):
        lay(tmp_path / place, 3)
        for i, name in enumerate(names):
            (tmp_path / place / f"{i}.png").rename(tmp_path / place / f"{name}.png")
    spec = Spec(str(tmp_path / "x"), target=str(tmp_path / "y"), paired=True)
    with pytest.raises(UsageError, match=r"^c.png and 1 more are in only one of"):
        load(spec)
    load(spec._replace(paired=False))
    with pytest.raises(UsageError, match="do not tell which images belong together"):
        load(spec._replace(target=str(tmp_path / "z")))


@pytest.mark.parametrize(
    "back", [["c.png", "a.png", "b.png"], ["x_c.png", "x_a.png", "x_b.png"]]
)
def test_each_one_s_partner_is_found_wherever_it_stands(back):
    front = ["a.png", "b.png", "c.png"]
    assert match(front, back, "x and y").tolist() == [1, 2, 0]
    assert match(back, front, "y and x").tolist() == [2, 0, 1]


def test_images_of_two_places_have_no_classes():
    both = load(Spec("digits", target="digits"))
    assert load(Spec("digits")).classes and both.classes == ()
    assert not read_all(both).label.any()


@pytest.mark.parametrize("split, holds", [("train", (3, 5)), ("test", (2, 1))])
def test_one_place_has_two_kinds_in_its_splits(tmp_path, split, holds):
    kinds = {
        f"{name}{kind}": lay(tmp_path / f"{name}{kind}", count)
        for name, counts in {"train": (3, 5), "test": (2, 1)}.items()
        for kind, count in zip("AB", counts, strict=True)
    }
    where = str(tmp_path)
    source = load(Spec(where, target=where, split=split))
    both, rows = read_all(source).x, np.arange(max(holds))
    assert source.length == len(rows) and source.classes == ()
    for side, kind, count in zip(both, "AB", holds, strict=True):
        wanted = kinds[f"{split}{kind}"][rows % count]
        np.testing.assert_array_equal(side, wanted)


@pytest.mark.parametrize("size", [0, 4])
def test_a_file_holds_two_side_by_side(tmp_path, size):
    made = lay(tmp_path / "pairs", 2, (6, 12))
    for half in "left", "right":
        (tmp_path / half).mkdir()
    for i, image in enumerate(made):
        Image.fromarray(image[:, :6]).save(tmp_path / "left" / f"{i}.png")
        Image.fromarray(image[:, 6:]).save(tmp_path / "right" / f"{i}.png")
    paths = {name: str(tmp_path / name) for name in ("pairs", "left", "right")}
    halved = load(Spec(paths["pairs"], size, side_by_side=True))
    apart = load(Spec(paths["left"], size, target=paths["right"], paired=True))
    assert halved.shape == apart.shape == 2 * ((size or 6, size or 6, 3),)
    for one, other in zip(read_all(halved).x, read_all(apart).x, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_middle_column_of_an_odd_width_belongs_to_neither(tmp_path):
    made = lay(tmp_path / "pairs", 2, (6, 13))
    both = read_all(load(Spec(str(tmp_path / "pairs"), side_by_side=True))).x
    np.testing.assert_array_equal(both.source, made[:, :, :6])
    np.testing.assert_array_equal(both.target, made[:, :, 7:])


def test_arrays_hold_two_side_by_side(tmp_path):
    image = RNG.integers(0, 256, (2, 4, 8), np.uint8)
    np.savez(tmp_path / "pairs.npz", image=image)
    both = read_all(load(Spec(str(tmp_path / "pairs.npz"), side_by_side=True))).x
    np.testing.assert_array_equal(both.source[..., 0], image[:, :, :4])
    np.testing.assert_array_equal(both.target[..., 0], image[:, :, 4:])


def test_two_kinds_of_images_may_have_other_folders_beside_them():
    places = "trainA", "testA", "trainB", "testB", "pairsA/train", "pairsA/test"
    names = [f"{place}/1.png" for place in places]
    layout = arrange(names, "emoji")
    for split in places[:4]:
        assert find_split(layout, split).images == {f"{split}/1.png": ("1.png",)}
    with pytest.raises(NoSplit, match="no split 'test'"):
        find_split(layout, "test")


def test_a_mirrored_pair_is_mirrored_together(tmp_path):
    lay(tmp_path / "a", 2), lay(tmp_path / "b", 2)
    spec = Spec(str(tmp_path / "a"), target=str(tmp_path / "b"), mirror=True)
    for image in read_all(load(spec)).x:
        np.testing.assert_array_equal(image[2:], image[:2, :, ::-1])


def test_what_does_not_go_together_is_one_sentence(tmp_path):
    lay(tmp_path / "a", 2), lay(tmp_path / "b", 3), lay(tmp_path / "c", 2, (5, 5))
    a, b, c = (str(tmp_path / name) for name in "abc")
    with pytest.raises(UsageError, match="2 and 3 images: pairs are as many"):
        load(Spec(a, target=b, paired=True))
    with pytest.raises(UsageError, match="differ in shape"):
        load(Spec(a, target=c))
    with pytest.raises(UsageError, match="no split 'trainA'"):
        load(Spec(a, target=a))
    with pytest.raises(UsageError, match="differ in shape"):
        load(Spec("ring", target="ring"))
