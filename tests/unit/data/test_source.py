"""Built-in data, arrays in files, and what a wrong name is answered with."""

import jax.numpy as jnp
import numpy as np
import pytest

from ganjax.core import Batch, Pair
from ganjax.data import (
    LoadReport,
    Source,
    Spec,
    bytes_per_example,
    find_unreadable,
    load,
    read_all,
    source as sources,
    toys,
    unreadable_error,
)
from ganjax.errors import FileError, UsageError


def spec(where, **fields):
    return Spec(str(where), **fields)


def save(path, **arrays):
    np.savez(path, **arrays)
    return path


IMAGES = np.random.default_rng(0).integers(0, 256, (6, 5, 7, 3), np.uint8)
LABELS = np.array([3, 10, 3, 10, 7, 3])


def test_digits_divide_without_overlap():
    parts = [read_all(load(spec("digits", split=s))) for s in ("train", "test", "all")]
    train, test, every = (part.x.reshape(-1, 64) for part in parts)
    assert (len(train), len(test), len(every)) == (899, 898, 1797)
    both = np.concatenate([train, test])
    np.testing.assert_array_equal(np.sort(both, axis=0), np.sort(every, axis=0))
    assert every.max() == 255 and every.min() == 0


def test_digits_are_images_with_ten_classes():
    source = load(spec("digits", size=32, channels=3))
    batch = source.read(np.array([5, 0, 5]))
    assert source.shape == (32, 32, 3) and batch.x.shape == (3, 32, 32, 3)
    assert batch.x.dtype == source.dtype == np.uint8
    assert batch.label.dtype == np.int32
    assert source.classes == tuple("0123456789")
    np.testing.assert_array_equal(batch.x[0], batch.x[2])
    np.testing.assert_array_equal(batch.x[..., 0], batch.x[..., 1])


@pytest.mark.parametrize("where, modes", [("ring", 8), ("grid", 25)])
def test_toys_lie_about_their_centers(where, modes):
    centers = getattr(toys, f"{where}_centers")()
    sd = getattr(toys, f"{where}_sd".upper())
    source = load(spec(where))
    point, label = read_all(source)
    assert centers.shape == (modes, 2) and len(source.classes) == modes
    assert point.dtype == source.dtype == np.float32 and source.shape == (2,)
    np.testing.assert_allclose((point - centers[label]).std(0), sd, rtol=0.02)
    assert np.bincount(label).min() > 0.8 * len(label) / modes
    nearest = np.linalg.norm(point[:, None] - centers, axis=-1).argmin(1)
    np.testing.assert_array_equal(nearest, label)


def test_toys_repeat_and_their_splits_differ():
    rows = np.arange(100)
    train = load(spec("ring")).read(rows).x
    np.testing.assert_array_equal(train, load(spec("ring")).read(rows).x)
    assert np.abs(train - load(spec("ring", split="test")).read(rows).x).max() > 0.1


@pytest.mark.parametrize("where", ["ring", "grid", "digits", "stacked_digits"])
def test_what_is_held_out_is_drawn_by_itself(where):
    """No held-out example is a training example, and their classes come otherwise."""
    rows = np.arange(800)
    train, test = (load(spec(where, split=s)).read(rows) for s in ("train", "test"))
    assert (train.label == test.label).mean() < 0.5
    flat = (x.x.reshape(len(rows), -1).tolist() for x in (train, test))
    assert not set.intersection(*({tuple(x) for x in each} for each in flat))


def test_npz_gives_back_what_was_saved(tmp_path):
    source = load(spec(save(tmp_path / "a.npz", image=IMAGES, label=LABELS)))
    batch = read_all(source)
    np.testing.assert_array_equal(batch.x, IMAGES)
    assert source.classes == ("3", "7", "10")
    np.testing.assert_array_equal(batch.label, [0, 2, 0, 2, 1, 0])


def test_npz_understands_keras_and_numbers_classes_over_both_splits(tmp_path):
    arrays = {"x_train": IMAGES[:4], "y_train": LABELS[:4, None].astype(np.uint8)}
    arrays |= {"x_test": IMAGES[4:], "y_test": LABELS[4:, None]}
    path = save(tmp_path / "a.npz", **arrays)
    train, test = (load(spec(path, split=split)) for split in ("train", "test"))
    assert train.classes == test.classes == ("3", "7", "10")
    np.testing.assert_array_equal(read_all(test).label, [1, 0])
    np.testing.assert_array_equal(read_all(test).x, IMAGES[4:])


