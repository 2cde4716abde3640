"""Data that is given as a Python object: arrays, anything indexable, or a function.

`Data` is what a run trains on, however it was given. `from_object` makes it of whatever a
user passes to `ganjax.train`; `indexed` and `by_step` are for objects that lack something,
such as the names of their classes or held-out examples.
"""

import functools
import os
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from tqdm import tqdm

from ganjax.core import Batch, PyTree, as_batch, is_labeled
from ganjax.data import arrays, digest
from ganjax.data.source import LoadReport, Source, Spec, example_struct
from ganjax.errors import NoSplit, UsageError


MAX_EXAMPLES = 2**40  # more are not read in any training: such data has no end
# Of a function: each seed of a population asks for the same steps, and step 0 is shown.
KEPT_BATCHES = 16
IN_MEMORY = "data in memory"  # the `Spec.where` of data that is not in a named place
Load = Callable[[Spec], Source]
# A step -> its batch, or an iterator over the batches of that step and all that follow.
Batches = Callable[[int], Any]

GIVE = (
    "give a name or path, a Spec, arrays, (x, label), a dict of arrays, something with "
    "__len__ and __getitem__, or a function from the step to a batch"
)


class Data(NamedTuple):
    """What a run trains on.

    Attributes:
        spec: where it is; `Spec(IN_MEMORY)` for Python objects.
        load: opens the split that a spec asks for, as `Modality.load` does.
        batches: the step -> its batch, where the user gave a function in place of
            examples that can be read by number. The source that `load` opens then holds
            the first batch alone.
    """

    spec: Spec
    load: Load
    batches: Callable[[int], Batch] | None = None


def from_object(data: Any, load: Load) -> Data:
    """Returns the `Data` of an object that a user trains on.

    Args:
        data: one of

            - a `Data`, a `Source` or a `Spec`; the name or the path of a data set,
            - examples in an array [n, ...], or in a tree of arrays such as a `Pair`,
            - `(x, label)` or a `Batch` of such examples and their classes, integers or
              strings [n],
            - a dict of arrays, named as in an .npz: x and label, x_test and label_test,
            - an object with `__len__` and `__getitem__`, such as a Grain `MapDataset`, a
              data source of TFDS or a Hugging Face data set, see `indexed`,
            - a function from the step to a batch of that step, or to an iterator over its
              batch and those of the steps that follow, see `by_step`.
        load: opens the data that a spec names, the `Modality.load` of the game.

    Raises:
        UsageError: it is none of these, or arrays do not go together.
    """
    if isinstance(data, Data):
        return data
    if isinstance(data, Spec):
        return Data(data, load)
    if isinstance(data, str | os.PathLike):
        return Data(Spec(os.fspath(data)), load)
    if isinstance(data, Source):
        return _of_splits({data.spec.split: data})
    if isinstance(data, Mapping):
        return _of_named_arrays(data)
    if isinstance(data, Batch):
        return _of_arrays(data.x, data.label)
    if is_labeled(data) and isinstance(data, tuple):
        return _of_arrays(*data)
    if isinstance(data, tuple) and not hasattr(data, "_fields"):
        raise UsageError(
            f"The data is given as a tuple of {len(data)}: give (x, label), where x and "
            "label are arrays."
        )
    # A list is a list of examples, and not a tree of which each leaf holds all of them.
    if _is_tree_of_arrays(data) and not isinstance(data, list):
        return _of_arrays(data, None)
    if hasattr(data, "__len__") and hasattr(data, "__getitem__"):
        return indexed(data)
    if callable(data):
        return by_step(data)
    raise UsageError(f"The data is given as {type(data).__name__}: {GIVE}.")


