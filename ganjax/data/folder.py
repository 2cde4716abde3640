"""Data sets of image files in a folder or a .zip.

Three modules do the groundwork: `files` lists what is there, `layout` works out which
folders are splits and classes, and `dataset_json` reads labels in NVIDIA's format. This
module makes a `Source` of them, which decodes images (`image_files`) as they are read.

The headers of all files are read when the data set is opened, so that a broken file or a
size that differs is found before training begins rather than days into it.
"""

import unicodedata
from collections import Counter
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8
from tqdm import tqdm

from ganjax.core import Batch
from ganjax.data import dataset_json, digest, image_files
from ganjax.data.files import Files, in_folder, in_zip, reading
from ganjax.data.layout import (
    Layout,
    Split,
    arrange,
    class_notes,
    find_split,
    folder_classes,
    held_out_split,
    is_sharded,
    unused_notes,
)
from ganjax.data.names import listed, printable, sort_classes
from ganjax.data.source import (
    LoadReport,
    Source,
    Spec,
    example_struct,
    unreadable_files_error,
)
from ganjax.errors import FileError, UsageError


class Place(NamedTuple):
    """The files of a folder or .zip, and what their names and labels mean."""

    files: Files
    layout: Layout
    tables: dict[str, dataset_json.Labels]  # every dataset.json by its name


class Header(NamedTuple):
    """What the beginning of an image file says about it."""

    name: str
    shape: image_files.Shape  # as it is stored
    conversions: frozenset[str]  # what decoding changes, as `image_files.conversions`


class Labeled(NamedTuple):
    """The images of a split with their classes."""

    names: list[str]
    classes: list[str]  # the name of each image's class, or ""
    notes: list[str]


def folder(spec: Spec) -> Source:
    """Returns the images of a folder and all folders below it, linked ones too.

    Subfolders called `train` and `test`, `val` or the like, in upper or lower case, are
    splits, or `trainA` and `trainB` where there are two domains. One level below them, or
    at the top, subfolders are classes if there are at least two. Without folders of splits,
    all images are in the split 'train'. A dataset.json in NVIDIA's format gives the classes
    in place of folders. `layout` has the details.

    Args:
        spec: where the folder is, the split, and the shape to bring images to.

    Raises:
        NoSplit: the folder has no such split.
        UsageError: there are no images, some cannot be read, they differ in size or
            channels, or folders contradict each other.
    """
    return _source(spec, in_folder(spec.where))


def zipped(spec: Spec) -> Source:
    """Returns the images of a .zip, read in place, by the same rules as `folder`."""
    return _source(spec, in_zip(spec.where))


def _source(spec: Spec, files: Files) -> Source:
    # What is there, and what it means.
    tables = _tables(files)
    layout = arrange(
        files.names,
        spec.where,
        folders=files.folders,
        others=files.others,
        tables={name for name, table in tables.items() if table.is_nvidia},
    )
    place = Place(files, layout, tables)
    split = find_split(layout, spec.split)
    labeled = _labeled(place, split)
    names = labeled.names
    classes, notes_on_classes = _classes(place, split, labeled)
    # Without classes `classes` is empty, and every label is 0.
    number = {name: i for i, name in enumerate(classes)}
    label = np.array([number.get(name, 0) for name in labeled.classes], np.int32)

    # All images have one shape, which is known from their headers.
    headers, errors = _headers(files, names)
    if errors:
        # A bad header ends the loading. Then all files are decoded once, so that the
        # message also names those whose header is good and whose pixels are not.
        errors = _decoding_errors(files, names, spec) or errors
        raise unreadable_files_error(spec.where, len(names), errors)
    shapes = [(files.display_name(header.name), header.shape) for header in headers]
    shape = image_files.common_shape(shapes, spec)

    def decode(name: str) -> np.ndarray:
        pixels = _decode(files, name, spec)
        if pixels.shape != shape:
            shown = files.display_name(name)
            problem = f"has shape {pixels.shape}, but its header promised {shape}"
            raise FileError(f"{shown} {problem}: save it again.", shown, problem)
        return pixels

    def read(rows: np.ndarray) -> Batch:
        chosen = [names[row] for row in rows]
        return Batch(image_files.parallel_batch(decode, chosen, shape), label[rows])

    def find_errors(rows: np.ndarray) -> list[FileError]:
        return image_files.file_errors(decode, [names[row] for row in rows])

    def inventory() -> dict[str, str]:
        # Names are given without the root, so that the same files have the same inventory
        # when they are unpacked into another folder.
        used = [*names, split.labels] if split.labels else names
        keys = {name: printable(name.removeprefix(layout.root)) for name in used}
        return digest.files(files, keys)

    held_out = held_out_split(layout, split)
    unused = []
    if split.is_train:
        unused = unused_notes(layout, [split, held_out] if held_out else [split])
    notes = [
        *layout.notes,
        *labeled.notes,
        *notes_on_classes,
        *unused,
        *files.notes,
        *_conversion_notes(headers),
    ]
    report = LoadReport(
        held_out=len(held_out.images) if held_out else 0,
        held_out_name=held_out.folder if held_out else "",
        skipped=layout.skipped,
        notes=tuple(notes),
    )
    return Source(
        spec=spec,
        length=len(names),
        example=example_struct(shape),
        classes=tuple(map(printable, classes)),
        read=read,
        names=tuple("/".join(parts) for parts in split.images.values()),
        report=report,
        inventory=inventory,
        find_errors=find_errors,
    )


