"""What the folders of a set mean: splits, classes, or nothing, told from names alone."""

import os
from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from ganjax.data import splits
from ganjax.data.dataset_json import FILE, are_shards
from ganjax.data.image import EXTENSIONS
from ganjax.data.names import listed, natural, printable, shortened
from ganjax.errors import Mistake, NoSplit


Paths = dict[str, tuple[str, ...]]  # name of an image -> the parts that still count

USUAL = "such as .png, .jpg, .webp, .tif"  # of many endings that are read
# Folders called so hold a kind of file, not a class of things.
ROLES = {
    *("image", "images", "img", "imgs", "jpegimages", "picture", "pictures", "photos"),
    *("mask", "masks", "label", "labels", "annotation", "annotations", "segmentation"),
    *("gt", "depth", "edges", "input", "inputs", "target", "targets"),
    *("output", "outputs"),
    *("source", "sources", "a", "b", "hr", "lr", "thumbnails", "thumbs", "previews"),
    *("data", "dataset", "train", "test", "val"),
}


TRAIN = splits.Name("train", "", "")


class Part(NamedTuple):
    """One split of a set, or all of it where it is not divided."""

    # Its name; "" where the set is not divided or its classes lie at the top.
    folder: str
    name: splits.Name | None  # what the folder's name says
    images: Paths  # in natural order; the parts below the split
    labels: str  # the dataset.json that belongs to them, or ""


class Tree(NamedTuple):
    """How a place is laid out."""

    where: str
    parts: tuple[Part, ...]  # the splits, or all in one
    divided: bool
    passed_over: Mapping[str, int]  # ending -> files that are not read
    empty: tuple[str, ...]  # folders of splits that hold files but no images
    root: str  # what of every name does not count, "" or such as "data/"
    unused: tuple[str, ...]  # what lies beside the splits, in words
    notes: tuple[str, ...]


def is_image(name: str) -> bool:
    """Whether a file is one by the ending of its name."""
    return _ending(name) in EXTENSIONS


def arrange(
    names: Iterable[str],
    where: str,
    *,
    folders: Iterable[str] = (),
    others: Mapping[str, str] = MappingProxyType({}),
    tables: Collection[str] = (),
) -> Tree:
    """The layout of the files `names`; `others` are what is neither file nor folder.

    `folders` has those without files, too, and `tables` are those of the names that are
    an NVIDIA dataset.json. Raises a `Mistake` if there are no images.
    """
    names = sorted(names)
    passed_over: dict[str, int] = {}
    for name in names:
        if not is_image(name) and name not in tables:
            ending = _ending(name) or "without ending"
            passed_over[ending] = passed_over.get(ending, 0) + 1
    for kind in others.values():
        passed_over[kind] = passed_over.get(kind, 0) + 1
    paths = {name: tuple(name.split("/")) for name in names if is_image(name)}
    if not paths:
        raise Mistake(
            f"{printable(where)} holds no images {USUAL}"
            f"{f' (it holds {counted(passed_over)})' if passed_over else ''}: give the "
            "folder or .zip that holds them."
        )
    paths, root = _descend(paths, folders, tables)
    divided, below, unused, notes = _divide(paths)
    parts = []
    for folder, images in below.items():
        images = dict(sorted(images.items(), key=lambda one: natural("/".join(one[1]))))
        images = _without_repeated_folder(images) if divided else images
        own, common = f"{root}{folder}/{FILE}", f"{root}{FILE}"
        table = own if folder and own in tables else common if common in tables else ""
        name = splits.parse(folder) or (TRAIN if divided else None)
        parts.append(Part(folder, name, images, table))
    empty = _empty(names, root, below) if divided else ()
    return Tree(
        where, tuple(parts), divided, passed_over, empty, root, tuple(unused), notes
    )


def find(tree: Tree, split: str) -> Part:
    """The part that is asked for as `split`; what is held out has many names.

    Raises `NoSplit` if there is none, a `Mistake` if it holds no images or if folders
    contend for it.
    """
    where, wanted = printable(tree.where), splits.exact(split)
    if not tree.divided:
        if wanted == TRAIN:
            return tree.parts[0]
        raise NoSplit(
            f"{where} has no split {split!r}, all of it is 'train': divide it into "
            f"folders 'train' and {split!r}."
        )
    kinds = splits.SOUGHT[wanted.kind] if wanted else ()
    domain = wanted.domain if wanted else ""
    for kind in kinds:
        found = [part for part in tree.parts if _is(part, kind, domain)]
        if not found:
            broken = [name for name in tree.empty if _said(name, kind, domain)]
            if broken:
                raise Mistake(
                    f"The folder {shortened(broken[0])} of {where} holds no images "
                    f"{USUAL}: put images into it or take it out."
                )
            continue
        exactly = [part for part in found if part.folder == split]
        # Held-out images by another name do no harm, images to train on are missed.
        if kind == "train" and len(found) > 1:
            raise Mistake(
                f"{where} has {len(found)} folders for the split {split!r} "
                f"({listed(part.folder for part in found)}): leave one of them there."
            )
        return (exactly or sorted(found, key=_rank))[0]
    there = ", ".join(shortened(part.folder or "train") for part in tree.parts)
    raise NoSplit(f"{where} has no split {split!r}: its splits are {there}.")


