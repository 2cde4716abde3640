"""Data that is given as Python objects."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from ganjax.core import Batch, Pair
from ganjax.data import (
    Sizes,
    Source,
    Spec,
    by_step,
    from_batches,
    from_object,
    indexed,
    load,
)
from ganjax.data.objects import IN_MEMORY, Data
from ganjax.errors import NoSplit, UsageError


X = np.random.default_rng(0).integers(0, 256, (12, 4, 4, 1), np.uint8)
LABEL = np.arange(12) % 3


def opened(data) -> Source:
    found = from_object(data, load)
    return found.load(found.spec)


def test_a_name_a_path_a_spec_and_a_source_stay_what_they_are(tmp_path):
    np.savez(tmp_path / "a.npz", image=X)
    for given, spec in (
        ("ring", Spec("ring")),
        (tmp_path / "a.npz", Spec(str(tmp_path / "a.npz"))),
        (Spec("digits", size=4), Spec("digits", size=4)),
    ):
        assert from_object(given, load) == Data(spec, load)
    source = load(Spec("digits", split="test"))
    assert opened(source) is source


@pytest.mark.parametrize(
    "data",
    [
        (X, LABEL),
        (jnp.asarray(X), LABEL.tolist()),
        (X, LABEL[:, None]),
        Batch(X, LABEL),
        {"x": X, "y": LABEL},
        {"train_images": X, "train_labels": LABEL},
        list(zip(X, LABEL, strict=True)),
        [{"image": x, "label": int(i)} for x, i in zip(X, LABEL, strict=True)],
        [Batch(x, i) for x, i in zip(X, LABEL, strict=True)],
    ],
)
def test_arrays_with_labels_are_examples_of_classes(data):
    source = opened(data)
    assert source.spec == Spec(IN_MEMORY) and source.classes == ("0", "1", "2")
    assert (source.length, source.shape, source.dtype) == (12, (4, 4, 1), np.uint8)
    rows = np.array([7, 0, 7])
    read = source.read(rows)
    np.testing.assert_array_equal(read.x, X[rows])
    np.testing.assert_array_equal(read.label, LABEL[rows])
    assert read.label.dtype == np.int32


def test_classes_are_the_values_that_occur_in_any_split():
    names = np.array(["dog", "cat", "dog", "eel"] * 3)
    data = {
        "x": X,
        "label": names,
        "x_test": X[:2],
        "label_test": np.array(["ant"] * 2),
    }
    source = opened(data)
    assert source.classes == ("ant", "cat", "dog", "eel")
    np.testing.assert_array_equal(source.read(np.arange(4)).label, [2, 1, 2, 3])
    held_out = from_object(data, load).load(Spec(IN_MEMORY, split="test"))
    assert held_out.length == source.report.held_out == 2
    np.testing.assert_array_equal(held_out.read(np.arange(2)).label, [0, 0])
    with pytest.raises(NoSplit):
        from_object((X, LABEL), load).load(Spec(IN_MEMORY, split="test"))


def test_examples_without_labels_have_no_classes():
    for data in (X, list(X), {"image": X}, [{"x": x} for x in X]):
        source = opened(data)
        assert source.classes == () and source.shape == (4, 4, 1)
        np.testing.assert_array_equal(source.read(np.array([3])).label, [0])


def test_doubles_become_floats_and_trees_stay_trees():
    source = opened(Pair(X, X[:, :2].astype(np.float64)))
    assert source.shape == Pair((4, 4, 1), (2, 4, 1))
    assert source.dtype == Pair(np.uint8, np.float32)
    read = source.read(np.array([1, 2])).x
    np.testing.assert_array_equal(read.target, X[1:3, :2])


def test_what_changes_in_the_arrays_is_seen_in_the_inventory():
    other = X.copy()
    other[3] ^= 1
    assert opened(X).inventory() == opened(X.copy()).inventory()
    assert opened(X).inventory() != opened(other).inventory()
    assert opened((X, LABEL)).inventory() != opened((X, LABEL[::-1])).inventory()
    assert opened(list(X)).inventory() != opened(list(other)).inventory()


class Many:
    """As data of TFDS and Hugging Face: many examples are read by one call."""

    def __init__(self, items):
        self.items, self.calls = items, []

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        return self.items[i]

    def __getitems__(self, rows):
        self.calls.append(rows)
        return [self.items[i] for i in rows]


def test_many_examples_are_read_at_once_and_pictures_are_images():
    data = Many([{"image": Image.fromarray(x[..., 0]), "label": 0} for x in X])
    found = indexed(data, classes=("a", "b"), held_out=Many(list(X[:3])))
    source = found.load(found.spec)
    assert source.classes == ("a", "b") and source.shape == (4, 4)
    assert (source.report.held_out, source.report.held_out_name) == (3, "test")
    np.testing.assert_array_equal(source.read(np.array([5, 2])).x, X[[5, 2], ..., 0])
    assert data.calls == [[5, 2]]
    assert found.load(Spec(IN_MEMORY, split="test")).length == 3
    assert indexed(data, classes=2).load(found.spec).classes == ("0", "1")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (7, "The data is given as int: give a name or path"),
        ((X, LABEL[:5]), "There are 12 examples and 5 labels"),
        ((X, LABEL / 2), "labels for split 'train' is float64"),
        (Pair(X, X[:3]), "give one row for each example"),
        (np.float32(3), "give one row for each example"),
        (X[:0], "hold no examples"),
        ([], "holds no examples"),
        ({"pictures": X}, "The dict has pictures: name its arrays x and label"),
        (
            {"x": X, "x_test": X, "label": LABEL},
            "There are labels for train and examples",
        ),
        (
            [{"picture": x} for x in X],
            "An example of the data has picture: name its image",
        ),
        ([(x, -1) for x in X], "The label of an example is -1"),
        ([(x, "cat") for x in X], "The label of an example is 'cat'"),
    ],
)
def test_what_is_no_data_is_a_sentence(data, says):
    with pytest.raises(UsageError, match=says):
        opened(data)


def test_examples_of_several_shapes_are_a_sentence():
    source = opened([X[0], X[1], X[2, :2]])
    with pytest.raises(
        UsageError, match=r"Example 2 of the data has the shape \(2, 4, 1\)"
    ):
        source.read(np.array([0, 2]))


TWO = Sizes(2, 3, 3)


def stream_of(function, sizes=TWO, **more):
    found = by_step(function, classes=3)
    assert found.batches is not None
    return from_batches(found.batches, sizes, **more)


def batch_of(step):
    return X[np.arange(step, step + 6) % 12], np.arange(step, step + 6) % 3


def test_a_function_of_the_step_is_asked_once_for_each_step():
    asked = []

    def function(step):
        asked.append(step)
        return batch_of(step)

    stream = stream_of(function, longest=3)
    assert stream.shapes.d.x.shape == (2, 3, 4, 4, 1)
    assert stream.shapes.g.x.shape == (3, 4, 4, 1)
    for first in (0, 1, 3):  # as the loop asks where calls are shorter than windows
        window = stream.window(0, first)
        for place in range(3):
            x, label = batch_of(first + place)
            turns = stream.draw((), window, first + place, place, None)  # pyright: ignore
            np.testing.assert_array_equal(turns.d.x.reshape(6, 4, 4, 1), x)
            np.testing.assert_array_equal(turns.d.label.ravel(), label)
            np.testing.assert_array_equal(turns.g.x, x[3:])
    assert asked == [0, 1, 2, 3, 4, 5]
    # Each process has its rows of every turn.
    mine = stream_of(batch_of, Sizes(1, 6, 6), process=1, count=2).window(0, 4)
    np.testing.assert_array_equal(mine.d.x[0, 0], batch_of(4)[0][3:])
    np.testing.assert_array_equal(mine.g.label[0], batch_of(4)[1][3:])


def test_a_function_may_give_an_iterator_that_goes_on():
    began = []

    def function(step):
        began.append(step)
        return (batch_of(i) for i in range(step, 8))

    window = stream_of(function, Sizes(1, 6, 6), longest=2).window
    for first in (4, 6):  # resumed at step 4
        np.testing.assert_array_equal(window(0, first).g.x[1], batch_of(first + 1)[0])
    assert began == [0, 4]
    with pytest.raises(UsageError, match="The data has no batch for step 8"):
        window(0, 8)


def test_a_function_must_give_as_many_rows_as_a_step_takes():
    stream = stream_of(batch_of, Sizes(1, 4, 4))
    with pytest.raises(
        UsageError, match="The batch of step 2 has 6 rows, and D sees 4"
    ):
        stream.window(0, 2)
    with pytest.raises(UsageError, match="D's batch is 3 and G's 6"):
        stream_of(batch_of, Sizes(2, 3, 6))


def test_batches_may_have_classes_and_names():
    batches = lambda step: dict(zip(("image", "label"), batch_of(step), strict=True))
    found = by_step(batches, classes=("a", "b", "c"), held_out=X[:5])
    source = found.load(found.spec)
    assert source.classes == ("a", "b", "c") and source.report.held_out == 5
    assert found.load(Spec(IN_MEMORY, split="test")).length == 5
    window = from_batches(found.batches, Sizes(1, 6, 6)).window(0, 2)  # pyright: ignore
    np.testing.assert_array_equal(window.g.label[1], batch_of(3)[1])


class Endless(list):
    """As a `MapDataset` that repeats itself."""

    def __len__(self):
        return 2**63 - 1


def test_what_repeats_itself_or_hides_its_classes_is_a_sentence():
    with pytest.raises(UsageError, match=r"leave out its repeat\(\)"):
        opened(Endless(X))
    with pytest.raises(UsageError, match="The batches have labels: name their classes"):
        from_object(batch_of, load)
    with pytest.raises(UsageError, match="given as a tuple of 3"):
        opened((X, LABEL, LABEL))


def test_labels_beyond_the_classes_are_a_sentence():
    found = indexed([(x, i) for x, i in zip(X, LABEL, strict=True)], classes=2)
    with pytest.raises(UsageError, match="Example 5 of the data has the label 2, and"):
        found.load(found.spec).read(np.array([4, 5]))


def test_a_data_set_of_grain_is_data():
    grain = pytest.importorskip("grain")
    data = grain.MapDataset.source(list(X)).map(lambda x: (x // 2, 1))
    source = opened(data)
    assert source.classes == ("0", "1") and source.length == 12
    np.testing.assert_array_equal(source.read(np.array([3, 1])).x, X[[3, 1]] // 2)


def test_the_first_batch_shows_what_data_of_a_function_is_like():
    found = from_object(lambda step: X[:6], load)
    source = found.load(found.spec)
    assert source.length == 6 and source.classes == () and source.inventory() == {}
    assert jax.tree.leaves(source.example)[0].dtype == np.uint8
