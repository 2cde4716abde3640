"""Works out what the folders of a data set mean, from the names of files alone.

Folders may be splits, classes, or neither. These layouts are recognized, also inside of
folders that contain nothing else:

    1.png                          one split, without classes
    cat/1.png                      one split, with classes
    train/1.png, val/1.png         splits
    train/cat/1.png, test/cat/1.png
                                   splits with classes
    trainA/1.png, trainB/1.png     splits of two domains, as in CycleGAN's data sets
    cat/train/1.png                splits within classes
    cat/1.png, test/cat/1.png      classes to train on, and a held-out split next to them
    00000/img00000000.png          one split in shards, without classes (`dataset_json`)

`arrange` works out the layout of all splits at once, and `find_split` selects the one that
is asked for. Notes tell the user what was guessed and what is not used.
"""

import os
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from ganjax.data import splits
from ganjax.data.dataset_json import FILE, are_shards
from ganjax.data.image_files import EXTENSIONS
from ganjax.data.names import listed, natural_key, printable, shortened
from ganjax.errors import EmptySplit, NoSplit, UsageError


# The name of an image -> the parts of its path that remain to be interpreted: those below
# the folders that contain all images and, once splits are known, below that of the split.
Paths = dict[str, tuple[str, ...]]


class FileKind(NamedTuple):
    """The files that examples are in.

    Attributes:
        plural: what messages call the examples.
        hint: some of the extensions, for messages.
        extensions: all of them, in lower case, such as ".png".
    """

    plural: str
    hint: str
    extensions: frozenset[str]


IMAGES = FileKind("images", "such as .png, .jpg, .webp, .tif", EXTENSIONS)
# Folders with these names contain a kind of file rather than a class of things.
ROLES = {
    "image",
    "images",
    "img",
    "imgs",
    "jpegimages",
    "picture",
    "pictures",
    "photos",
    "mask",
    "masks",
    "label",
    "labels",
    "annotation",
    "annotations",
    "segmentation",
    "gt",
    "depth",
    "edges",
    "input",
    "inputs",
    "target",
    "targets",
    "output",
    "outputs",
    "source",
    "sources",
    "a",
    "b",
    "hr",
    "lr",
    "thumbnails",
    "thumbs",
    "previews",
    "data",
    "dataset",
    "train",
    "test",
    "val",
}
TRAIN = splits.SplitName("train", "", "")


class Split(NamedTuple):
    """One split of a data set, or all of it if it is not divided into splits.

    Attributes:
        folder: the folder of the split; "" if the data set is not divided, or if the
            classes of the split are folders at the top.
        name: the parsed name of the folder; None if the data set is not divided.
        images: the images in natural order, with the parts of their paths below the split.
        labels: the name of the dataset.json that belongs to the images, or "".
    """

    folder: str
    name: splits.SplitName | None
    images: Paths
    labels: str

    @property
    def is_train(self) -> bool:
        """Whether it is trained on: the split 'train', or all of an undivided data set."""
        return self.name is None or self.name.kind == "train"

    @property
    def domain(self) -> str:
        """The domain of the split, such as "A" of trainA; "" for none."""
        return self.name.domain if self.name else ""


class Layout(NamedTuple):
    """What the folders of a data set mean.

    Attributes:
        where: the folder or .zip, for messages.
        splits: the splits; a single one if the data set is not divided.
        divided: whether the data set is divided into splits.
        skipped: file extension or kind -> number of files that are not read.
        empty: folders of splits that contain files but no images.
        root: the folders that contain all images, such as "data/", or "".
        unused: images that are in none of the splits, in words.
        notes: sentences for the user.
        kind: the files that examples are in; where other fields speak of images, they are
            files of this kind.
    """

    where: str
    splits: tuple[Split, ...]
    divided: bool
    skipped: Mapping[str, int]
    empty: tuple[str, ...]
    root: str
    unused: tuple[str, ...]
    notes: tuple[str, ...]
    kind: FileKind = IMAGES