def test_npz_without_channels_or_labels(tmp_path):
    np.savez(tmp_path / "a.npz", IMAGES[..., 0])
    source = load(spec(tmp_path / "a.npz"))
    assert source.shape == (5, 7, 1) and source.classes == ()
    assert not read_all(source).label.any()


def test_a_crop_keeps_the_middle_and_a_squeeze_keeps_all(tmp_path):
    image = np.zeros((1, 4, 12, 1), np.uint8)
    image[:, :, 4:8] = 200
    path = save(tmp_path / "a.npz", image=image)
    cropped = read_all(load(spec(path, size=4))).x
    squeezed = read_all(load(spec(path, size=4, crop=False))).x
    assert (cropped == 200).all()
    assert cropped.shape == squeezed.shape == (1, 4, 4, 1) and squeezed.min() < 20


@pytest.mark.parametrize(
    "arrays, says",
    [
        ({"image": IMAGES / 255.0}, "is float64 from 0 to 1: store images as uint8"),
        ({"image": IMAGES.transpose(0, 3, 1, 2)}, r"has shape \(6, 3, 5, 7\)"),
        ({"image": IMAGES[:0]}, "holds no images in split 'train'"),
        ({"image": IMAGES, "label": LABELS[:4]}, "6 images but 4 labels"),
        ({"image": IMAGES, "label": LABELS / 2}, "store labels as whole numbers"),
        ({"label": LABELS}, "save an array named 'image' in it"),
        ({"image": np.array([{}, None])}, "cannot be read as an .npz"),
    ],
)
def test_npz_mistakes(tmp_path, arrays, says):
    path = save(tmp_path / "a.npz", **arrays)
    with pytest.raises(UsageError, match=says):
        load(spec(path))


def test_npz_that_is_cut_off(tmp_path):
    path = save(tmp_path / "a.npz", image=IMAGES)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(UsageError, match="save it again with np.savez"):
        load(spec(path))


@pytest.mark.parametrize(
    "wrong, says",
    [
        (
            spec("digit"),
            r"no data 'digit' \(did you mean digits\?\): give digits, ring",
        ),
        (spec(""), "no data ''"),
        (spec("missing.zip"), "no data 'missing.zip'"),
        (spec("digits", split="val"), "its splits are train, test and all"),
        (spec("digits", channels=2), "--channels 2 is unknown"),
        (spec("digits", size=-1), "--size -1 is not a size"),
        (spec("digits", background=256), "--background 256"),
        (spec("ring", size=32), "no pixels: remove --size"),
        (spec("ring", split="all"), "its splits are train and test"),
    ],
)
def test_a_wrong_spec_is_one_sentence(wrong, says):
    with pytest.raises(UsageError, match=says):
        load(wrong)


def test_mirrored_images_come_after_the_images(tmp_path):
    path = save(tmp_path / "few.npz", image=IMAGES, label=LABELS)
    once, twice = load(spec(path)), load(spec(path, mirror=True))
    assert (once.length, twice.length) == (6, 12)
    image, label = read_all(twice)
    np.testing.assert_array_equal(image, [*IMAGES, *IMAGES[:, :, ::-1]])
    np.testing.assert_array_equal(label, np.tile(read_all(once).label, 2))
    some = twice.read(np.array([7, 2]))
    np.testing.assert_array_equal(some.x, [IMAGES[1, :, ::-1], IMAGES[2]])


def test_points_have_no_mirror_image():
    with pytest.raises(UsageError, match="ring holds no images: remove --mirror"):
        load(spec("ring", mirror=True))


# Sources of sources


def rows_of(length, shape=(2, 3, 1), where="place", broken=(), **fields):
    """Images whose pixels are the row's number, but for the first column, and its label."""
    made = np.arange(length).reshape(-1, *[1] * len(shape)) + np.zeros(shape)
    made = made.astype(np.uint8)
    made[:, :, 0] = 100

    def error(row):
        file = f"{where}/{row}.png"
        return FileError(f"{file} is broken: mend it.", file, "is broken")

    def read(rows):
        for row in rows:
            if row in broken:
                raise error(row)
        return Batch(made[rows], 10 * np.asarray(rows, np.int32))

    options = {name: fields.pop(name) for name in ("names", "report") if name in fields}
    return Source(
        Spec(where, **fields),
        length,
        sources.example_struct(shape),
        ("a", "b"),
        read,
        inventory=lambda: {f"{where}.png": str(length)},
        find_errors=lambda rows: [error(row) for row in rows if row in broken],
        evaluator=lambda *args: pytest.fail("nothing is scored"),
        **options,
    )


