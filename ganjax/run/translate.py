"""A person's own images, of any size, through a game that makes images of images."""

import io
import os
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image
from tqdm import tqdm

from ganjax.data import Spec, image as images
from ganjax.data.folder import EXTENSIONS
from ganjax.errors import Mistake
from ganjax.gan import stored
from ganjax.run.pictures import write_whole


Answer = Callable[[UInt8[np.ndarray, "1 h w c"]], Float[np.ndarray, "1 h w d"]]


def translate(
    answer: Answer, where: Path, out: Path, channels: int, side: int, tile: int
) -> list[Path]:
    """Writes what `answer` makes of each image into the folder `out`; gives the files.

    `where` is an image or a folder of them, whose sub-folders are kept, but for `out`. All
    are looked at before the first is translated. Each becomes a .png of its own size: see
    `through`.
    """
    found = {path: out / _name(path, where) for path in _asked(where, out)}
    for path in found:
        header(path)
    untouched(found.values(), found)
    clash = [target for target, count in Counter(found.values()).items() if count > 1]
    if clash:
        raise Mistake(f"Two images would both be written as {clash[0]}: rename one.")
    with tqdm(found.items(), desc=str(where), unit="image", disable=None) as bar:
        for path, target in bar:
            write(through(answer, read(path, channels), side, tile), target)
    return [*found.values()]


def transparent(where: Path, out: Path, channels: int) -> None:
    """A `Mistake` names the first image of which `translate` would make nothing up."""
    for path in _asked(where, out):
        if read(path, channels)[..., -1].min() > 127:
            raise Mistake(
                f"{path} is opaque, so nothing of it would be made up: make transparent "
                "what is to be, or give a mask to `ganjax complete`."
            )


def complete(
    answer: Answer,
    photo: Path,
    mask: Path,
    out: Path,
    channels: int,
    side: int,
    tile: int,
) -> None:
    """Writes the photograph, with what the mask shows white made up, to the .png `out`.

    `answer` is given the image with a last channel that is 255 where it is known. Known
    pixels stay what they were, to the bit.
    """
    untouched([out], (photo, mask))
    image, hidden = read(photo, channels - 1), read(mask, 1, background=0) > 127
    if hidden.all() or not hidden.any():
        raise Mistake(
            f"{mask} is all {'white' if hidden.any() else 'black'}: paint white what is to "
            "be made up, and leave the rest black or transparent."
        )
    if image.shape[:2] != hidden.shape[:2]:
        raise Mistake(
            f"{photo} is {image.shape[0]}x{image.shape[1]} and its mask {mask} "
            f"{hidden.shape[0]}x{hidden.shape[1]}: give a mask of the same size."
        )
    known = np.where(hidden, 0, 255).astype(np.uint8)
    made = through(answer, np.concatenate([image, known], axis=-1), side, tile)
    write(np.where(hidden, made, image / 127.5 - 1), out)


def through(
    answer: Answer, image: UInt8[np.ndarray, "h w c"], side: int, tile: int
) -> Float[np.ndarray, "H W d"]:
    """One image of any size as `answer` gives it, as large or larger, -1..1.

    It is reflected beyond its borders up to a multiple of `side`, by which the network
    divides what it sees. What is larger than `tile` pixels goes through in tiles that
    overlap by half a side and more, and fade into each other.
    """
    h, w = image.shape[:2]
    tall, wide = (-(-length // side) * side for length in (h, w))
    whole = np.pad(image, ((0, tall - h), (0, wide - w), (0, 0)), "symmetric")
    most = max(side, tile // side * side)
    height, width = min(tall, most), min(wide, most)
    fade = _fade(height, side // 2)[:, None] * _fade(width, side // 2)
    parts = {
        (y, x): answer(whole[None, y : y + height, x : x + width])[0]
        for y in _starts(tall, height, side // 2)
        for x in _starts(wide, width, side // 2)
    }
    times, depth = len(parts[0, 0]) // height, parts[0, 0].shape[-1]
    fade = fade.repeat(times, 0).repeat(times, 1)[..., None]
    total = np.zeros((times * tall, times * wide, depth))
    weight = np.zeros((times * tall, times * wide, 1))
    for place, made in parts.items():
        top, left = (times * start for start in place)
        part = np.s_[top : top + times * height, left : left + times * width]
        total[part] += fade * made
        weight[part] += fade
    return (total / weight).astype(np.float32)[: times * h, : times * w]


def files(where: Path) -> list[Path]:
    """An image itself, or all images below a folder, but hidden ones."""
    if where.is_file():
        return [where]
    walk = os.walk(where)
    found = sorted(Path(top, name) for top, _, names in walk for name in names)
    shown = [
        path
        for path in found
        if path.suffix.lower() in EXTENSIONS
        and not any(part.startswith(".") for part in path.relative_to(where).parts)
    ]
    if not shown:
        raise Mistake(f"{where} holds no images: give an image or a folder of them.")
    return shown


def header(path: Path) -> images.Shape:
    """The shape of an image file; a `Mistake` if it is none."""
    try:
        with path.open("rb") as file:
            return images.header(file, str(path))
    except OSError as error:
        raise Mistake(f"{path} cannot be read ({error.strerror}).") from error


def untouched(targets: Iterable[Path], sources: Iterable[Path]) -> None:
    """A `Mistake` if one of the `sources` would be written over."""
    read = {path.resolve() for path in sources}
    for target in targets:
        if target.resolve() in read:
            raise Mistake(f"{target} is an image that is read: name another --out.")


def read(
    path: Path, channels: int, background: int = 255
) -> UInt8[np.ndarray, "h w c"]:
    """The pixels of an image file in as many channels."""
    spec = Spec("", channels=channels, background=background)
    return images.decode(path.read_bytes(), str(path), spec)


def write(image: Float[np.ndarray, "h w c"], path: Path) -> None:
    """Saves an image of -1..1 as a .png, whole or not at all."""
    rows, packed = stored(image), io.BytesIO()
    Image.fromarray(rows[..., 0] if rows.shape[-1] == 1 else rows).save(packed, "PNG")
    write_whole(path, packed.getvalue())


def _asked(where: Path, out: Path) -> list[Path]:
    """The images, but those that lie in `out` as they were made of others."""
    inside = lambda path: out.resolve() in path.resolve().parents and out != where
    return [path for path in files(where) if not inside(path)]


def _name(path: Path, where: Path) -> Path:
    inside = path.relative_to(where) if where.is_dir() else Path(path.name)
    return inside.with_suffix(".png")


def _starts(length: int, tile: int, overlap: int) -> list[int]:
    count = 1 if length == tile else -(-(length - overlap) // (tile - overlap))
    return np.linspace(0, length - tile, count).round().astype(int).tolist()


def _fade(length: int, overlap: int) -> Float[np.ndarray, " n"]:
    place = np.arange(length)
    near = np.minimum(place, place[::-1]) + 1
    return np.minimum(near / max(overlap, 1), 1)