class _Division(NamedTuple):
    """The images of each split by its folder; the other fields are those of `Layout`."""

    divided: bool
    images: dict[str, Paths]
    unused: list[str]
    notes: tuple[str, ...]


def arrange(
    names: Iterable[str],
    where: str,
    *,
    folders: Iterable[str] = (),
    others: Mapping[str, str] = MappingProxyType({}),
    tables: Collection[str] = (),
    kind: FileKind = IMAGES,
) -> Layout:
    """Works out the layout of a data set.

    Args:
        names: the names of its files.
        where: the folder or .zip, for messages.
        folders: the names of its folders, empty ones included.
        others: what is neither a file nor a folder: name -> kind, such as "links".
        tables: those of the names that are a dataset.json in NVIDIA's format.
        kind: the files that examples are in.

    Raises:
        UsageError: there are none of that kind.
    """
    names = sorted(names)
    examples = {name for name in names if _extension(name) in kind.extensions}
    skipped = Counter(
        _extension(name) or "without extension"
        for name in names
        if name not in examples and name not in tables
    )
    skipped.update(others.values())
    paths = {name: tuple(name.split("/")) for name in names if name in examples}
    if not paths:
        raise UsageError(
            f"{printable(where)} holds no {kind.plural} {kind.hint}"
            f"{f' (it holds {count_summary(skipped)})' if skipped else ''}: give "
            "the folder or .zip that holds them."
        )
    # First remove the folders that contain everything, then find which of the folders below
    # are splits, and then sort each split and remove folders that mean nothing.
    paths, root = _without_root(paths, folders, tables)
    division = _divide(paths, kind)
    all_splits = []
    for folder, images in division.images.items():
        in_order = sorted(
            images.items(), key=lambda item: natural_key("/".join(item[1]))
        )
        images = dict(in_order)
        if division.divided:
            images = _without_repeated_folder(images)
        name = splits.parse(folder) or (TRAIN if division.divided else None)
        labels = _labels_file(folder, root, tables)
        all_splits.append(Split(folder, name, images, labels))
    empty = _empty_splits(names, root, division.images) if division.divided else ()
    return Layout(
        where=where,
        splits=tuple(all_splits),
        divided=division.divided,
        skipped=skipped,
        empty=empty,
        root=root,
        unused=tuple(division.unused),
        notes=division.notes,
        kind=kind,
    )


def find_split(layout: Layout, split: str) -> Split:
    """Returns the split that is asked for as `split`.

    A held-out split may have another name, such as "val" where "test" is asked for.

    Raises:
        NoSplit: there is no such split.
        EmptySplit: its folder contains no images.
        UsageError: several folders could be meant.
    """
    where = printable(layout.where)
    wanted = splits.parse_exact(split)
    if not layout.divided:
        if wanted == TRAIN:
            return layout.splits[0]
        raise NoSplit(
            f"{where} has no split {split!r}, all of it is 'train': divide it into "
            f"folders 'train' and {split!r}."
        )
    # Kinds are tried from the one that is asked for to those that may replace it.
    kinds = splits.LOOKUP_ORDER[wanted.kind] if wanted else ()
    domain = wanted.domain if wanted else ""
    for kind in kinds:
        candidates = [
            each for each in layout.splits if _names_split(each.name, kind, domain)
        ]
        if not candidates:
            empty = [
                folder
                for folder in layout.empty
                if _names_split(splits.parse_exact(folder), kind, domain)
            ]
            if empty:
                raise EmptySplit(
                    f"The folder {shortened(empty[0])} of {where} holds no "
                    f"{layout.kind.plural} {layout.kind.hint}: put {layout.kind.plural} "
                    "into it or take it out."
                )
            continue
        # Any of several held-out folders will do. Of several folders to train on, the user
        # would miss the images in the others.
        if kind == "train" and len(candidates) > 1:
            raise UsageError(
                f"{where} has {len(candidates)} folders for the split {split!r} "
                f"({listed(each.folder for each in candidates)}): leave one of them there."
            )
        exact = [each for each in candidates if each.folder == split]
        return exact[0] if exact else min(candidates, key=_usualness)
    names = ", ".join(shortened(each.folder or "train") for each in layout.splits)
    raise NoSplit(f"{where} has no split {split!r}: its splits are {names}.")


