"""What is right to read from a folder, an archive, or an image: said once more, by hand.

Nothing here is imported from ganjax, so that both can be compared. Slow and plain.
"""

import io
import os
import re
import warnings
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageCms, ImageOps


# What people call the splits, in any case of letters; the first held-out one that is
# there is the test split.
TRAIN = ("train", "training")
HELD_OUT = ("test", "testing", "val", "valid", "validation")

COMMON = frozenset(  # endings that must be read
    "png apng jpg jpeg jpe jfif webp avif bmp dib gif tif tiff jp2 ppm pgm pbm".split()
)
ALLOWED = frozenset(  # endings that may be read, too, or passed over
    "j2k jpc jpf jpx j2c pnm pfm tga ico cur icns pcx dcx sgi rgb rgba bw dds im msp "
    "qoi xbm xpm psd mpo avifs blp ras icb vda vst pxr gbr fit fits fli flc ftc ftu "
    "palm".split()
)


class Tree(NamedTuple):
    """One split of a tree of files."""

    images: dict[str, str]  # name -> class, '' without
    classes: tuple[str, ...]  # of all splits, in order
    refused: str = ""  # why it cannot be read
    absent: bool = False  # it is not refused: there is no such split
    mixed: bool = False  # images lie both in class folders and beside them


def ending(name: str) -> str:
    """The lower-case ending of a file's name, without its dot."""
    return PurePosixPath(name).suffix.lower().lstrip(".")


def visible(name: str) -> bool:
    """Whether no part of a path is hidden, or what a Mac adds to archives."""
    parts = PurePosixPath(name).parts
    return not any(part.startswith(".") or part == "__MACOSX" for part in parts)


def natural(name: str) -> list:
    """The key by which numbers in names sort as numbers, of names in ASCII."""
    found = re.split(r"([0-9]+)", name)
    return [(0, int(x), "") if x[0] in "0123456789" else (1, 0, x) for x in found if x]


def walk(root: str) -> list[str]:
    """Every file at or below a folder, links followed, but each folder entered once.

    Hidden folders are not entered. What is reached by two ways has the way without links.
    """
    found, seen = [], set()
    waiting = [(root, "")]
    linked = []
    while waiting or linked:
        path, name = waiting.pop(0) if waiting else linked.pop(0)
        info = os.stat(path)
        if (info.st_dev, info.st_ino) in seen:
            continue
        seen.add((info.st_dev, info.st_ino))
        for entry in sorted(os.listdir(path)):
            full, inner = f"{path}/{entry}", f"{name}/{entry}".lstrip("/")
            if not os.path.isdir(full):
                found.append(inner)
            elif visible(inner):
                (linked if os.path.islink(full) else waiting).append((full, inner))
    return found


def tree(names: Iterable[str], split: str, endings: frozenset = COMMON) -> Tree:
    """A split of the files of these names, which are posix paths from the root."""
    kept = [name for name in names if visible(name) and ending(name) in endings]
    if not kept:
        return Tree({}, (), "holds no images")
    paths = {name: PurePosixPath(name).parts for name in kept}
    paths = _below(paths)
    tops = {parts[0].lower() for parts in paths.values() if len(parts) > 1}
    known = {*TRAIN, *HELD_OUT}
    both = tops & set(TRAIN) and tops & set(HELD_OUT)
    divided = bool(tops) and bool(tops <= known or both)
    if not divided and split != "train":
        return Tree({}, (), "has no split", absent=True)
    parts = {"train": paths}
    if divided:
        parts = {}
        for name, inner in paths.items():
            if len(inner) > 1 and inner[0].lower() in known:
                parts.setdefault(inner[0].lower(), {})[name] = inner[1:]
    wanted = TRAIN if split == "train" else HELD_OUT
    there = [one for one in wanted if one in parts]
    if not there:
        return Tree({}, (), "has no split", absent=True)
    chosen = parts[there[0]]
    depths = {len(inner) > 1 for inner in chosen.values()}
    every = {inner[0] for one in parts.values() for inner in one.values() if inner[1:]}
    classes = tuple(sorted(every, key=natural)) if len(every) > 1 else ()
    of = lambda inner: inner[0] if classes and len(inner) > 1 else ""
    images = {name: of(inner) for name, inner in chosen.items()}
    return Tree(images, classes, mixed=len(depths) > 1)