def indexed(
    data: Any,
    classes: Sequence[str] | int | None = None,
    held_out: Any = None,
) -> Data:
    """Returns the `Data` of an object whose examples are read by number.

    An example `data[i]` is an array, anything that NumPy makes an array of, such as an
    image of PIL; a pair `(x, label)`; a `Batch`; or a dict in which the names are those of
    an .npz, such as "image" and "label". If the object has `__getitems__`, many examples
    are read by one call of it.

    Args:
        data: the object, with `__len__` and `__getitem__`.
        classes: the names of the classes, or their number. By default all labels are read
            to find the classes; examples without a label have none.
        held_out: an object of the same kind with the examples that samples are compared
            with; None if there are none.

    Raises:
        UsageError: it is empty, or examples lack an image.

    Example:
        >>> cats = ganjax.data.indexed(dataset["train"], classes=("cat", "dog"))
        >>> ganjax.train(game, cats, run)
    """
    splits = {"train": data} if held_out is None else {"train": data, "test": held_out}
    sources: dict[str, Source] = {}
    for split, each in splits.items():
        sources[split] = _indexed_source(each, split, classes)
        classes = sources[split].classes  # those of the training data are those of all
    return _of_splits(sources)


def by_step(
    function: Batches, classes: Sequence[str] | int | None = None, held_out: Any = None
) -> Data:
    """Returns the `Data` of a function from the step to a batch.

    A batch is a `Batch`, `(x, label)`, x alone, or a dict with the names of an .npz, such
    as "image" and "label". It has as many rows as D sees in a step, and is the same in
    every process of a run. The function is called once for each step, and for some ahead
    of the step that is played.

    Args:
        function: the step -> its batch, or an iterator over its batch and those of the
            steps that follow. A run that is resumed calls it with the step at which it
            goes on.
        classes: the names of the classes, or their number; none by default.
        held_out: examples that samples are compared with, in an array; None for none.

    Example:
        >>> batches = lambda step: pipeline.skip(step).as_numpy_iterator()
        >>> ganjax.train(game, ganjax.data.by_step(batches, classes=10), run)
    """
    read = _in_order(function)
    # The first batch shows what the data is like.
    first = read(0)
    x = {"train": first.x} if held_out is None else {"train": first.x, "test": held_out}
    load = _of_split_arrays(jax.tree.map(_array, x), {}).load
    names = _class_names(classes)
    if not names and np.any(first.label):
        raise UsageError(
            "The batches have labels: name their classes or give their number, as in "
            "ganjax.data.by_step(function, classes=10)."
        )

    # The first batch is not all of the data, so a resumed run cannot compare it.
    def opened(spec: Spec) -> Source:
        return load(spec)._replace(classes=names, inventory=dict)

    return Data(Spec(IN_MEMORY), opened, read)


def _of_splits(sources: Mapping[str, Source]) -> Data:
    """The data of sources that are opened already; the first is what is trained on."""
    if "train" in sources and "test" in sources:
        report = LoadReport(held_out=sources["test"].length, held_out_name="test")
        sources = {**sources, "train": sources["train"]._replace(report=report)}

    def load(spec: Spec) -> Source:
        if spec.split not in sources:
            raise NoSplit(f"{spec.where} has no split {spec.split!r}.")
        return sources[spec.split]

    return Data(next(iter(sources.values())).spec, load)


def _of_arrays(x: PyTree, label: Any) -> Data:
    """The data of examples in memory; None for no labels."""
    leaves = jax.tree.leaves(x)
    lengths = {len(leaf) for leaf in leaves if np.ndim(leaf)}
    if len(lengths) != 1:
        raise UsageError(
            f"The arrays of the data have the shapes {[np.shape(leaf) for leaf in leaves]}:"
            " give one row for each example in each of them."
        )
    labels = {} if label is None else {"train": label}
    return _of_split_arrays({"train": jax.tree.map(_array, x)}, labels)


def _of_named_arrays(named: Mapping[str, Any]) -> Data:
    """The data of a dict of arrays, whose names say what they are for."""
    stored = {str(name): _array(x) for name, x in named.items()}
    splits = arrays.split_arrays(stored)
    if "train" not in splits:
        raise UsageError(
            f"The dict has {', '.join(stored) or 'nothing'}: name its arrays x and label, "
            "and x_test and label_test where examples are held out."
        )
    return _of_split_arrays(
        {split: stored[names.image] for split, names in splits.items()},
        {split: stored[names.label] for split, names in splits.items() if names.label},
    )