def shown(batch):
    """The row that each image is of."""
    return batch[:, 0, 1, 0].tolist()


def test_an_example_is_of_bytes_unless_it_is_said_to_be_of_another_kind():
    image = sources.example_struct((2, 3, 1))
    point = sources.example_struct((5,), "float32")
    assert (image.shape, image.dtype) == ((2, 3, 1), np.uint8)
    both = rows_of(4)._replace(example=Pair(image, point))
    assert both.shape == Pair((2, 3, 1), (5,))
    assert both.dtype == Pair(np.uint8, np.float32)
    assert bytes_per_example(both) == 2 * 3 * 1 + 5 * 4
    shapes = sources.batch_shapes(both.example, 7, 8)
    assert shapes.source.shape == (7, 8, 2, 3, 1) and shapes.source.dtype == np.uint8
    assert shapes.target.shape == (7, 8, 5) and shapes.target.dtype == np.float32


def test_the_shape_of_a_sample_is_that_of_what_g_is_meant_to_make():
    both = rows_of(4)._replace(
        example=Pair(
            sources.example_struct((2, 3, 1)), sources.example_struct((4, 5, 3))
        )
    )
    to_real = lambda x: jnp.concatenate([x.target, x.target], 1)
    assert sources.sample_shape(both, to_real) == (8, 5, 3)


def test_some_rows_are_drawn_from_all_and_always_the_same_ones():
    source = rows_of(100)
    rows = sources.random_rows(source, 20)
    assert len(set(rows)) == 20 and sorted(rows) == rows.tolist()
    assert rows.min() < 20 and rows.max() >= 80
    np.testing.assert_array_equal(rows, sources.random_rows(source, 20))
    assert shown(sources.read_some(source, 20).x) == rows.tolist()
    assert sources.random_rows(source, 100).tolist() == [*range(100)]
    assert sources.random_rows(source, 999).tolist() == [*range(100)]
    # Scores are of the same examples in every version.
    assert sources.random_rows(source, 5).tolist() == [5, 20, 36, 82, 93]


def test_what_a_built_in_set_holds_out_is_told_to_those_who_train():
    held_out = sources.report_held_out
    assert held_out(Spec("x"), 7) == LoadReport(7, "test")
    assert (
        held_out(Spec("x", split="test"), 7) == held_out(Spec("x"), 0) == LoadReport()
    )


def test_pairs_are_mirrored_on_both_sides_and_keep_their_labels():
    front, back = rows_of(3), rows_of(3, shape=(2, 3, 1), where="other")
    pairs = sources.zip_sources(front, back)._replace(
        read=lambda rows: Batch(Pair(front.read(rows).x, 9 + back.read(rows).x), rows)
    )
    twice = sources.with_mirrored(pairs)
    assert twice.length == 6 and twice.components == (pairs,)
    plain, rows = pairs.read(np.array([0, 2])), np.array([3, 2])
    both, label = twice.read(rows)
    assert label.tolist() == [0, 2]
    for side, one in zip(both, plain.x, strict=True):
        np.testing.assert_array_equal(side[0], one[0, :, ::-1])
        np.testing.assert_array_equal(side[1], one[1])
    with pytest.raises(UsageError, match="place holds no images: remove --mirror"):
        point = sources.example_struct((2,))
        sources.with_mirrored(pairs._replace(example=Pair(front.example, point)))


def test_halves_of_channels_are_the_sides_of_pairs():
    image = np.arange(48, dtype=np.float32).reshape(2, 2, 3, 4)
    whole = rows_of(2)._replace(
        example=sources.example_struct((2, 3, 4), np.float32),
        read=lambda rows: Batch(image[rows], rows),
    )
    halves = sources.split_pairs(whole)
    assert halves.shape == Pair((2, 3, 2), (2, 3, 2))
    assert halves.dtype == Pair(np.float32, np.float32)
    (source, target), label = halves.read(np.array([1, 0]))
    np.testing.assert_array_equal(source, image[::-1, :, :, :2])
    np.testing.assert_array_equal(target, image[::-1, :, :, 2:])
    assert label.tolist() == [1, 0] and halves.classes == whole.classes
    with pytest.raises(UsageError, match="place holds no images, so it holds no pairs"):
        sources.split_pairs(rows_of(2)._replace(example=sources.example_struct((4,))))