def folder_classes(part: Part, where: str) -> list[str]:
    """The class of each image by its folder, '' where there are no folders.

    Raises a `Mistake` if only some images have one.
    """
    depths = {len(parts) > 1 for parts in part.images.values()}
    if len(depths) == 2:
        flat = next(name for name, parts in part.images.items() if len(parts) == 1)
        raise Mistake(
            f"{printable(where)} has images both in class folders and beside them "
            f"({shortened(flat)}): put every image into a folder, or none."
        )
    if sharded(part):
        return [""] * len(part.images)
    return [parts[0] if len(parts) > 1 else "" for parts in part.images.values()]


def sharded(part: Part) -> bool:
    """Whether the folders of a part only divide it into handy numbers of files."""
    return are_shards(part.images.values())


def counted(passed_over: Mapping[str, int]) -> str:
    """Such as '28 .avif, 3 .txt', the most frequent first."""
    order = sorted(passed_over.items(), key=lambda item: (-item[1], item[0]))
    shown = [f"{count:,} {shortened(ending)}" for ending, count in order[:5]]
    rest = sum(count for _, count in order[5:])
    return ", ".join([*shown, f"{rest:,} others"] if rest else shown)


def class_notes(part: Part, folders: Iterable[str], tree: Tree) -> list[str]:
    """What a person should know of folders that were taken as classes."""
    classes = sorted({parts[0] for parts in part.images.values()}, key=natural)
    notes = []
    roles = [name for name in classes if name.lower() in ROLES]
    if len(classes) > 1 and roles:
        notes.append(f"Folders {_and(classes)} were taken as classes.")
    deeper = {parts[1] for parts in part.images.values() if len(parts) > 2}
    if deeper:
        notes.append(
            f"Folders below the classes ({listed(sorted(deeper, key=natural))}) tell "
            "nothing: the first folder is the class."
        )
    above = f"{tree.root}{part.folder}/" if part.folder else tree.root
    beside = {name.removeprefix(above) for name in folders if name.startswith(above)}
    known = {*classes, *(other.folder for other in tree.parts)}
    without = sorted(n for n in beside if n and "/" not in n and n not in known)
    if without:
        notes.append(
            f"No class was made of folders without images ({listed(without)})."
        )
    return notes


def unused_notes(tree: Tree, used: Iterable[Part]) -> list[str]:
    """A sentence about the images that belong neither to the split nor to held-out ones."""
    used = list(used)
    domain = used[0].name.domain if used[0].name else ""
    left = [
        f"{shortened(part.folder)} ({len(part.images):,})"
        for part in tree.parts
        if part not in used and part.name and part.name.domain == domain
    ]
    left += tree.unused
    return [f"Not used: {', '.join(left)}."] if left else []


def _ending(name: str) -> str:
    return os.path.splitext(name)[1].lower()


def _descend(
    paths: Paths, folders: Iterable[str], tables: Collection[str]
) -> tuple[Paths, str]:
    # A .zip mostly packs one folder: what counts lies below it.
    root = ""
    while True:
        tops = {parts[0] for parts in paths.values()}
        alone = next(iter(tops))
        if len(tops) > 1 or splits.exact(alone) or f"{root}{FILE}" in tables:
            return paths, root
        if any(len(parts) == 1 for parts in paths.values()):
            return paths, root
        # A class alone among folders without images is told as such.
        beside = any(_is_beside(folder, root, alone) for folder in folders)
        if beside and all(len(parts) == 2 for parts in paths.values()):
            return paths, root
        paths = {name: parts[1:] for name, parts in paths.items()}
        root += f"{alone}/"


def _is_beside(folder: str, root: str, alone: str) -> bool:
    below = folder.removeprefix(root)
    return folder.startswith(root) and below != alone and "/" not in below


