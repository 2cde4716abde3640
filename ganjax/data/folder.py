"""Images in a folder or in a .zip: the sub-folder, if there is one, is the class.

`files` lists what is there, `tree` tells what its folders mean, and `dataset_json` reads
the labels of NVIDIA's format; this file makes a source of them.
"""

import unicodedata
from collections import Counter
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from ganjax.data import dataset_json, digest, image as images, tree
from ganjax.data.files import Files, blaming, fault, in_folder, in_zip
from ganjax.data.image import EXTENSIONS as EXTENSIONS
from ganjax.data.names import in_order, listed, printable
from ganjax.data.source import Found, Source, Spec, broken_files
from ganjax.errors import Mistake
from ganjax.gan import Batch


class Header(NamedTuple):
    """What the first bytes of a file tell, or why they tell nothing."""

    name: str
    shape: images.Shape | None
    remarks: frozenset[str]
    fault: str


class Labeled(NamedTuple):
    """The images of one split, each with the name of its class or ''."""

    names: list[str]
    classes: list[str]
    notes: list[str]


def folder(spec: Spec) -> Source:
    """The images of a folder, nested by class or flat, linked ones too.

    Sub-folders called `train` and `test`, `val` or the like, in any case of letters, are
    the splits, or trainA and the like where there are two kinds; classes are one level
    below them. Otherwise all is split 'train'. One folder alone is no class. A
    dataset.json of NVIDIA's format gives the classes in place of folders.
    """
    return _source(spec, in_folder(spec.where))


def zipped(spec: Spec) -> Source:
    """The images of a .zip by the same rules, read in place."""
    return _source(spec, in_zip(spec.where))


def _source(spec: Spec, files: Files) -> Source:
    tables = _tables(files)
    known = {name for name, table in tables.items() if table.known}
    arranged = tree.arrange(
        files.names,
        spec.where,
        folders=files.folders,
        others=files.others,
        tables=known,
    )
    part = tree.find(arranged, spec.split)
    labeled = _labeled(part, tables, files, arranged)
    names = labeled.names
    classes, class_notes = _classes(arranged, part, labeled, tables, files)
    number = {name: i for i, name in enumerate(classes)}
    label = np.array([number.get(name, 0) for name in labeled.classes], np.int32)
    headers = _headers(files, names)
    if any(header.fault for header in headers):
        sentences = _faults(files, names, spec)
        raise broken_files(spec.where, len(names), sentences)
    shapes = [(files.full(each.name), each.shape) for each in headers if each.shape]
    shape = images.common(shapes, spec)

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

    def faults(rows: np.ndarray) -> list[str]:
        told = images.spread(lambda row: fault(lambda: one(names[row])), rows)
        return [sentence for sentence in told if sentence]

    def inventory() -> dict[str, str]:
        named = {name: printable(name.removeprefix(arranged.root)) for name in names}
        if part.labels:
            named[part.labels] = printable(part.labels.removeprefix(arranged.root))
        return digest.files(files, named)

    held_out = _held_out(arranged, part)
    used = [part, held_out] if held_out else [part]
    unused = tree.unused_notes(arranged, used) if _is_train(part) else []
    notes = [
        *arranged.notes,
        *labeled.notes,
        *class_notes,
        *unused,
        *files.notes,
        *_remarks(headers),
    ]
    found = Found(
        held_out=len(held_out.images) if held_out else 0,
        held_out_name=held_out.folder if held_out else "",
        passed_over=arranged.passed_over,
        notes=tuple(notes),
    )
    return Source(
        spec=spec,
        length=len(names),
        shape=shape,
        dtype=np.dtype(np.uint8),
        classes=tuple(map(printable, classes)),
        read=read,
        names=tuple("/".join(parts) for parts in part.images.values()),
        found=found,
        inventory=inventory,
        faults=faults,
    )


def _tables(files: Files) -> dict[str, dataset_json.Labels]:
    """What every dataset.json of the place says, by its name."""
    found = (n for n in files.names if n.rpartition("/")[2] == dataset_json.FILE)
    return {
        name: dataset_json.parse(_bytes(files, name), files.full(name))
        for name in found
    }