@pytest.mark.parametrize("lengths", [(3, 5), (5, 3), (4, 4)])
def test_the_shorter_side_starts_again(lengths):
    front, back = rows_of(lengths[0]), rows_of(lengths[1], where="other")
    both = sources.zip_sources(front, back)
    assert both.length == max(lengths) and both.spec == front.spec
    rows = np.array([max(lengths) - 1, 0, 3])
    (source, target), label = both.read(rows)
    assert shown(source) == (rows % lengths[0]).tolist()
    assert shown(target) == (rows % lengths[1]).tolist()
    assert label.tolist() == [0] * 3 and label.dtype == np.int32
    assert (both.classes, both.names, both.evaluator) == ((), (), None)
    assert both.components == (front, back)
    assert both.inventory() == {
        "where/place.png": str(lengths[0]),
        "target/other.png": str(lengths[1]),
    }


def test_pairs_come_in_the_order_of_the_first_side():
    front = rows_of(3, names=("a.png", "b.png", "c.png"), paired=True)
    back = rows_of(3, where="other", names=("c.jpg", "a.jpg", "b.jpg"))
    both = sources.zip_sources(front, back)
    (source, target), _ = both.read(np.array([0, 1, 2]))
    assert shown(source) == [0, 1, 2] and shown(target) == [1, 2, 0]
    told = "Pairs: a.png with a.jpg, b.png with b.jpg, c.png with c.jpg."
    assert both.report.notes == (told,)


def test_what_has_no_names_pairs_by_its_order():
    front, back = rows_of(3, paired=True), rows_of(3, where="other")
    both = sources.zip_sources(front, back)
    assert shown(both.read(np.arange(3)).x.target) == [0, 1, 2]
    assert both.report.notes == ()
    named = back._replace(names=("1", "2", "3"))
    for sides in ((front, named), (front._replace(names=named.names), back)):
        with pytest.raises(UsageError, match="Of place and other one has files with"):
            sources.zip_sources(*sides)
    with pytest.raises(UsageError, match="^place and other hold 3 and 2 images: pairs"):
        sources.zip_sources(front, rows_of(2, where="other"))


@pytest.mark.parametrize("shape", [(2, 3, 3), (3, 2, 1), (6,)])
def test_sides_of_other_shapes_do_not_go_together(shape):
    with pytest.raises(
        UsageError, match="The images of place and other differ in shape"
    ):
        sources.zip_sources(
            rows_of(2),
            rows_of(2, (2, 3, 1), "other")._replace(
                example=sources.example_struct(shape)
            ),
        )


def test_the_report_of_pairs_tells_both_sides():
    one = LoadReport(3, "test", {".txt": 2}, ("Same.", "One."))
    other = LoadReport(5, "val", {".txt": 1, ".avif": 1}, ("Same.", "Other."))
    front, back = rows_of(2, report=one), rows_of(2, where="other", report=other)
    notes = ("Same.", "One.", "Other.")
    assert sources.zip_sources(front, back).report == (
        *(5, "test and val", {".txt": 3, ".avif": 1}, notes),
    )
    again = back._replace(report=one)
    assert sources.zip_sources(back, again).report == (
        *(5, "val and test", {".txt": 1, ".avif": 1}, ("Same.", "Other.", "One.")),
    )
    assert sources.zip_sources(front, again).report[:2] == (3, "test")
    for sides in (
        (front._replace(report=one._replace(held_out=0)), back),
        (front, back._replace(report=other._replace(held_out=0))),
    ):
        assert sources.zip_sources(*sides).report[:2] == (0, "")


# All examples of a source


@pytest.mark.parametrize("length", [1, 4, 5, 8])
def test_all_is_read_chunk_by_chunk(monkeypatch, length):
    monkeypatch.setattr(sources, "CHUNK_ROWS", 4)
    source, asked = rows_of(length), []

    def read(rows):
        asked.append(rows.tolist())
        return source.read(rows)

    image, label = read_all(source._replace(read=read))
    assert shown(image) == [*range(length)] and image.dtype == np.uint8
    assert label.tolist() == [10 * row for row in range(length)]
    assert label.dtype == np.int32
    assert sum(asked, []) == [*range(length)] and max(map(len, asked)) <= 4
    both = read_all(sources.zip_sources(source, rows_of(length, where="other"))).x
    assert shown(both.source) == shown(both.target) == [*range(length)]


