"""Class labels in the format of NVIDIA's dataset_tool.py, as StyleGAN2-ADA reads them.

The tool names images 00000/img00000000.png and so on, a thousand to a folder, and writes
a file dataset.json next to these folders that contains

    {"labels": [["00000/img00000000.png", 6], ...]}

or {"labels": null} for a data set without classes. The folders of such a data set are not
classes but shards, which keep the number of files in each folder low. `are_shards`
recognizes shards without a dataset.json, too.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from ganjax.data.names import listed, shortened
from ganjax.errors import UsageError


FILE = "dataset.json"
NUMBERED_STEM = re.compile("[^0-9]*([0-9]+)")
SHARD_SIZES = (100, 1_000, 10_000)  # numbers of files that are put into one folder
SHARD_DIGITS = (4, 5, 6)  # digits of a folder's name, the same for all folders


class Labels(NamedTuple):
    """The contents of a dataset.json."""

    is_nvidia: bool  # whether the file is in this format at all
    labels: Mapping[str, Any] | None  # image's name -> label; None if it has no classes


def parse(data: bytes, name: str) -> Labels:
    """Parses a dataset.json.

    Args:
        data: the contents of the file.
        name: what an error message calls it.

    Raises:
        UsageError: it is not valid JSON, or its labels are not pairs of a name and a label.
    """
    try:
        content = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"{name} is not valid JSON ({type(error).__name__}): write it again with "
            "NVIDIA's dataset_tool.py, or take it out."
        ) from error
    # Other programs also write a dataset.json. It counts as a file that is not read.
    if not isinstance(content, dict) or "labels" not in content:
        return Labels(False, None)
    pairs = content["labels"]
    if pairs is None:
        return Labels(True, None)
    # Some write an object {name: label} in place of the list of pairs.
    if isinstance(pairs, dict):
        pairs = list(pairs.items())
    labels = {}
    for pair in pairs if isinstance(pairs, list) else [pairs]:
        is_pair = isinstance(pair, list | tuple) and len(pair) == 2
        if not is_pair or not isinstance(pair[0], str):
            raise UsageError(
                f"{name} has {shortened(json.dumps(pair))} among its labels: write each "
                'as ["00000/img00000000.png", 6], the name of an image and a number.'
            )
        parts = pair[0].replace("\\", "/").split("/")
        image = "/".join(part for part in parts if part != ".")
        if image in labels and labels[image] != pair[1]:
            raise UsageError(
                f"{name} gives {shortened(image)} two labels, {labels[image]} and "
                f"{pair[1]}: leave one."
            )
        labels[image] = pair[1]
    return Labels(True, labels)


def classes_of(
    images: list[str], labels: Mapping[str, Any], name: str
) -> tuple[list[str], int]:
    """Looks up the classes of images.

    Args:
        images: the names of the images, relative to the folder of the dataset.json.
        labels: the labels that were parsed.
        name: what an error message calls the dataset.json.

    Returns:
        The name of each image's class, such as "6", and how many labels belong to none of
        the images.

    Raises:
        UsageError: an image has no label, or its label is not an integer from 0.
    """
    missing = [image for image in images if image not in labels]
    if missing:
        raise UsageError(
            f"{name} has no label for {len(missing):,} of {len(images):,} images "
            f"({listed(missing, 1)}): add what is missing, or take these images out."
        )
    classes = [_class(image, labels[image], name) for image in images]
    return classes, len(labels.keys() - set(images))


def are_shards(paths: Iterable[tuple[str, ...]]) -> bool:
    """Returns whether folders are shards, which only keep the number of files in each low.

    The number of a file then determines its folder, as in the output of dataset_tool.py
    (00001/img00001234.png), in FFHQ (01000/01234.png) and in the output of img2dataset
    (00001/000010234.jpg).

    Args:
        paths: the path of each image, as a tuple of its parts.
    """
    folders = []
    files = []
    for parts in paths:
        stem = parts[-1].rpartition(".")[0]
        match = NUMBERED_STEM.fullmatch(stem)
        # `int` raises for numbers of more than 4,300 digits, which no shard has.
        is_short = len(stem) < 20 and len(parts[0]) < 20
        if len(parts) != 2 or not match or not parts[0].isdecimal() or not is_short:
            return False
        folders.append(parts[0])
        files.append(int(match[1]))
    # A single folder shows no pattern.
    if len(set(folders)) < 2:
        return False
    digits = {len(folder) for folder in folders}
    if len(digits) > 1 or not digits <= set(SHARD_DIGITS):
        return False
    pairs = list(zip(map(int, folders), files, strict=True))
    # Folders are numbered one by one (1 has files 1000 to 1999), or by their first file
    # (1000 has these).
    return any(
        all(file // size == folder for folder, file in pairs)
        or all(file // size * size == folder for folder, file in pairs)
        for size in SHARD_SIZES
    )


def _class(image: str, label: Any, name: str) -> str:
    is_integer = isinstance(label, int) or (
        isinstance(label, float) and label.is_integer()
    )
    if isinstance(label, bool) or not is_integer or label < 0:
        if isinstance(label, list):
            what = f"a list of {len(label)} values"
        else:
            what = shortened(json.dumps(label))
        raise UsageError(
            f"{name} labels {shortened(image)} with {what}: labels are whole numbers "
            "from 0, one for each image."
        )
    return str(int(label))