def _labeled(
    part: tree.Part,
    tables: dict[str, dataset_json.Labels],
    files: Files,
    arranged: tree.Tree,
) -> Labeled:
    names = list(part.images)
    if not part.labels:
        classes = tree.folder_classes(part, arranged.where)
        notes = []
        if tree.sharded(part):
            folders = [parts[0] for parts in part.images.values()]
            notes = [
                f"Folders {printable(folders[0])} to {printable(folders[-1])} are parts "
                "of one set and no classes, as the numbers of their files tell."
            ]
        elif any(classes):
            notes = tree.class_notes(part, files.folders, arranged)
        return Labeled(names, classes, notes)
    numbers, table = tables[part.labels].numbers, files.full(part.labels)
    if numbers is None:
        none = [f"{dataset_json.FILE} says that there are no classes."]
        return Labeled(names, [""] * len(names), none)
    above = part.labels.removesuffix(dataset_json.FILE)
    keys = [name.removeprefix(above) for name in names]
    classes, others = dataset_json.classes_of(keys, numbers, table)
    notes = [f"{dataset_json.FILE} gives the classes."]
    shared = len(arranged.parts) > 1 and not above.endswith(f"{part.folder}/")
    if others and not shared:
        notes.append(
            f"{dataset_json.FILE} has labels for images that are not there ({others:,})."
        )
    return Labeled(names, classes, notes)


def _classes(
    arranged: tree.Tree,
    part: tree.Part,
    labeled: Labeled,
    tables: dict[str, dataset_json.Labels],
    files: Files,
) -> tuple[list[str], list[str]]:
    """The classes of all splits together, so that each has one number, and notes."""
    here = set(labeled.classes) - {""}
    if not here:
        return [], []
    there: dict[str, set[str]] = {}
    for other in arranged.parts:
        if other != part and _domain(other) == _domain(part):
            try:
                found = _labeled(other, tables, files, arranged)
            except Mistake:  # told where that split is asked for
                continue
            there[other.folder] = set(found.classes) - {""}
    classes = in_order(here.union(*there.values()))
    if len(classes) < 2:
        return [], []
    notes = []
    alone = [name for name in classes if name not in here]
    if alone:
        notes.append(
            f"No image of {printable(part.folder or 'train')} is of the "
            f"{'class' if len(alone) == 1 else 'classes'} {listed(alone)}."
        )
    folded: dict[str, list[str]] = {}
    for name in classes:
        alike = unicodedata.normalize("NFC", name).casefold()
        folded.setdefault(alike, []).append(name)
    several = [name for names in folded.values() if len(names) > 1 for name in names]
    if several:
        notes.append(
            f"Classes {listed(several)} differ in the case or the code of letters alone."
        )
    return classes, notes


def _held_out(arranged: tree.Tree, part: tree.Part) -> tree.Part | None:
    if not arranged.divided or not _is_train(part):
        return None
    try:
        return tree.find(arranged, f"test{_domain(part)}")
    except Mistake:
        return None


def _is_train(part: tree.Part) -> bool:
    return part.name is None or part.name.kind == "train"


def _domain(part: tree.Part) -> str:
    return part.name.domain if part.name else ""


def _headers(files: Files, names: list[str]) -> list[Header]:
    with tqdm(total=len(names), desc="headers", delay=1, disable=None) as bar:

        def one(name: str) -> Header:
            bar.update()
            try:
                with blaming(files.full(name)), files.open(name) as file:
                    shape = images.header(file, files.full(name))
                    file.seek(0)
                    remarks = images.remarks(file, files.full(name))
                    return Header(name, shape, remarks, "")
            except Mistake as error:
                return Header(name, None, frozenset(), str(error))

        return images.spread(one, names)


def _remarks(headers: list[Header]) -> list[str]:
    """A sentence on each thing that decoding changes, and in how many files."""
    counts = Counter(remark for header in headers for remark in header.remarks)
    return [
        f"{'All' if count == len(headers) else f'{count:,} of'} {len(headers):,} images "
        f"have {remark}."
        for remark, count in sorted(counts.items())
    ]


def _faults(files: Files, names: list[str], spec: Spec) -> list[str]:
    """Why files cannot be decoded, whatever their shapes, a sentence for each."""
    with tqdm(total=len(names), desc="checking", delay=1, disable=None) as bar:

        def one(name: str) -> str:
            bar.update()
            full = files.full(name)
            return fault(lambda: images.decode(_bytes(files, name), full, spec))

        return [sentence for sentence in images.spread(one, names) if sentence]


def _bytes(files: Files, name: str) -> bytes:
    with blaming(files.full(name)), files.open(name) as file:
        return file.read()