def test_all_that_is_broken_is_found_in_every_part(monkeypatch):
    monkeypatch.setattr(sources, "CHUNK_ROWS", 4)
    front, back = rows_of(9, broken=(0, 7)), rows_of(6, where="other", broken=(5,))
    both = sources.with_mirrored(sources.zip_sources(front, back))
    files = ["place/0.png", "place/7.png", "other/5.png"]
    errors = find_unreadable(both)
    assert [error.file for error in errors] == files
    told = (
        "3 of the 15 images of place cannot be used (0.png is broken, 7.png is broken, "
        "other/5.png is broken): repair them or take them out."
    )
    assert str(unreadable_error(both, errors)) == told
    with pytest.raises(UsageError) as caught:
        read_all(both)
    assert str(caught.value) == told
    one = rows_of(9, broken=(8,))
    with pytest.raises(FileError, match="^place/8.png is broken: mend it.$"):
        read_all(one)


def test_another_error_in_reading_is_told_as_it_is():
    def read(rows):
        raise UsageError("own words")

    with pytest.raises(UsageError, match="^own words$"):
        read_all(rows_of(9)._replace(read=read))


@pytest.mark.parametrize("count, more", [(10, ""), (11, ", and 1 more")])
def test_ten_broken_files_are_named_and_others_counted(count, more):
    errors = [FileError("", f"a.zip:{i}.png", "is odd") for i in range(count)]
    error = sources.unreadable_files_error("a.zip", 1200, errors)
    named = ", ".join(f"{i}.png is odd" for i in range(10))
    assert str(error) == (
        f"{count} of the 1,200 images of a.zip cannot be used ({named}{more}): repair "
        "them or take them out."
    )


# Where the data is


@pytest.mark.parametrize("background", [0, 255])
@pytest.mark.parametrize("channels", [0, 1, 3, 4])
def test_every_spec_in_range_is_taken(background, channels):
    source = load(Spec("digits", channels=channels, background=background))
    assert source.shape == (8, 8, channels or 1)


@pytest.mark.parametrize(
    "fields, says",
    [
        ({"background": -1}, "--background -1 is out of range: give 0 to 255"),
        ({"channels": 5}, "--channels 5 is unknown"),
        ({"channels": -1}, "--channels -1 is unknown"),
        ({"crop": 1}, "crop is 1: give True or False"),
        ({"paired": 0}, "paired is 0: give True or False"),
        ({"side_by_side": None}, "side_by_side is None: give True or False"),
        ({"background": 0.5}, "--background is 0.5: give a whole number"),
        ({"side_by_side": True, "target": "digits"}, "are pairs already: give either"),
    ],
)
def test_a_spec_that_cannot_be_is_one_sentence(fields, says):
    with pytest.raises(UsageError, match=says):
        load(Spec("digits", **fields))


def test_a_place_is_opened_by_what_it_is(tmp_path):
    path = save(tmp_path / "a.npz", image=IMAGES)
    path.rename(tmp_path / "A.NPZ")
    assert load(tmp_path / "A.NPZ").length == 6
    for name in ("a.txt", "npz"):
        (tmp_path / name).write_text("no images")
        with pytest.raises(UsageError, match=f"{name} is a file that holds no set of"):
            load(tmp_path / name)
    with pytest.raises(UsageError, match=r"no data 'zzz': give digits, ring"):
        load("zzz")
    (tmp_path / "b.zip").mkdir()
    with pytest.raises(UsageError, match="b.zip holds no images such as .png"):
        load(tmp_path / "b.zip")


def test_a_built_in_set_has_no_two_kinds_of_images():
    both = load(Spec("digits", target="digits", split="test", mirror=True))
    assert both.length == 2 * 898 and both.spec.split == "test"
    assert both.report.held_out == 0
    x = both.read(np.array([0, 898])).x
    np.testing.assert_array_equal(x.source, x.target)
    np.testing.assert_array_equal(x.source[1], x.source[0, :, ::-1])


def test_halves_of_an_image_are_mirrored_one_by_one(tmp_path):
    path = save(tmp_path / "a.npz", image=IMAGES[:, :, :6])
    both = load(spec(path, side_by_side=True, mirror=True)).read(np.array([0, 6])).x
    np.testing.assert_array_equal(both.source[0], IMAGES[0, :, :3])
    np.testing.assert_array_equal(both.source[1], IMAGES[0, :, 2::-1])
    np.testing.assert_array_equal(both.target[1], IMAGES[0, :, 5:2:-1])