def held_out_split(layout: Layout, split: Split) -> Split | None:
    """Returns the held-out split that belongs to a training split, if there is one."""
    if not layout.divided or not split.is_train:
        return None
    try:
        # That none is there, or an empty one, is no mistake here: it is one only where
        # images of it are asked for.
        # Without a held-out split, scores compare samples with the training data.
        return find_split(layout, f"test{split.domain}")
    except (NoSplit, EmptySplit):
        return None


def folder_classes(split: Split, where: str, kind: FileKind = IMAGES) -> list[str]:
    """Returns the class of each image by its folder, or '' where there are no folders.

    Raises:
        UsageError: some images are in folders and some are not.
    """
    depths = {len(parts) > 1 for parts in split.images.values()}
    if len(depths) == 2:
        flat = next(name for name, parts in split.images.items() if len(parts) == 1)
        raise UsageError(
            f"{printable(where)} has {kind.plural} both in class folders and next to them "
            f"({shortened(flat)}): put all of them into folders, or none."
        )
    if is_sharded(split):
        return [""] * len(split.images)
    return [parts[0] if len(parts) > 1 else "" for parts in split.images.values()]


def is_sharded(split: Split) -> bool:
    """Returns whether the folders of a split are shards: see `dataset_json.are_shards`."""
    return are_shards(split.images.values())


def count_summary(skipped: Mapping[str, int]) -> str:
    """Returns numbers of files such as '28 .avif, 3 .txt', the largest ones first."""
    order = sorted(skipped.items(), key=lambda item: (-item[1], item[0]))
    shown = [f"{count:,} {shortened(kind)}" for kind, count in order[:5]]
    rest = sum(count for _, count in order[5:])
    return ", ".join([*shown, f"{rest:,} others"] if rest else shown)


def class_notes(split: Split, folders: Iterable[str], layout: Layout) -> list[str]:
    """Returns notes on folders that were taken as classes, perhaps wrongly.

    Args:
        split: a split whose folders are classes.
        folders: the names of all folders of the data set, empty ones included.
        layout: the layout of the data set.
    """
    classes = sorted({parts[0] for parts in split.images.values()}, key=natural_key)
    notes = []
    roles = [name for name in classes if name.lower() in ROLES]
    if len(classes) > 1 and roles:
        notes.append(f"Folders {_and(classes)} were taken as classes.")
    deeper = {parts[1] for parts in split.images.values() if len(parts) > 2}
    if deeper:
        notes.append(
            f"Folders below the classes ({listed(sorted(deeper, key=natural_key))}) are "
            "ignored: the first folder is the class."
        )
    above = f"{layout.root}{split.folder}/" if split.folder else layout.root
    below = {name.removeprefix(above) for name in folders if name.startswith(above)}
    used = {*classes, *(other.folder for other in layout.splits)}
    empty = sorted(n for n in below if n and "/" not in n and n not in used)
    if empty:
        notes.append(
            f"Folders without {layout.kind.plural} were not taken as classes "
            f"({listed(empty)})."
        )
    return notes


def unused_notes(layout: Layout, used: Iterable[Split]) -> list[str]:
    """Returns a note on images that are in none of the splits in use, if there are any.

    Args:
        layout: the layout of the data set.
        used: the split that is trained on, then others in use. Splits of another domain
            than that of the first are not mentioned.
    """
    used = list(used)
    domain = used[0].name.domain if used[0].name else ""
    unused = [
        f"{shortened(split.folder)} ({len(split.images):,})"
        for split in layout.splits
        if split not in used and split.name and split.name.domain == domain
    ]
    unused += layout.unused
    return [f"Not used: {', '.join(unused)}."] if unused else []


