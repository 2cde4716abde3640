"""What a data set is to the rest of the house: images that can be read by number."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from ganjax.data import pairing
from ganjax.data.names import printable
from ganjax.errors import Mistake
from ganjax.gan import Batch


class Spec(NamedTuple):
    """Where the data is and how it is brought to one shape.

    Plain values, so that a run can record it.
    """

    # A name of `where.BUILT_IN`, 'tfds:NAME[:config]', a folder, .zip or .npz; a
    # `pathlib.Path` is taken, too. In the spec of a loaded source a path is absolute.
    where: str
    size: int = 0  # height and width in pixels; 0 keeps what is stored
    channels: int = 0  # 1 grey, 3 RGB or 4 RGBA; 0 keeps what is stored
    split: str = "train"
    crop: bool = True  # with `size`: cut the central square out, or else squeeze
    background: int = 255  # 0..255, what is seen through transparent pixels
    mirror: bool = False  # every image once more, with left and right exchanged
    halves: bool = False  # an image holds two side by side, left and right
    beside: str = ""  # a second place, whose images lie behind those of `where`
    paired: bool = False  # and row by row belong together, so that there are as many


class Found(NamedTuple):
    """What a place holds beside the examples themselves, for a person to be told."""

    held_out: int = 0  # examples of the split 'test' of the same place
    held_out_name: str = ""  # the folder, array or split that these are: "valid"
    passed_over: Mapping[str, int] = MappingProxyType({})  # ending -> files not read
    notes: tuple[str, ...] = ()  # sentences


class Source(NamedTuple):
    """Examples that can be read by number, in any order and by any thread.

    Two images that lie one behind the other are one of twice the channels.
    """

    spec: Spec
    length: int
    shape: tuple[int, ...]  # of one example, (h, w, c) or (d,)
    dtype: np.dtype  # uint8 for images, float32 for points
    classes: tuple[str, ...]  # names of the classes; () where the data has none
    read: Callable[[np.ndarray], Batch]  # rows int [b] -> Batch [b, ...], [b]
    names: tuple[str, ...] = ()  # of its files, from the folder of the split
    found: Found = Found()
    # Name of each file or array -> "size:hash", by which a run knows its data again.
    inventory: Callable[[], dict[str, str]] = dict
    # rows int [b] -> a sentence for each of them that cannot be read
    faults: Callable[[np.ndarray], list[str]] = lambda rows: []
    parts: tuple["Source", ...] = ()  # what it is made of, if of other sources


def mirrored(source: Source) -> Source:
    """Twice as many images: row length + i is row i with left and right exchanged."""
    if len(source.shape) != 3:
        raise Mistake(f"{source.spec.where} holds no images: leave --mirror away.")

    def read(rows: np.ndarray) -> Batch:
        batch = source.read(rows % source.length)
        turned = (rows >= source.length).reshape(-1, 1, 1, 1)
        image = np.where(turned, batch.image[:, :, ::-1], batch.image)
        return batch._replace(image=image)

    return source._replace(length=2 * source.length, read=read, parts=(source,))


def behind(front: Source, back: Source) -> Source:
    """Each image of `front` with one of `back` behind it, [h, w, 2c].

    Pairs are told by the names of files, or by their order where there are no names. The
    smaller of two sets that are not paired is gone through again; there are no classes.
    Raises a `Mistake` if the images differ in shape, or are no pairs.
    """
    both = f"{printable(front.spec.where)} and {printable(back.spec.where)}"
    if len(front.shape) != 3 or front.shape != back.shape:
        raise Mistake(
            f"The images of {both} differ in shape ({front.shape} and {back.shape}): "
            "bring them to one with --size and --channels."
        )
    order, notes = np.arange(back.length), [*front.found.notes, *back.found.notes]
    if front.spec.paired:
        order = _partners(front, back, both)
        if front.names:
            notes = [pairing.shown(front.names, back.names, order), *notes]

    def read(rows: np.ndarray) -> Batch:
        sides = (
            front.read(rows % front.length),
            back.read(order[rows % back.length]),
        )
        image = np.concatenate([batch.image for batch in sides], axis=-1)
        return Batch(image, np.zeros(len(rows), np.int32))

    def inventory() -> dict[str, str]:
        sides = {"where": front, "beside": back}
        return {
            f"{side}/{name}": digest
            for side, source in sides.items()
            for name, digest in source.inventory().items()
        }

    h, w, c = front.shape
    return front._replace(
        length=max(front.length, back.length),
        shape=(h, w, 2 * c),
        classes=(),
        read=read,
        names=(),
        found=_found_in_both(front, back, notes),
        inventory=inventory,
        parts=(front, back),
    )


def whole(source: Source) -> Batch:
    """Every example in order, as NumPy arrays in memory; slow reading shows a bar.

    Raises one `Mistake` that names all examples that cannot be read.
    """
    image = np.empty((source.length, *source.shape), source.dtype)
    label = np.empty(source.length, np.int32)
    with tqdm(
        total=source.length, desc=printable(source.spec.where), delay=1, disable=None
    ) as bar:
        for start in range(0, source.length, 1024):
            rows = np.arange(start, min(start + 1024, source.length))
            try:
                image[rows], label[rows] = source.read(rows)
            except Mistake:
                sentences = broken(source)
                if sentences:
                    raise broken_mistake(source, sentences) from None
                raise
            bar.update(len(rows))
    return Batch(image, label)


def broken(source: Source) -> list[str]:
    """Decodes every example once and gives a sentence for each that cannot be read.

    Of mirrored and paired sources, the files that they are made of are read. Slow
    reading shows a bar.
    """
    if source.parts:
        return [sentence for part in source.parts for sentence in broken(part)]
    sentences = []
    where = printable(source.spec.where)
    with tqdm(
        total=source.length, desc=f"checking {where}", delay=1, disable=None
    ) as bar:
        for start in range(0, source.length, 1024):
            rows = np.arange(start, min(start + 1024, source.length))
            sentences += source.faults(rows)
            bar.update(len(rows))
    return sentences


def broken_mistake(source: Source, sentences: list[str]) -> Mistake:
    """The `Mistake` that tells of all that `broken` found, the first ten by name."""
    return broken_files(source.spec.where, _read_once(source), sentences)


def broken_files(where: str, count: int, sentences: list[str]) -> Mistake:
    """The same for a place of `count` examples that is no source yet."""
    if len(sentences) == 1:
        return Mistake(sentences[0])
    shown = ", ".join(_reason(where, sentence) for sentence in sentences[:10])
    more = len(sentences) - 10
    return Mistake(
        f"{len(sentences):,} of the {count:,} images of {printable(where)} cannot be "
        f"used ({shown}{f', and {more:,} more' if more > 0 else ''}): repair them or "
        "take them out."
    )


def _read_once(source: Source) -> int:
    """How many examples `broken` reads."""
    return sum(map(_read_once, source.parts)) if source.parts else source.length


def _reason(where: str, sentence: str) -> str:
    """A sentence without its place, its advice and what is said of all."""
    reason = sentence.rpartition(": ")[0] or sentence
    for said in " cannot be read as an image (", " cannot be read (":
        reason = reason.replace(said, " (")
    for separator in "/", ":":
        reason = reason.removeprefix(f"{printable(where)}{separator}")
    return reason


def _partners(front: Source, back: Source, both: str) -> np.ndarray:
    """The row of `back` that belongs to each row of `front`."""
    if front.names and back.names:
        return pairing.match(front.names, back.names, both)
    if front.names or back.names:
        raise Mistake(
            f"Of {both} one has files with names and the other has none, so that nothing "
            "tells which images belong together: give two folders or .zips, or two .npz."
        )
    if front.length != back.length:
        raise Mistake(
            f"{both} hold {front.length:,} and {back.length:,} images: pairs are as many "
            "in each."
        )
    return np.arange(back.length)


def _found_in_both(front: Source, back: Source, notes: list[str]) -> Found:
    one, other = front.found, back.found
    held_out, name = 0, ""
    if one.held_out and other.held_out:
        held_out = max(one.held_out, other.held_out)
        names = dict.fromkeys((one.held_out_name, other.held_out_name))
        name = " and ".join(names)
    passed_over = dict(one.passed_over)
    # One place with two kinds of images is not counted twice.
    if front.spec.where != back.spec.where:
        for ending, count in other.passed_over.items():
            passed_over[ending] = passed_over.get(ending, 0) + count
    return Found(held_out, name, passed_over, tuple(dict.fromkeys(notes)))
