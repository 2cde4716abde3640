"""The labels of a set that NVIDIA's dataset_tool.py made, as StyleGAN2-ADA reads them.

Its images are named 00000/img00000000.png and so on, a thousand to a folder, and the file
dataset.json beside these folders says {"labels": [["00000/img00000000.png", 6], ...]}, or
{"labels": null} where there are none.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from ganjax.data.names import listed, shortened
from ganjax.errors import Mistake


FILE = "dataset.json"
NUMBERED = re.compile("[^0-9]*([0-9]+)")
SHARDS = (100, 1_000, 10_000)  # files that tools put into one folder


class Labels(NamedTuple):
    """What a dataset.json says."""

    known: bool  # whether it is of NVIDIA's format at all
    numbers: Mapping[str, Any] | None  # name of an image -> label, or None: no labels


def parse(data: bytes, name: str) -> Labels:
    """Reads a dataset.json, whose own `name` is for sentences.

    Raises a `Mistake` if it is no JSON or its labels are not pairs of name and label.
    """
    try:
        content = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Mistake(
            f"{name} is no JSON ({type(error).__name__}): write it again with NVIDIA's "
            "dataset_tool.py, or take it out."
        ) from error
    if not isinstance(content, dict) or "labels" not in content:
        return Labels(False, None)
    pairs = content["labels"]
    if pairs is None:
        return Labels(True, None)
    if isinstance(pairs, dict):
        pairs = list(pairs.items())
    numbers = {}
    for pair in pairs if isinstance(pairs, list) else [pairs]:
        whole = isinstance(pair, list | tuple) and len(pair) == 2
        if not whole or not isinstance(pair[0], str):
            raise Mistake(
                f"{name} has {shortened(json.dumps(pair))} among its labels: write each "
                'as ["00000/img00000000.png", 6], the name of an image and a number.'
            )
        image = "/".join(x for x in pair[0].replace("\\", "/").split("/") if x != ".")
        if image in numbers and numbers[image] != pair[1]:
            raise Mistake(
                f"{name} gives {shortened(image)} two labels, {numbers[image]} and "
                f"{pair[1]}: leave one."
            )
        numbers[image] = pair[1]
    return Labels(True, numbers)


def classes_of(
    images: list[str], numbers: Mapping[str, Any], name: str
) -> tuple[list[str], int]:
    """The class of each of the images, and how many labels belong to no image.

    A class is called by its number. Raises a `Mistake` for an image without a label, or
    with one that is no whole number.
    """
    missing = [image for image in images if image not in numbers]
    if missing:
        raise Mistake(
            f"{name} has no label for {len(missing):,} of {len(images):,} images "
            f"({listed(missing, 1)}): add what is missing, or take these images out."
        )
    return [_class(image, numbers[image], name) for image in images], len(
        numbers.keys() - set(images)
    )


def are_shards(paths: Iterable[tuple[str, ...]]) -> bool:
    """Whether folders merely hold so many files each, as their names tell.

    So it is in what dataset_tool.py writes (00001/img00001234.png), in FFHQ
    (01000/01234.png) and in img2dataset's output (00001/000010234.jpg): the number of a
    file tells its folder. `paths` are those of images, by their parts.
    """
    folders, files = [], []
    for parts in paths:
        stem = parts[-1].rpartition(".")[0]
        found = NUMBERED.fullmatch(stem)
        short = len(stem) < 20 and len(parts[0]) < 20  # so that `int` takes them
        if len(parts) != 2 or not found or not parts[0].isdecimal() or not short:
            return False
        folders.append(parts[0])
        files.append(int(found[1]))
    if len(set(folders)) < 2 or {len(folder) for folder in folders} not in (
        {4},
        {5},
        {6},
    ):
        return False
    pairs = list(zip(map(int, folders), files, strict=True))
    return any(
        all(n // size == folder for folder, n in pairs)
        or all(n // size * size == folder for folder, n in pairs)
        for size in SHARDS
    )


def _class(image: str, label: Any, name: str) -> str:
    whole = isinstance(label, int) or isinstance(label, float) and label.is_integer()
    if isinstance(label, bool) or not whole or label < 0:
        what = (
            f"a list of {len(label)} values"
            if isinstance(label, list)
            else shortened(json.dumps(label))
        )
        raise Mistake(
            f"{name} labels {shortened(image)} with {what}: labels are whole numbers "
            "from 0, one for each image."
        )
    return str(int(label))