def _of_split_arrays(x: Mapping[str, PyTree], labels: Mapping[str, Any]) -> Data:
    """The data of arrays by split."""
    if labels and labels.keys() != x.keys():
        raise UsageError(
            f"There are labels for {', '.join(labels)} and examples for {', '.join(x)}: "
            "give labels for all splits, or for none."
        )
    labels = {
        split: _checked_labels(split, np.asarray(label))
        for split, label in labels.items()
    }
    classes, numbers = arrays.number_classes(labels)
    sources = {}
    for split, examples in x.items():
        leaves = jax.tree.leaves(examples)
        length = len(leaves[0])
        label = numbers.get(split, np.zeros(length, np.int32))
        if len(label) != length:
            raise UsageError(
                f"There are {length} examples and {len(label)} labels for {split!r}: give "
                "one label for each example."
            )
        if not length:
            raise UsageError(f"The arrays of split {split!r} hold no examples.")
        sources[split] = Source(
            spec=Spec(IN_MEMORY, split=split),
            length=length,
            example=jax.tree.map(
                lambda a: example_struct(a.shape[1:], a.dtype), examples
            ),
            classes=classes,
            read=_reader(examples, label),
            inventory=_inventory(leaves, label),
        )
    return _of_splits(sources)


def _checked_labels(split: str, label: np.ndarray) -> np.ndarray:
    """The labels of a split, whole numbers or strings [n]."""
    if label.dtype.kind == "U" and label.ndim == 1:
        return label
    return arrays.checked_labels(f"of labels for split {split!r}", label)


def _reader(x: PyTree, label: np.ndarray) -> Callable[[np.ndarray], Batch]:
    return lambda rows: Batch(jax.tree.map(lambda a: a[rows], x), label[rows])


def _inventory(
    leaves: Sequence[np.ndarray], label: np.ndarray
) -> Callable[[], dict[str, str]]:
    # One entry for all: a change of any array makes other data of the whole.
    def inventory() -> dict[str, str]:
        entries = " ".join(digest.array(array) for array in [*leaves, label])
        size = sum(array.nbytes for array in [*leaves, label])
        return {"arrays": digest.entry(size, zlib.crc32(entries.encode()))}

    return inventory


def _class_names(classes: Sequence[str] | int | None) -> tuple[str, ...]:
    """The names of classes that are given by their names or their number."""
    if isinstance(classes, int):
        return tuple(str(i) for i in range(classes))
    return tuple(classes or ())


def _indexed_source(
    data: Any, split: str, classes: Sequence[str] | int | None
) -> Source:
    length = len(data)
    if not length:
        raise UsageError(f"The data of split {split!r} holds no examples.")
    # An endless data set of Grain says that it has 2^63 - 1 examples.
    if length > MAX_EXAMPLES:
        raise UsageError(
            "The data repeats itself without an end: leave out its repeat(), as training "
            "begins again by itself where the data ends."
        )
    first = _example(data[0])
    example = jax.tree.map(lambda a: example_struct(a.shape, a.dtype), first.x)
    read_rows = _many(data)

    def read(rows: np.ndarray) -> Batch:
        examples = [_example(item) for item in read_rows(rows)]
        for row, each in zip(rows, examples, strict=True):
            if jax.tree.map(np.shape, each.x) != jax.tree.map(np.shape, first.x):
                raise UsageError(
                    f"Example {row} of the data has the shape "
                    f"{jax.tree.map(np.shape, each.x)}, and the first one "
                    f"{jax.tree.map(np.shape, first.x)}: bring all to one shape."
                )
        x = jax.tree.map(lambda *each: np.stack(each), *[each.x for each in examples])
        label = np.asarray([each.label or 0 for each in examples], np.int32)
        if names and label.max() >= len(names):
            raise UsageError(
                f"Example {rows[label.argmax()]} of the data has the label {label.max()}, "
                f"and there are {len(names)} classes: give all of them."
            )
        return Batch(x, label)

    # CRC-32 of some examples: reading all of them may take hours.
    def inventory() -> dict[str, str]:
        crc = 0
        for row in digest.evenly_spaced(list(range(length)), digest.MAX_SAMPLES):
            for leaf in jax.tree.leaves(_example(data[row])):
                crc = zlib.crc32(np.ascontiguousarray(leaf).tobytes(), crc)
        return {split: digest.entry(length, crc)}

    if classes is None and first.label is not None:
        rows = tqdm(range(length), desc="labels", delay=1, disable=None)
        classes = 1 + max(_example(data[row]).label for row in rows)
    names = _class_names(classes)
    return Source(
        spec=Spec(IN_MEMORY, split=split),
        length=length,
        example=example,
        classes=names,
        read=read,
        inventory=inventory,
    )