def _divide(
    paths: Paths,
) -> tuple[bool, dict[str, Paths], list[str], tuple[str, ...]]:
    """Whether folders are splits, the images of each, what is unused, and notes."""
    below, notes = _by_folder(paths), ()
    names = {folder: splits.parse(folder) for folder in below}
    dividing = _dividing(names)
    if not dividing:
        held_out = _beside_classes(below, names)
        if held_out and all(len(parts) > 1 for parts in paths.values()):
            train = {name: p for name, p in paths.items() if p[0] not in held_out}
            found = {"": train} | {folder: below[folder] for folder in sorted(held_out)}
            return True, found, [], ()
    if not dividing:
        swapped = _splits_in_classes(paths)
        if swapped:
            below, dividing = _by_folder(swapped), {*_by_folder(swapped)}
            paths = swapped
            names = {folder: splits.parse(folder) for folder in below}
    if not dividing:
        named = sorted(
            folder for folder, name in names.items() if name and not name.beyond
        )
        if named and len(names) > 1:
            notes = (
                f"No folders are splits, so that {listed(named)} "
                f"{'is a class' if len(named) == 1 else 'are classes'} as the others are.",
            )
        return False, {"": paths}, [], notes
    stray = [parts[0] for parts in paths.values() if len(parts) == 1]
    left = [folder for folder in below if folder not in dividing]
    unused = [f"{shortened(name)} ({len(below[name]):,})" for name in left]
    if stray:
        unused.append(f"what lies beside the folders of splits ({len(stray):,})")
    kept = sorted(dividing, key=natural)
    return True, {folder: below[folder] for folder in kept}, unused, ()


def _by_folder(paths: Paths) -> dict[str, Paths]:
    below: dict[str, Paths] = {}
    for name, parts in paths.items():
        if len(parts) > 1:
            below.setdefault(parts[0], {})[name] = parts[1:]
    return below


def _dividing(names: Mapping[str, splits.Name | None]) -> set[str]:
    """The folders that are splits: some to train on and some held out, or nothing else."""
    kinds: dict[tuple[str, str], set[str]] = {}
    for name in names.values():
        if name:
            kinds.setdefault((name.beyond, name.domain), set()).add(name.kind)
    both = {
        beyond
        for (beyond, _), found in kinds.items()
        if "train" in found and len(found) > 1
    }
    found = {folder for folder, name in names.items() if name and name.beyond in both}
    if not found and names and all(name and not name.beyond for name in names.values()):
        return set(names)
    return found


def _beside_classes(
    below: Mapping[str, Paths], names: Mapping[str, splits.Name | None]
) -> set[str]:
    """Held-out folders that have the same classes as lie beside them, to train on."""
    held_out = {
        folder
        for folder, name in names.items()
        if name and name[1:] == ("", "") and name.kind != "train"
    }
    classes = {folder for folder in below if folder not in held_out}
    inside = [parts for folder in held_out for parts in below[folder].values()]
    same = all(len(parts) > 1 and parts[0] in classes for parts in inside)
    return held_out if classes and same else set()


def _splits_in_classes(paths: Paths) -> Paths | None:
    """The paths with their first folders exchanged where every class has its splits."""
    if any(len(parts) < 3 for parts in paths.values()):
        return None
    found = {parts[1]: splits.exact(parts[1]) for parts in paths.values()}
    kinds = {name.kind for name in found.values() if name}
    if not all(found.values()) or "train" not in kinds or len(kinds) < 2:
        return None
    return {name: (p[1], p[0], *p[2:]) for name, p in paths.items()}


def _without_repeated_folder(images: Paths) -> Paths:
    # Some archives repeat a split's name below itself, or say once more what is in it.
    while True:
        tops = {parts[0] for parts in images.values()}
        alone = next(iter(tops))
        plain = splits.parse(alone) or alone.lower() in ROLES
        if len(tops) > 1 or not plain or any(len(p) < 3 for p in images.values()):
            return images
        images = {name: parts[1:] for name, parts in images.items()}


def _empty(names: list[str], root: str, below: Mapping[str, Paths]) -> tuple[str, ...]:
    relative = (name.removeprefix(root) for name in names if name.startswith(root))
    tops = {name.split("/")[0] for name in relative if "/" in name}
    return tuple(sorted(top for top in tops if splits.exact(top) and top not in below))


def _is(part: Part, kind: str, domain: str) -> bool:
    return part.name is not None and part.name[:2] == (kind, domain)


def _said(folder: str, kind: str, domain: str) -> bool:
    name = splits.exact(folder)
    return name is not None and name[:2] == (kind, domain)


def _rank(part: Part) -> tuple[int, str]:
    words = splits.WORDS[part.name.kind] if part.name else ()
    plain = part.folder.lower()
    return (words.index(plain) if plain in words else len(words), part.folder)


def _and(names: list[str]) -> str:
    if len(names) == 2:
        return f"{shortened(names[0])} and {shortened(names[1])}"
    return listed(names)