def _tables(files: Files) -> dict[str, dataset_json.Labels]:
    """Returns the contents of every dataset.json by its name."""
    # A file of another program may be called dataset.json, too: see `Labels.is_nvidia`.
    return {
        name: dataset_json.parse(_bytes(files, name), files.display_name(name))
        for name in files.names
        if name.rpartition("/")[2] == dataset_json.FILE
    }


def _labeled(place: Place, split: Split) -> Labeled:
    """Returns the classes of a split's images, from a dataset.json or else from folders."""
    if split.labels:
        return _labeled_by_table(place, split)
    classes = folder_classes(split, place.layout.where)
    notes = []
    if is_sharded(split):
        folders = [parts[0] for parts in split.images.values()]
        notes = [
            f"Folders {printable(folders[0])} to {printable(folders[-1])} are shards of "
            "one set and not classes, as the numbers of their files show."
        ]
    elif any(classes):
        notes = class_notes(split, place.files.folders, place.layout)
    return Labeled(list(split.images), classes, notes)


def _labeled_by_table(place: Place, split: Split) -> Labeled:
    names = list(split.images)
    labels = place.tables[split.labels].labels
    if labels is None:
        note = f"{dataset_json.FILE} says that there are no classes."
        return Labeled(names, [""] * len(names), [note])
    # The table names images relative to its own folder.
    folder_of_table = split.labels.removesuffix(dataset_json.FILE)
    keys = [name.removeprefix(folder_of_table) for name in names]
    shown = place.files.display_name(split.labels)
    classes, num_unused = dataset_json.classes_of(keys, labels, shown)
    notes = [f"{dataset_json.FILE} gives the classes."]
    # A table that several splits share has labels for the images of all of them.
    is_shared = len(place.layout.splits) > 1 and not folder_of_table.endswith(
        f"{split.folder}/"
    )
    if num_unused and not is_shared:
        notes.append(
            f"{dataset_json.FILE} has labels for images that do not exist "
            f"({num_unused:,})."
        )
    return Labeled(names, classes, notes)


def _classes(
    place: Place, split: Split, labeled: Labeled
) -> tuple[list[str], list[str]]:
    """Returns the names of the classes in order, and notes for the user.

    Classes that only occur in other splits are included, so that a class has the same
    number in each split.
    """
    here = set(labeled.classes) - {""}
    if not here:
        return [], []
    elsewhere: set[str] = set()
    for other in place.layout.splits:
        if other != split and other.domain == split.domain:
            try:
                elsewhere.update(_labeled(place, other).classes)
            except UsageError:  # raised again if that split is asked for
                continue
    classes = sort_classes((here | elsewhere) - {""})
    if len(classes) < 2:
        return [], []
    notes = []
    absent = [name for name in classes if name not in here]
    if absent:
        notes.append(
            f"No image of {printable(split.folder or 'train')} is of the "
            f"{'class' if len(absent) == 1 else 'classes'} {listed(absent)}."
        )
    # "Cat" and "cat" are perhaps meant as one class, and so are two Unicode encodings of
    # one accented letter.
    alike: dict[str, list[str]] = {}
    for name in classes:
        folded = unicodedata.normalize("NFC", name).casefold()
        alike.setdefault(folded, []).append(name)
    similar = [name for names in alike.values() if len(names) > 1 for name in names]
    if similar:
        notes.append(
            f"Classes {listed(similar)} differ only in case or in the encoding of letters."
        )
    return classes, notes


def _headers(files: Files, names: list[str]) -> tuple[list[Header], list[FileError]]:
    """Returns the headers of all files, and an error for each that cannot be read."""
    with tqdm(total=len(names), desc="headers", delay=1, disable=None) as bar:

        def read(name: str) -> Header | FileError:
            bar.update()
            shown = files.display_name(name)
            try:
                with reading(shown), files.open(name) as file:
                    shape = image_files.stored_shape(file, shown)
                    file.seek(0)
                    conversions = image_files.conversions(file, shown)
                    return Header(name, shape, conversions)
            except FileError as error:
                return error

        results = image_files.parallel_map(read, names)
    headers = [result for result in results if isinstance(result, Header)]
    errors = [result for result in results if isinstance(result, FileError)]
    return headers, errors


def _conversion_notes(headers: list[Header]) -> list[str]:
    """Returns a note on each thing that decoding changes, and in how many files."""
    counts = Counter(each for header in headers for each in header.conversions)
    return [
        f"{'All' if count == len(headers) else f'{count:,} of'} {len(headers):,} images "
        f"have {conversion}."
        for conversion, count in sorted(counts.items())
    ]


def _decoding_errors(files: Files, names: list[str], spec: Spec) -> list[FileError]:
    """Returns an error for each file that cannot be decoded, whatever its shape."""
    with tqdm(total=len(names), desc="checking", delay=1, disable=None) as bar:

        def decode(name: str) -> None:
            bar.update()
            _decode(files, name, spec)

        return image_files.file_errors(decode, names)


def _decode(files: Files, name: str, spec: Spec) -> UInt8[np.ndarray, "h w c"]:
    return image_files.decode(_bytes(files, name), files.display_name(name), spec)


def _bytes(files: Files, name: str) -> bytes:
    with reading(files.display_name(name)), files.open(name) as file:
        return file.read()