def _many(data: Any) -> Callable[[np.ndarray], Sequence[Any]]:
    """A function that reads several examples of an object."""
    # PyTorch's, TFDS's and Hugging Face's name for it.
    if hasattr(data, "__getitems__"):
        return lambda rows: data.__getitems__([int(row) for row in rows])
    return lambda rows: [data[int(row)] for row in rows]


def _example(item: Any) -> Batch:
    """One example of an indexable object, whose label is None if it has none."""
    if isinstance(item, Batch):
        return Batch(jax.tree.map(_array, item.x), _label(item.label))
    if isinstance(item, Mapping):
        x, label = _named(item)
        return Batch(_array(x), None if label is None else _label(label))
    if (
        isinstance(item, tuple | list)
        and len(item) == 2
        and not hasattr(item, "_fields")
    ):
        return Batch(_array(item[0]), _label(item[1]))
    return Batch(jax.tree.map(_array, item), None)


def _named(item: Mapping[str, Any]) -> tuple[Any, Any]:
    """The image and the label of a dict, or None for the label, by their names."""
    names = {str(name).lower(): name for name in item}
    image = next((names[x] for x in arrays.IMAGE_NAMES if x in names), None)
    label = next((names[x] for x in arrays.LABEL_NAMES if x in names), None)
    if image is None:
        raise UsageError(
            f"An example of the data has {', '.join(map(str, item))}: name its image "
            "'image' or its array 'x', and its class 'label'."
        )
    return item[image], None if label is None else item[label]


def _label(label: Any) -> int:
    number = np.asarray(label)
    if number.dtype.kind not in "iu" or number.size != 1 or number.min() < 0:
        raise UsageError(
            f"The label of an example is {label!r}: give the number of its class, 0 or "
            "more."
        )
    return int(number.reshape(()))


def _in_order(function: Batches) -> Callable[[int], Batch]:
    """Returns a function from the step to its batch, which goes on with iterators.

    The last batches are kept, so that each is read once.
    """
    iterator: Any = None
    following = -1  # the step of the iterator's next batch

    @functools.lru_cache(maxsize=KEPT_BATCHES)
    def read(step: int) -> Batch:
        nonlocal iterator, following
        given = None
        if iterator is None or step != following:
            given = function(step)
            iterator = given if hasattr(given, "__next__") else None
            following = step
        if iterator is not None:
            try:
                given = next(iterator)
            except StopIteration:
                raise UsageError(
                    f"The data has no batch for step {step}: let the iterator begin again "
                    "at its end, or give fewer steps."
                ) from None
            following += 1
        if isinstance(given, Mapping):
            x, label = _named(given)
            given = x if label is None else (np.asarray(x), np.asarray(label))
        batch = as_batch(given)
        return Batch(jax.tree.map(_array, batch.x), np.asarray(batch.label, np.int32))

    return read


def _is_tree_of_arrays(data: Any) -> bool:
    leaves = jax.tree.leaves(data)
    return bool(leaves) and all(_is_array(leaf) for leaf in leaves)


def _is_array(x: Any) -> bool:
    return hasattr(x, "shape") and hasattr(x, "dtype")


def _array(x: Any) -> np.ndarray:
    """An array of NumPy. Doubles become floats, as networks compute with these."""
    array = np.asarray(x)
    return array.astype(np.float32) if array.dtype == np.float64 else array