def _extension(name: str) -> str:
    return os.path.splitext(name)[1].lower()


def _labels_file(folder: str, root: str, tables: Collection[str]) -> str:
    """Returns the dataset.json of a split, in its own folder or else at the root, or ''."""
    own = f"{root}{folder}/{FILE}"
    if folder and own in tables:
        return own
    common = f"{root}{FILE}"
    return common if common in tables else ""


def _without_root(
    paths: Paths, folders: Iterable[str], tables: Collection[str]
) -> tuple[Paths, str]:
    """Returns the paths below the folders that contain everything, and these folders.

    Most .zips contain a single folder at the top.
    """
    root = ""
    while True:
        # One folder is removed at a time, until there are several, or one with a meaning.
        tops = {parts[0] for parts in paths.values()}
        top = next(iter(tops))
        if len(tops) > 1 or splits.parse_exact(top) or f"{root}{FILE}" in tables:
            return paths, root
        if any(len(parts) == 1 for parts in paths.values()):
            return paths, root
        # If there are other folders next to it, which contain no images, it is a class.
        has_siblings = any(_is_sibling(folder, root, top) for folder in folders)
        if has_siblings and all(len(parts) == 2 for parts in paths.values()):
            return paths, root
        paths = {name: parts[1:] for name, parts in paths.items()}
        root += f"{top}/"


def _is_sibling(folder: str, root: str, top: str) -> bool:
    """Returns whether `folder` is next to the folder `top` of the root."""
    below = folder.removeprefix(root)
    return folder.startswith(root) and below != top and "/" not in below


def _divide(paths: Paths, kind: FileKind) -> _Division:
    """Finds which folders at the top are splits, trying the usual layouts in turn."""
    below = _by_folder(paths)
    names = {folder: splits.parse(folder) for folder in below}
    # The simplest layout: folders at the top are splits.
    dividing = _split_folders(names)
    if not dividing:
        # Classes to train on, and next to them a held-out split with the same classes.
        held_out = _held_out_next_to_classes(below, names)
        if held_out and all(len(parts) > 1 for parts in paths.values()):
            train = {name: p for name, p in paths.items() if p[0] not in held_out}
            images = {"": train}
            images |= {folder: below[folder] for folder in sorted(held_out)}
            return _Division(True, images, [], ())
        # Classes at the top, each of which contains all splits.
        exchanged = _splits_in_classes(paths)
        if exchanged:
            paths = exchanged
            below = _by_folder(paths)
            names = {folder: splits.parse(folder) for folder in below}
            dividing = {*below}
    if not dividing:
        return _Division(False, {"": paths}, [], _class_named_like_split(names))
    # Images outside of the splits are not used, and a note says so.
    unused = [
        f"{shortened(folder)} ({len(images):,})"
        for folder, images in below.items()
        if folder not in dividing
    ]
    num_stray = sum(len(parts) == 1 for parts in paths.values())
    if num_stray:
        unused.append(f"{kind.plural} next to the folders of splits ({num_stray:,})")
    folders = sorted(dividing, key=natural_key)
    return _Division(True, {folder: below[folder] for folder in folders}, unused, ())


def _by_folder(paths: Paths) -> dict[str, Paths]:
    """Returns the images in each folder at the top, with the parts below it."""
    below: dict[str, Paths] = {}
    for name, parts in paths.items():
        if len(parts) > 1:
            below.setdefault(parts[0], {})[name] = parts[1:]
    return below


