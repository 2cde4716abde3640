"""Images in a folder or in a .zip: the sub-folder, if there is one, is the class."""

import os
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

from ganjax.data import image as images
from ganjax.data.source import Source, Spec
from ganjax.errors import Mistake
from ganjax.gan import Batch


EXTENSIONS = ".png .jpg .jpeg .webp .bmp .gif .tif .tiff".split()
HELD_OUT = ("test", "val", "validation")
DOMAINS = "", "A", "B"  # two kinds of images in one place, trainA and trainB
SPLITS = {split + domain for split in ("train", *HELD_OUT) for domain in DOMAINS}


class Files(NamedTuple):
    """Named files that can be opened by any thread."""

    names: list[str]  # posix paths from the root, sorted
    open: Callable[[str], AbstractContextManager[Any]]
    full: Callable[[str], str]  # a name as the person knows it


def folder(spec: Spec) -> Source:
    """The images of a folder, nested by class or flat.

    Sub-folders `train` and `test` (or `val`, `validation`) are the splits, or trainA and
    the like where there are two kinds, and classes are one level below them; else all is
    split 'train'. One folder alone is no class. Hidden files are passed over.
    """
    root = Path(spec.where).expanduser()
    walk = os.walk(root, followlinks=True)
    found = (Path(top, name) for top, _, names in walk for name in names)
    names = sorted(path.relative_to(root).as_posix() for path in found)
    files = Files(names, lambda name: open(root / name, "rb"), lambda n: str(root / n))
    return _source(spec, files)


def zipped(spec: Spec) -> Source:
    """The images of a .zip by the same rules, read in place."""
    try:
        archive = zipfile.ZipFile(Path(spec.where).expanduser())
    except (OSError, zipfile.BadZipFile) as error:
        raise Mistake(
            f"{spec.where} cannot be read as a .zip ({error}): pack it again."
        ) from error
    lock = threading.Lock()

    @contextmanager
    def member(name: str) -> Iterator[Any]:
        with lock, archive.open(name) as file:
            yield file

    names = sorted(name for name in archive.namelist() if not name.endswith("/"))
    return _source(spec, Files(names, member, lambda name: f"{spec.where}:{name}"))


def tree(names: list[str], split: str, where: str) -> tuple[list[str], list[str]]:
    """Of the files `names`, the images of a split, and the class of each or ''."""
    paths = {name: PurePosixPath(name).parts for name in names if _is_image(name)}
    if not paths:
        raise Mistake(
            f"{where} holds no images ({' '.join(EXTENSIONS)}): give the folder or "
            ".zip that holds them."
        )
    paths = _descend(paths)
    chosen = _split(paths, split, where)
    depths = {len(parts) > 1 for parts in chosen.values()}
    if len(depths) == 2:
        flat = next(name for name, parts in chosen.items() if len(parts) == 1)
        raise Mistake(
            f"{where} has images both in class folders and beside them ({flat}): put "
            "every image into a folder, or none."
        )
    labels = [parts[0] if len(parts) > 1 else "" for parts in chosen.values()]
    return list(chosen), labels


def _is_image(name: str) -> bool:
    parts = PurePosixPath(name).parts
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in parts)
    return not hidden and PurePosixPath(name).suffix.lower() in EXTENSIONS


def _descend(paths: dict[str, tuple]) -> dict[str, tuple]:
    # A .zip mostly packs one folder: what counts lies below it.
    tops = {parts[0] for parts in paths.values()}
    alone = len(tops) == 1 and not tops & SPLITS
    if alone and any(len(parts) > 2 for parts in paths.values()):
        return _descend({name: parts[1:] for name, parts in paths.items()})
    return paths


def _split(paths: dict[str, tuple], split: str, where: str) -> dict[str, tuple]:
    tops = {parts[0] for parts in paths.values() if len(parts) > 1}
    of = {d: [each + d for each in HELD_OUT] for d in DOMAINS}
    both = any(f"train{d}" in tops and tops.intersection(of[d]) for d in DOMAINS)
    divided = tops and (tops <= SPLITS or both)
    held_out = next(of[d] for d in reversed(DOMAINS) if split.endswith(d))
    if not divided:
        if split == "train":
            return paths
        raise Mistake(
            f"{where} has no split {split!r}, all of it is 'train': divide it into "
            f"folders 'train' and {split!r}."
        )
    wanted = [split, *(held_out if split in held_out else ())]
    top = next((top for top in wanted if top in tops), None)
    if top is None:
        raise Mistake(
            f"{where} has no split {split!r}: its splits are "
            f"{', '.join(sorted(tops & SPLITS))}."
        )
    return {n: parts[1:] for n, parts in paths.items() if parts[0] == top and parts[1:]}


def _source(spec: Spec, files: Files) -> Source:
    names, labels = tree(files.names, spec.split, spec.where)
    classes = _classes(files, labels, spec)
    number = {name: i for i, name in enumerate(classes)}
    label = np.array([number.get(name, 0) for name in labels], np.int32)
    shape = images.common(_headers(files, names), spec)

    def one(name: str) -> np.ndarray:
        pixels = images.decode(_bytes(files, name), files.full(name), spec)
        if pixels.shape != shape:
            raise Mistake(
                f"{files.full(name)} has shape {pixels.shape} where {shape} was "
                "promised by the files' headers: save it again."
            )
        return pixels

    def read(rows: np.ndarray) -> Batch:
        image = np.array(images.spread(one, [names[row] for row in rows]), np.uint8)
        return Batch(image.reshape(len(rows), *shape), label[rows])

    stems = tuple(PurePosixPath(name).stem for name in names)
    return Source(spec, len(names), shape, np.dtype(np.uint8), classes, read, stems)


def _classes(files: Files, labels: list[str], spec: Spec) -> tuple[str, ...]:
    # Of all splits together, so that a class has one number in each of them.
    found = set(labels)
    for other in (SPLITS - {spec.split}) if any(labels) else ():
        try:
            found.update(tree(files.names, other, spec.where)[1])
        except Mistake:
            continue
    names = tuple(sorted(found - {""}))
    return names if len(names) > 1 else ()


def _headers(files: Files, names: list[str]) -> list[tuple[str, images.Shape]]:
    with tqdm(total=len(names), desc="headers", delay=1, disable=None) as bar:

        def one(name: str) -> tuple[str, images.Shape]:
            with _reading(files, name) as file:
                shape = images.header(file, files.full(name))
            bar.update()
            return name, shape

        return images.spread(one, names)


def _bytes(files: Files, name: str) -> bytes:
    with _reading(files, name) as file:
        return file.read()


@contextmanager
def _reading(files: Files, name: str) -> Iterator[Any]:
    try:
        with files.open(name) as file:
            yield file
    except (OSError, EOFError, RuntimeError, zipfile.BadZipFile) as error:
        raise Mistake(
            f"{files.full(name)} cannot be read ({error}): repair it or take it out."
        ) from error