def _below(paths: dict[str, tuple]) -> dict[str, tuple]:
    """What lies below the one folder, if there is one alone that is no split."""
    while True:
        tops = {parts[0] for parts in paths.values()}
        alone = len(tops) == 1 and not tops & {""}
        split = {top.lower() for top in tops} & {*TRAIN, *HELD_OUT}
        deeper = any(len(parts) > 2 for parts in paths.values())
        if not alone or split or not deeper:
            return paths
        paths = {name: parts[1:] for name, parts in paths.items()}


class Wanted(NamedTuple):
    """The shape in which images are asked for, as a `Spec` says it."""

    size: int = 0
    channels: int = 0
    crop: bool = True
    background: int = 255
    mirror: bool = False
    side_by_side: bool = False


def opened(data: bytes) -> Image.Image:
    """The first frame, decoded and upright; raises whatever Pillow raises."""
    image = Image.open(io.BytesIO(data))
    image.load()
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # the pixels are sound though the EXIF is not
        return image


def channels_of(image: Image.Image) -> int:
    """How many channels an image is kept in, if it is kept as stored."""
    if image.mode.startswith("I;16"):
        return 1
    if "transparency" in image.info or image.mode in ("LA", "La", "PA", "RGBA", "RGBa"):
        return 4
    return 1 if image.mode in ("1", "L") else 3


def colors(image: Image.Image, profile: bool = True) -> Image.Image:
    """8 bits a channel in sRGB: L, RGB or RGBA. 16 bits keep their upper 8.

    Raises a ValueError on 32 bits a channel.
    """
    if image.mode in ("I", "F"):
        raise ValueError("32 bits a channel")
    embedded = image.info.get("icc_profile") if profile else None
    if image.mode.startswith("I;16"):
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    count = channels_of(image)
    meant = image.mode in ("RGB", "RGBA", "P")  # and none of inks or of grays
    image = image.convert({1: "L", 3: "RGB", 4: "RGBA"}[count])
    return in_srgb(image, embedded) if embedded and meant else image


def in_srgb(image: Image.Image, embedded: bytes) -> Image.Image:
    """The image in sRGB where its profile can be used, or else as it is."""
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(embedded))
        if profile.profile.xcolor_space.strip() != "RGB" or image.mode == "L":
            return image
        alpha = image.getchannel("A") if image.mode == "RGBA" else None
        srgb = ImageCms.createProfile("sRGB")
        made = ImageCms.profileToProfile(image.convert("RGB"), profile, srgb)
        assert made is not None
    except (OSError, ImageCms.PyCMSError):
        return image
    if alpha is not None:
        made.putalpha(alpha)
    return made


def pixels(data: bytes, wanted: Wanted) -> np.ndarray:
    """The uint8 [h, w, c] that an image file is to be read as; raises if it cannot be."""
    with warnings.catch_warnings():  # Pillow's are for those who write programs
        warnings.simplefilter("ignore")
        return _pixels(data, wanted)


def _pixels(data: bytes, wanted: Wanted) -> np.ndarray:
    stored = opened(data)
    count = wanted.channels or channels_of(stored)
    image = colors(stored)
    if image.mode == "RGBA" and count != 4:
        behind = Image.new("RGBA", image.size, (*[wanted.background] * 3, 255))
        image = Image.alpha_composite(behind, image)
    image = image.convert({1: "L", 3: "RGB", 4: "RGBA"}[count])
    parts = [image]
    if wanted.side_by_side:
        half, (width, height) = image.width // 2, image.size
        parts = [image.crop((0, 0, half, height))]
        parts += [image.crop((width - half, 0, width, height))]
    each = [np.asarray(_sized(part, wanted)) for part in parts]
    return np.concatenate([x.reshape(*x.shape[:2], count) for x in each], axis=-1)


def _sized(image: Image.Image, wanted: Wanted) -> Image.Image:
    if not wanted.size:
        return image
    if wanted.crop:
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        image = image.crop((left, top, left + side, top + side))
    if image.size == (wanted.size, wanted.size):
        return image
    return image.resize((wanted.size,) * 2, Image.Resampling.LANCZOS)