def _split_folders(names: Mapping[str, splits.SplitName | None]) -> set[str]:
    """Returns the folders that are splits.

    These are folders to train on together with held-out ones, or any if all folders are
    named like splits. They belong together if their names differ by the split alone:
    train_images belongs to test_images, and neither to test_masks.
    """
    kinds: dict[tuple[str, str], set[str]] = {}
    for name in names.values():
        if name:
            kinds.setdefault((name.rest, name.domain), set()).add(name.kind)
    # A single folder "train" may be a class of trains. It is a split only if there is a
    # second kind of split with the same rest of the name.
    rests = {
        rest
        for (rest, _), kinds_of_rest in kinds.items()
        if "train" in kinds_of_rest and len(kinds_of_rest) > 1
    }
    folders = {folder for folder, name in names.items() if name and name.rest in rests}
    if not folders and all(name and not name.rest for name in names.values()):
        return set(names)
    return folders


def _held_out_next_to_classes(
    below: Mapping[str, Paths], names: Mapping[str, splits.SplitName | None]
) -> set[str]:
    """Returns the held-out folders, if their classes are among the other folders."""
    held_out = {
        folder
        for folder, name in names.items()
        if name and not name.domain and not name.rest and name.kind != "train"
    }
    classes = {folder for folder in below if folder not in held_out}
    inside = [parts for folder in held_out for parts in below[folder].values()]
    # If it has other classes, a folder such as "test" is probably a class itself.
    has_same_classes = all(len(parts) > 1 and parts[0] in classes for parts in inside)
    return held_out if classes and has_same_classes else set()


def _splits_in_classes(paths: Paths) -> Paths | None:
    """Returns the paths with class and split exchanged, if every class has splits."""
    if any(len(parts) < 3 for parts in paths.values()):
        return None
    names = {parts[1]: splits.parse_exact(parts[1]) for parts in paths.values()}
    kinds = {name.kind for name in names.values() if name}
    if not all(names.values()) or "train" not in kinds or len(kinds) < 2:
        return None
    # cat/train/1.png becomes train/cat/1.png, which is the usual layout.
    return {name: (p[1], p[0], *p[2:]) for name, p in paths.items()}


def _class_named_like_split(
    names: Mapping[str, splits.SplitName | None],
) -> tuple[str, ...]:
    """Returns a note on class folders that are named like a split, if there are any."""
    named = sorted(folder for folder, name in names.items() if name and not name.rest)
    if not named or len(names) < 2:
        return ()
    return (
        f"No folders are splits, so {listed(named)} "
        f"{'is a class' if len(named) == 1 else 'are classes'} like the others.",
    )


def _without_repeated_folder(images: Paths) -> Paths:
    """Returns the images of a split below folders that mean nothing.

    Some archives repeat the name of a split below itself, or say that it contains images:
    train/train/cat/1.png, train/images/cat/1.png.
    """
    while True:
        tops = {parts[0] for parts in images.values()}
        top = next(iter(tops))
        is_meaningless = splits.parse(top) or top.lower() in ROLES
        if len(tops) > 1 or not is_meaningless:
            return images
        if any(len(parts) < 3 for parts in images.values()):
            return images
        images = {name: parts[1:] for name, parts in images.items()}


def _empty_splits(
    names: list[str], root: str, with_images: Mapping[str, Paths]
) -> tuple[str, ...]:
    """Returns folders at the top that are named like splits and contain no images."""
    relative = (name.removeprefix(root) for name in names if name.startswith(root))
    tops = {name.split("/")[0] for name in relative if "/" in name}
    empty = {top for top in tops if splits.parse_exact(top) and top not in with_images}
    return tuple(sorted(empty))


def _names_split(name: splits.SplitName | None, kind: str, domain: str) -> bool:
    return name is not None and name.kind == kind and name.domain == domain


def _usualness(split: Split) -> tuple[int, str]:
    """Returns a sort key by which the folder with the most usual name comes first."""
    words = splits.WORDS[split.name.kind] if split.name else ()
    lower = split.folder.lower()
    return (words.index(lower) if lower in words else len(words), split.folder)


def _and(names: list[str]) -> str:
    if len(names) == 2:
        return f"{shortened(names[0])} and {shortened(names[1])}"
    return listed(names)
