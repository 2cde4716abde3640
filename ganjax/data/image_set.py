"""Sets of images to be scored: of any sizes, in a folder, a .zip, an .npz or a data set.

A data set to train on must be of one shape, and its images are brought to it. Scores are
computed of images as another program wrote them, which may differ in size; each feature
network then resizes them in its own way. So this module reads images as the programs of
the metrics do: Pillow's first frame converted to RGB, whatever transparency, color profile
and orientation a file has.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Int, UInt8

from ganjax.data import image_files
from ganjax.data.files import Files, in_folder, in_zip, reading
from ganjax.data.names import listed, printable
from ganjax.data.source import Source, Spec, unreadable_files_error
from ganjax.data.where import load
from ganjax.errors import UsageError


class ImageSet(NamedTuple):
    """Images that are read in parts, in a fixed order.

    Attributes:
        where: the folder, file or data set, for messages.
        length: how many images.
        read: row numbers -> the images as uint8 [h, w, c], which may differ in size.
        label: the class of each image, or None.
        notes: sentences about what was left out.
    """

    where: str
    length: int
    read: Callable[[np.ndarray], list[UInt8[np.ndarray, "_ _ _"]]]
    label: Int[np.ndarray, " n"] | None = None
    notes: tuple[str, ...] = ()


def image_set(where: str, split: str = "train") -> ImageSet:
    """Opens a set of images.

    Args:
        where: a folder or .zip of images, in which all folders are read and none means a
            class or a split; an .npz of images; or the name of a data set.
        split: the split of an .npz or a named data set.

    Raises:
        UsageError: there are no images, or some are not images by their headers; the
            message names them.
    """
    path = Path(where).expanduser()
    if path.is_dir():
        return _of_files(where, in_folder(str(path)))
    if path.suffix.lower() == ".zip":
        return _of_files(where, in_zip(str(path)))
    return of_source(load(Spec(where, split=split)))


def of_source(source: Source) -> ImageSet:
    """Returns the images of a data set, which are all of one shape.

    Raises:
        UsageError: its examples are not images.
    """
    shapes = [leaf.shape for leaf in jax.tree.leaves(source.example)]
    if len(shapes) != 1 or len(shapes[0]) != 3 or source.dtype != np.uint8:
        raise UsageError(
            f"{printable(source.spec.where)} does not hold single images: give a folder, a "
            ".zip or an .npz of images, or the name of a data set of images."
        )
    label = None
    if len(source.classes) > 1:
        label = np.concatenate(
            [source.read(rows).label for rows in parts(source.length)]
        )
    return ImageSet(
        where=source.spec.where,
        length=source.length,
        read=lambda rows: list(source.read(rows).x),
        label=label,
    )


def parts(length: int, size: int = 256) -> Iterator[np.ndarray]:
    """Returns the row numbers of a set, `size` at a time."""
    return (np.arange(i, min(i + size, length)) for i in range(0, length, size))


def _of_files(where: str, files: Files) -> ImageSet:
    names = sorted(n for n in files.names if _extension(n) in image_files.EXTENSIONS)
    if not names:
        raise UsageError(
            f"{printable(where)} holds no images: give a folder of images."
        )
    notes = list(files.notes)
    others = Counter(_extension(n) or "no extension" for n in files.names)
    for extension in image_files.EXTENSIONS:
        others.pop(extension, None)
    if others:
        kinds = listed([f"{count} {kind}" for kind, count in others.items()], 4)
        notes.append(f"Files that are not images were left out ({kinds}).")

    def check(name: str) -> None:
        with reading(files.display_name(name)), files.open(name) as file:
            # Of a file that cannot seek, as in a .zip, Pillow reads what it needs.
            image_files.stored_shape(file, files.display_name(name))

    # The headers of all files first: hours of features are not lost to a broken one.
    errors = image_files.file_errors(check, names)
    if errors:
        raise unreadable_files_error(where, len(names), errors)

    def decode(name: str) -> np.ndarray:
        shown = files.display_name(name)
        with reading(shown), files.open(name) as file:
            with image_files.open_image(file, shown) as image:
                return np.asarray(image.convert("RGB"))

    def read(rows: np.ndarray) -> list[np.ndarray]:
        return image_files.parallel_map(decode, [names[row] for row in rows])

    return ImageSet(where, len(names), read, notes=tuple(notes))


def _extension(name: str) -> str:
    return Path(name).suffix.lower()


def resized(images: ImageSet, size: int) -> ImageSet:
    """Returns the images as squares of `size` pixels, as a data set of `--size` has them.

    It is for features that compare images pixel by pixel.
    """
    spec = Spec(images.where, size=size)

    def read(rows: np.ndarray) -> list[np.ndarray]:
        return [image_files.resize(image, spec) for image in images.read(rows)]

    return images._replace(read=read)
