"""What a data set is to the rest of the house: images that can be read by number."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from ganjax.errors import Mistake
from ganjax.gan import Batch


class Spec(NamedTuple):
    """Where the data is and how it is brought to one shape.

    Plain values, so that a run can record it.
    """

    where: str  # a name of `where.BUILT_IN`, 'tfds:NAME[:config]', a folder, .zip, .npz
    size: int = 0  # height and width in pixels; 0 keeps what is stored
    channels: int = 0  # 1 grey, 3 RGB or 4 RGBA; 0 keeps what is stored
    split: str = "train"
    crop: bool = True  # with `size`: cut the central square out, or else squeeze
    background: int = 255  # 0..255, what is seen through transparent pixels
    mirror: bool = False  # every image once more, with left and right exchanged
    halves: bool = False  # an image holds two side by side, left and right
    beside: str = ""  # a second place, whose images lie behind those of `where`
    paired: bool = False  # and row by row belong together, so that there are as many


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
    names: tuple[str, ...] = ()  # of its files, without folders and ends


def mirrored(source: Source) -> Source:
    """Twice as many images: row length + i is row i with left and right exchanged."""
    if len(source.shape) != 3:
        raise Mistake(f"{source.spec.where} holds no images: leave --mirror away.")

    def read(rows: np.ndarray) -> Batch:
        batch = source.read(rows % source.length)
        turned = (rows >= source.length).reshape(-1, 1, 1, 1)
        image = np.where(turned, batch.image[:, :, ::-1], batch.image)
        return batch._replace(image=image)

    return source._replace(length=2 * source.length, read=read)


def behind(front: Source, back: Source) -> Source:
    """Each image of `front` with one of `back` behind it, [h, w, 2c].

    The smaller of two sets that differ in size is gone through again; there are no classes.
    Raises a `Mistake` if the images differ in shape, or pairs in number.
    """
    both = f"{front.spec.where} and {back.spec.where}"
    if len(front.shape) != 3 or front.shape != back.shape:
        raise Mistake(
            f"The images of {both} differ in shape ({front.shape} and {back.shape}): "
            "bring them to one with --size and --channels."
        )
    if front.spec.paired and front.length != back.length:
        raise Mistake(
            f"{both} hold {front.length} and {back.length} images: pairs are as many "
            "in each, in the order of their names."
        )
    alone = set(front.names) ^ set(back.names)
    if front.spec.paired and alone and set(front.names) & set(back.names):
        raise Mistake(
            f"{sorted(alone)[0]} is in only one of {both}: where some pairs have one name, "
            "all have."
        )

    def read(rows: np.ndarray) -> Batch:
        both = front.read(rows % front.length), back.read(rows % back.length)
        image = np.concatenate([batch.image for batch in both], axis=-1)
        return Batch(image, np.zeros(len(rows), np.int32))

    h, w, c = front.shape
    length = max(front.length, back.length)
    both = {"length": length, "shape": (h, w, 2 * c), "read": read}
    return front._replace(classes=(), names=(), **both)


def whole(source: Source) -> Batch:
    """Every example in order, as NumPy arrays in memory; slow reading shows a bar."""
    image = np.empty((source.length, *source.shape), source.dtype)
    label = np.empty(source.length, np.int32)
    with tqdm(
        total=source.length, desc=source.spec.where, delay=1, disable=None
    ) as bar:
        for start in range(0, source.length, 1024):
            rows = np.arange(start, min(start + 1024, source.length))
            image[rows], label[rows] = source.read(rows)
            bar.update(len(rows))
    return Batch(image, label)
