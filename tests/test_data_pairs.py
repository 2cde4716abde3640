"""Two images in one: of two places, of two splits of one, and side by side in a file."""

import numpy as np
import pytest
from PIL import Image

from ganjax.data import Spec, load, whole
from ganjax.data.tree import arrange, find
from ganjax.errors import Mistake, NoSplit


RNG = np.random.default_rng(0)


def lay(folder, count, size=(6, 6)):
    """Writes as many images of noise, and gives them."""
    folder.mkdir(parents=True)
    made = RNG.integers(0, 256, (count, *size, 3), np.uint8)
    for i, image in enumerate(made):
        Image.fromarray(image).save(folder / f"{i}.png")
    return made


def test_images_of_two_places_lie_one_behind_the_other(tmp_path):
    photos, paintings = lay(tmp_path / "photos", 3), lay(tmp_path / "paintings", 5)
    source = load(Spec(str(tmp_path / "photos"), beside=str(tmp_path / "paintings")))
    assert source.length == 5 and source.shape == (6, 6, 6)
    both = whole(source).image
    np.testing.assert_array_equal(both[..., :3], photos[[0, 1, 2, 0, 1]])
    np.testing.assert_array_equal(both[..., 3:], paintings)


def test_a_pair_that_is_missing_is_named(tmp_path):
    for place, names in (("x", "abc"), ("y", "abd"), ("z", "def")):
        lay(tmp_path / place, 3)
        for i, name in enumerate(names):
            (tmp_path / place / f"{i}.png").rename(tmp_path / place / f"{name}.png")
    spec = Spec(str(tmp_path / "x"), beside=str(tmp_path / "y"), paired=True)
    with pytest.raises(Mistake, match=r"^c.png and 1 more are in only one of"):
        load(spec)
    load(spec._replace(paired=False))
    with pytest.raises(Mistake, match="do not tell which images belong together"):
        load(spec._replace(beside=str(tmp_path / "z")))


def test_images_of_two_places_have_no_classes():
    both = load(Spec("digits", beside="digits"))
    assert load(Spec("digits")).classes and both.classes == ()
    assert not whole(both).label.any()


@pytest.mark.parametrize("split, holds", [("train", (3, 5)), ("test", (2, 1))])
def test_one_place_has_two_kinds_in_its_splits(tmp_path, split, holds):
    kinds = {
        f"{name}{kind}": lay(tmp_path / f"{name}{kind}", count)
        for name, counts in {"train": (3, 5), "test": (2, 1)}.items()
        for kind, count in zip("AB", counts, strict=True)
    }
    where = str(tmp_path)
    source = load(Spec(where, beside=where, split=split))
    both, rows = whole(source).image, np.arange(max(holds))
    assert source.length == len(rows) and source.classes == ()
    for channels, kind, count in (
        (slice(3), "A", holds[0]),
        (slice(3, 6), "B", holds[1]),
    ):
        wanted = kinds[f"{split}{kind}"][rows % count]
        np.testing.assert_array_equal(both[..., channels], wanted)


@pytest.mark.parametrize("size", [0, 4])
def test_a_file_holds_two_side_by_side(tmp_path, size):
    made = lay(tmp_path / "pairs", 2, (6, 12))
    for half in "left", "right":
        (tmp_path / half).mkdir()
    for i, image in enumerate(made):
        Image.fromarray(image[:, :6]).save(tmp_path / "left" / f"{i}.png")
        Image.fromarray(image[:, 6:]).save(tmp_path / "right" / f"{i}.png")
    paths = {name: str(tmp_path / name) for name in ("pairs", "left", "right")}
    halved = load(Spec(paths["pairs"], size, halves=True))
    apart = load(Spec(paths["left"], size, beside=paths["right"], paired=True))
    assert halved.shape == apart.shape == (size or 6, size or 6, 6)
    np.testing.assert_array_equal(whole(halved).image, whole(apart).image)


def test_arrays_hold_two_side_by_side(tmp_path):
    image = RNG.integers(0, 256, (2, 4, 8), np.uint8)
    np.savez(tmp_path / "pairs.npz", image=image)
    both = whole(load(Spec(str(tmp_path / "pairs.npz"), halves=True))).image
    np.testing.assert_array_equal(both[..., 0], image[:, :, :4])
    np.testing.assert_array_equal(both[..., 1], image[:, :, 4:])


def test_two_kinds_of_images_may_have_other_folders_beside_them():
    places = "trainA", "testA", "trainB", "testB", "pairsA/train", "pairsA/test"
    names = [f"{place}/1.png" for place in places]
    tree = arrange(names, "emoji")
    for split in places[:4]:
        assert find(tree, split).images == {f"{split}/1.png": ("1.png",)}
    with pytest.raises(NoSplit, match="no split 'test'"):
        find(tree, "test")


def test_a_mirrored_pair_is_mirrored_together(tmp_path):
    lay(tmp_path / "a", 2), lay(tmp_path / "b", 2)
    spec = Spec(str(tmp_path / "a"), beside=str(tmp_path / "b"), mirror=True)
    image = whole(load(spec)).image
    np.testing.assert_array_equal(image[2:], image[:2, :, ::-1])


def test_what_does_not_go_together_is_one_sentence(tmp_path):
    lay(tmp_path / "a", 2), lay(tmp_path / "b", 3), lay(tmp_path / "c", 2, (5, 5))
    a, b, c = (str(tmp_path / name) for name in "abc")
    with pytest.raises(Mistake, match="2 and 3 images: pairs are as many"):
        load(Spec(a, beside=b, paired=True))
    with pytest.raises(Mistake, match="differ in shape"):
        load(Spec(a, beside=c))
    with pytest.raises(Mistake, match="no split 'trainA'"):
        load(Spec(a, beside=a))
    with pytest.raises(Mistake, match="differ in shape"):
        load(Spec("ring", beside="ring"))
