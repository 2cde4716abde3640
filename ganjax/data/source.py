"""A `Source` is a data set whose examples can be read by number, in any order.

`where.load` makes the source that a `Spec` describes. Functions from sources to sources
combine them: `with_mirrored`, `split_pairs`, `zip_sources`. All of them hold what is
stored, such as bytes of images; `stream.decoding` turns it into what networks see.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Int
from numpy.typing import DTypeLike
from tqdm import tqdm

from ganjax.core import ArrayLike, Batch, Pair, PyTree
from ganjax.data import pairing
from ganjax.data.names import printable
from ganjax.errors import FileError, UsageError
from ganjax.evaluation.evaluator import Evaluator


TFDS_PREFIX = "tfds:"  # of the names of data sets of TensorFlow Datasets
CHUNK_ROWS = 1024  # examples that are read at once where all are read
MAX_NAMED_FILES = 10  # in an error message

# Converts stored examples [b, ...] to what G is meant to produce [b, ...].
ToReal = Callable[[PyTree], ArrayLike]
# The training data, its held-out split if it has one, and a folder for large features.
MakeEvaluator = Callable[["Source", "Source | None", ToReal, Path | None], Evaluator]


class Spec(NamedTuple):
    """Where the data is, and how its examples are brought to one shape.

    All values are plain, so that a run can record them.

    Attributes:
        where: a name of `where.BUILT_IN`, 'tfds:NAME[:config]', or the path of a folder,
            .zip or .npz, which may be a `pathlib.Path`. In the spec of a loaded source,
            paths are absolute.
        size: height and width in pixels; 0 keeps what is stored.
        channels: 1 for gray, 3 for RGB, 4 for RGBA; 0 keeps what is stored.
        split: the split that is read, such as "train" or "test".
        crop: with `size`, cuts out the central square before resizing; without `crop`,
            images are squeezed to a square.
        background: the gray, 0 to 255, that shows through transparent pixels.
        mirror: adds a horizontally flipped copy of each image.
        side_by_side: each file holds two images next to each other; they become a pair.
        target: a second place: its images are the other side of each pair.
        paired: whether each image of `where` belongs to one of `target`, which requires
            equal numbers. They are matched by the names of their files, or by their order
            where there are no names.
    """

    where: str
    size: int = 0
    channels: int = 0
    split: str = "train"
    crop: bool = True
    background: int = 255
    mirror: bool = False
    side_by_side: bool = False
    target: str = ""
    paired: bool = False


class LoadReport(NamedTuple):
    """What else was found where the examples are, to be reported to the user.

    Attributes:
        held_out: the number of examples in the split 'test' of the same place.
        held_out_name: the folder, array or split that holds them, such as "valid".
        skipped: reason or file extension -> number of files that are not read.
        notes: sentences.
    """

    held_out: int = 0
    held_out_name: str = ""
    skipped: Mapping[str, int] = MappingProxyType({})
    notes: tuple[str, ...] = ()


class Source(NamedTuple):
    """A data set whose examples are read by number, in any order and from any thread.

    Attributes:
        spec: the spec that it was loaded by.
        length: the number of examples.
        example: one example as it is stored, as `jax.ShapeDtypeStruct`: see
            `example_struct`. Pairs have a `Pair` of two.
        classes: the names of the classes; () where the data has none.
        read: row numbers [b] -> `Batch` with x [b, ...] and label [b].
        names: file names relative to the split's folder; () where data is not in files.
        report: what else was found.
        inventory: returns the name of each file or array -> "size:checksum", by which a
            resumed run checks that its data is unchanged.
        find_errors: row numbers [b] -> an error for each example that cannot be read.
        components: the sources that this one is made of; () where it reads data itself.
        evaluator: makes the `Evaluator` of this data set; None leaves that to the modality.
    """

    spec: Spec
    length: int
    example: PyTree
    classes: tuple[str, ...]
    read: Callable[[Int[np.ndarray, " b"]], Batch]
    names: tuple[str, ...] = ()
    report: LoadReport = LoadReport()
    inventory: Callable[[], dict[str, str]] = dict
    find_errors: Callable[[Int[np.ndarray, " b"]], list[FileError]] = lambda rows: []
    components: tuple["Source", ...] = ()
    evaluator: MakeEvaluator | None = None

    @property
    def shape(self) -> Any:
        """The shape of one example, (h, w, c) or (d,); for a `Pair`, a `Pair` of shapes."""
        return jax.tree.map(lambda x: x.shape, self.example)

    @property
    def dtype(self) -> Any:
        """The dtype of one example, uint8 for images; for a `Pair`, a `Pair` of dtypes."""
        return jax.tree.map(lambda x: np.dtype(x.dtype), self.example)


def example_struct(
    shape: tuple[int, ...], dtype: DTypeLike = np.uint8
) -> jax.ShapeDtypeStruct:
    """Returns the shape and dtype of one stored example, uint8 by default."""
    return jax.ShapeDtypeStruct(tuple(shape), np.dtype(dtype))


def report_held_out(spec: Spec, count: int) -> LoadReport:
    """Returns the report of a built-in data set with `count` examples in split 'test'."""
    if spec.split != "train" or not count:
        return LoadReport()
    return LoadReport(held_out=count, held_out_name="test")


def bytes_per_example(source: Source) -> int:
    """Returns the number of bytes of one example as it is stored."""
    return sum(
        x.size * np.dtype(x.dtype).itemsize for x in jax.tree.leaves(source.example)
    )


def batch_shapes(example: PyTree, *leading_axes: int) -> PyTree:
    """Returns the shapes [*leading_axes, *example] of a batch, without reading any.

    Args:
        example: one example as `jax.ShapeDtypeStruct`, such as `Source.example`.
        leading_axes: the lengths of the axes before those of an example.
    """
    return jax.tree.map(
        lambda x: jax.ShapeDtypeStruct((*leading_axes, *x.shape), x.dtype), example
    )


def sample_shape(source: Source, to_real: ToReal) -> tuple[int, ...]:
    """Returns the shape of one sample that G is meant to produce, reading no example.

    Args:
        source: the data.
        to_real: converts stored examples to what G is meant to produce.
    """
    return jax.eval_shape(to_real, batch_shapes(source.example, 1)).shape[1:]


def random_rows(source: Source, max_count: int) -> Int[np.ndarray, " n"]:
    """Returns up to `max_count` row numbers in ascending order, always the same ones."""
    return np.sort(np.random.default_rng(0).permutation(source.length)[:max_count])


def read_some(source: Source, max_count: int) -> Batch:
    """Reads up to `max_count` examples, those at `random_rows`."""
    return source.read(random_rows(source, max_count))


def with_mirrored(source: Source) -> Source:
    """Returns twice as many images: row length + i is row i flipped horizontally.

    Raises:
        UsageError: the examples are not images.
    """
    if any(len(x.shape) != 3 for x in jax.tree.leaves(source.example)):
        raise UsageError(
            f"{printable(source.spec.where)} holds no images: remove --mirror."
        )

    def read(rows: np.ndarray) -> Batch:
        batch = source.read(rows % source.length)
        is_mirrored = (rows >= source.length).reshape(-1, 1, 1, 1)  # [b, 1, 1, 1]
        # Both images of a pair are flipped, so that they still show the same.
        x = jax.tree.map(
            lambda image: np.where(is_mirrored, image[:, :, ::-1], image), batch.x
        )
        return batch._replace(x=x)

    return source._replace(length=2 * source.length, read=read, components=(source,))


def split_pairs(source: Source) -> Source:
    """Returns pairs of images [h, w, c] from images [h, w, 2 c] that hold both as channels.

    Raises:
        UsageError: the examples are not images.
    """
    if len(source.shape) != 3:
        raise UsageError(
            f"{printable(source.spec.where)} holds no images, so it holds no pairs."
        )
    # `image_files.decode` cuts files with two images in two and stacks them as channels.
    height, width, both_channels = source.shape
    channels = both_channels // 2

    def read(rows: np.ndarray) -> Batch:
        batch = source.read(rows)
        pair = Pair(batch.x[..., :channels], batch.x[..., channels:])
        return batch._replace(x=pair)

    side = example_struct((height, width, channels), source.dtype)
    return source._replace(example=Pair(side, side), read=read)


def zip_sources(front: Source, back: Source) -> Source:
    """Returns each image of `front` with one of `back`, as a `Pair` without a class.

    With `Spec.paired` images are matched by the names of their files, or by their order
    where there are no names. Otherwise the smaller set is repeated, and an image comes with
    the same one of the other set in every epoch. The released CycleGAN draws that one anew;
    to the games here it makes no difference but of noise, as their losses are sums over
    either side.

    Args:
        front: gives `Pair.source`. Its spec becomes that of the result.
        back: gives `Pair.target`.

    Raises:
        UsageError: the images differ in shape, or paired sets do not match.
    """
    places = f"{printable(front.spec.where)} and {printable(back.spec.where)}"
    if len(front.shape) != 3 or front.shape != back.shape:
        raise UsageError(
            f"The images of {places} differ in shape ({front.shape} and {back.shape}): "
            "bring them to one with --size and --channels."
        )
    # Row i of the pairs is row i of `front` and row order[i] of `back`.
    order = np.arange(back.length)
    notes = [*front.report.notes, *back.report.notes]
    if front.spec.paired:
        order = _partners(front, back, places)
        if front.names:
            notes = [pairing.describe(front.names, back.names, order), *notes]

    def read(rows: np.ndarray) -> Batch:
        # Sides that are not paired may differ in length; the shorter one starts again.
        sources = front.read(rows % front.length)
        targets = back.read(order[rows % back.length])
        return Batch(Pair(sources.x, targets.x), np.zeros(len(rows), np.int32))

    def inventory() -> dict[str, str]:
        sides = {"where": front, "target": back}
        return {
            f"{side}/{name}": digest
            for side, source in sides.items()
            for name, digest in source.inventory().items()
        }

    return front._replace(
        # One epoch shows every image of either side at least once.
        length=max(front.length, back.length),
        example=Pair(front.example, back.example),
        classes=(),
        read=read,
        names=(),
        report=_joint_report(front, back, notes),
        inventory=inventory,
        components=(front, back),
        evaluator=None,
    )


def read_all(source: Source) -> Batch:
    """Reads every example in order into NumPy arrays; slow reading shows a progress bar.

    Raises:
        UsageError: some examples cannot be read; the first ten are named.
    """
    x = jax.tree.map(
        lambda one: np.empty((source.length, *one.shape), one.dtype), source.example
    )
    label = np.empty(source.length, np.int32)

    def read_into_arrays(rows: np.ndarray) -> None:
        batch = source.read(rows)
        leaves = zip(jax.tree.leaves(x), jax.tree.leaves(batch.x), strict=True)
        for array, values in leaves:
            array[rows] = values
        label[rows] = batch.label

    for rows in _chunks(source, printable(source.spec.where)):
        try:
            read_into_arrays(rows)
        except UsageError:
            # A read stops at the first bad file. The user should hear of all of them at
            # once, so that they need not be repaired one failed start at a time.
            errors = find_unreadable(source)
            if errors:
                raise unreadable_error(source, errors) from None
            raise
    return Batch(x, label)


def find_unreadable(source: Source) -> list[FileError]:
    """Decodes every example once and returns an error for each that cannot be read.

    Of mirrored images and of pairs from two places, the sources that they are made of are
    read instead. Slow reading shows a progress bar.
    """
    if source.components:
        return [error for each in source.components for error in find_unreadable(each)]
    # Only errors are kept, so that memory does not grow with the data.
    chunks = _chunks(source, f"checking {printable(source.spec.where)}")
    return [error for rows in chunks for error in source.find_errors(rows)]


def unreadable_error(source: Source, errors: list[FileError]) -> UsageError:
    """Returns one error for all that `find_unreadable` returned for a source."""
    return unreadable_files_error(source.spec.where, _files_read(source), errors)


def unreadable_files_error(
    where: str, count: int, errors: list[FileError]
) -> UsageError:
    """Returns one error for several files that cannot be used, as of `unreadable_error`.

    It serves a data set that is still being loaded, so that there is no `Source` yet.

    Args:
        where: the place that holds the files, as in a `Spec`.
        count: the number of files that were read there.
        errors: the errors, at least one. The message names the first ten.
    """
    # A single error already says where, why, and what to do.
    if len(errors) == 1:
        return errors[0]
    problems = [
        f"{_relative_name(where, error.file)} {error.problem}"
        for error in errors[:MAX_NAMED_FILES]
    ]
    more = len(errors) - MAX_NAMED_FILES
    if more > 0:
        problems.append(f"and {more:,} more")
    return UsageError(
        f"{len(errors):,} of the {count:,} images of {printable(where)} cannot be used "
        f"({', '.join(problems)}): repair them or take them out."
    )


def _chunks(source: Source, title: str) -> Iterator[Int[np.ndarray, " n"]]:
    """Yields all row numbers in order, in chunks, under a progress bar."""
    with tqdm(total=source.length, desc=title, delay=1, disable=None) as bar:
        for start in range(0, source.length, CHUNK_ROWS):
            rows = np.arange(start, min(start + CHUNK_ROWS, source.length))
            yield rows
            bar.update(len(rows))


def _files_read(source: Source) -> int:
    """Returns how many examples `find_unreadable` reads."""
    if source.components:
        return sum(_files_read(component) for component in source.components)
    return source.length


def _relative_name(where: str, file: str) -> str:
    """Returns the name of a file without the folder or .zip that all of them are in."""
    for separator in ("/", ":"):
        file = file.removeprefix(f"{printable(where)}{separator}")
    return file


def _partners(front: Source, back: Source, places: str) -> Int[np.ndarray, " n"]:
    """Returns the row of `back` that belongs to each row of `front`."""
    if front.names and back.names:
        return pairing.match(front.names, back.names, places)
    if front.names or back.names:
        raise UsageError(
            f"Of {places} one has files with names and the other has none, so that nothing "
            "tells which images belong together: give two folders or .zips, or two .npz."
        )
    if front.length != back.length:
        raise pairing.unequal_numbers(front.length, back.length, places)
    return np.arange(back.length)


def _joint_report(front: Source, back: Source, notes: list[str]) -> LoadReport:
    """Returns the report of pairs, with notes of which each is given once."""
    one = front.report
    other = back.report
    held_out = 0
    name = ""
    # Scores need held-out images of both sides. As in training, the shorter side repeats,
    # so the larger count applies.
    if one.held_out and other.held_out:
        held_out = max(one.held_out, other.held_out)
        name = " and ".join(dict.fromkeys((one.held_out_name, other.held_out_name)))
    skipped = Counter(one.skipped)
    # A place that gives both sides is not counted twice.
    if front.spec.where != back.spec.where:
        skipped.update(other.skipped)
    return LoadReport(held_out, name, skipped, tuple(dict.fromkeys(notes)))
