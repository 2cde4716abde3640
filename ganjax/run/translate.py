"""A person's own images, of any size, through a game that makes images of images."""

import os
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8
from tqdm import tqdm

from ganjax.data.image import EXTENSIONS
from ganjax.errors import Mistake
from ganjax.run import originals
from ganjax.run.originals import Original, header, read
from ganjax.run.pictures import write_whole
from ganjax.run.terminal import warn


Answer = Callable[[UInt8[np.ndarray, "1 h w c"]], Float[np.ndarray, "1 h w d"]]

# Endings that name one file and no folder, though such files cannot be read here.
FILES = {".heic", ".heif", ".jxl", ".exr", ".hdr", ".pfm", ".svg", ".pdf", ".eps"}


def translate(
    answer: Answer,
    where: Path,
    out: Path,
    channels: int,
    side: int,
    tile: int,
    *,
    completes: bool = False,
) -> list[Path]:
    """Writes what `answer` makes of each image as a .png; gives the files.

    `where` and `out` are as in `planned`, by which all images are looked at before the
    first is translated. Each becomes as large as it is, or larger by a whole factor: see
    `through`. It keeps its alpha channel and its color profile. Where `answer` completes
    images, its last channel is alpha, and what is opaque stays as it was, to the bit. What
    could not be kept is said in sentences.
    """
    found, remarks = planned(where, out), []
    if others := _passed_over(where):
        warn(f"Of {where} these are no images that can be read: {others}.")
    with tqdm(found.items(), desc=str(where), unit="image", disable=None) as bar:
        for path, target in bar:
            original = read(path)
            made = through(answer, originals.seen(original, channels), side, tile)
            if completes:
                done = originals.completed(original, made, _clear(original))
                done = Original(done.color, None, done.profile)
            else:
                done = originals.translated(original, made)
            write(done, target)
            remarks += [(path, remark) for remark in _remarks(original, done)]
    _say(remarks)
    return [*found.values()]


def planned(where: Path, out: Path) -> dict[Path, Path]:
    """The file that each image becomes, once nothing stands in the way of any.

    `where` is an image or a folder of them, whose sub-folders are kept, but for `out`.
    `out` is a folder, or for one image a .png. A `Mistake` says if an image is none, or
    would be written over, or if `out` cannot be written.
    """
    try:
        found = _targets(where, out)
        for path in found:
            header(path)
        untouched(found.values(), found)
        for folder in {target.parent for target in found.values()}:
            writable(folder)
    except OSError as error:
        raise Mistake(
            f"{error.filename or out} cannot be used ({error.strerror})."
        ) from error
    return found


def transparent(where: Path, out: Path) -> None:
    """A `Mistake` names the first image of which `translate` would make nothing up."""
    for path in planned(where, out):
        if not _clear(read(path)).any():
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
    pixels stay what they were, to the bit, and so do alpha, color profile, and the number
    of channels and bits. What a .png cannot hold is said in a sentence.
    """
    fit(photo, mask, out)
    original, painted = read(photo), read(mask)
    hidden = originals.white(painted)
    if hidden.all() or not hidden.any():
        raise Mistake(
            f"{mask} is all {'white' if hidden.any() else 'black'}: paint white what is to "
            "be made up, and leave the rest black or transparent."
        )
    known = np.where(hidden, 0, 255).astype(np.uint8)[..., None]
    asked = np.concatenate([originals.seen(original, channels - 1), known], axis=-1)
    made = through(answer, asked, side, tile)
    done = originals.completed(original, made, hidden)
    write(done, out)
    _say([(photo, remark) for remark in original.remarks])


def fit(photo: Path, mask: Path, out: Path) -> None:
    """A `Mistake` if photograph and mask are no images of one size, or `out` no .png."""
    try:
        if out.suffix.lower() != ".png":
            raise Mistake(f"--out {out} is no .png; name one.")
        if out.is_dir():
            raise Mistake(f"--out {out} is a folder: name a .png in it.")
        untouched([out], (photo, mask))
        (tall, wide, _), (height, width, _) = header(photo), header(mask)
        if (tall, wide) != (height, width):
            raise Mistake(
                f"{photo} is {tall}x{wide} and its mask {mask} {height}x{width}: give a "
                "mask of the same size."
            )
        writable(out.parent)
    except OSError as error:
        raise Mistake(
            f"{error.filename or out} cannot be used ({error.strerror})."
        ) from error


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
    tops, lefts = _starts(tall, height, side // 2), _starts(wide, width, side // 2)
    down, along = _fade(height, side // 2), _fade(width, side // 2)
    weight = np.zeros(wide)
    for left in lefts:
        weight[left : left + width] += along
    rows, strip, faded = [], np.zeros(()), np.zeros(())
    # A strip is as high as a tile. Its rows above the next strip are done, so that of an
    # image of any size no more than one strip is held with the precision of sums.
    for top, after in zip(tops, [*tops[1:], tall], strict=True):
        for left in lefts:
            part = whole[None, top : top + height, left : left + width]
            made = answer(part)[0]
            times = len(made) // height
            if strip.ndim == 0:
                strip = np.zeros((times * height, times * wide, made.shape[-1]))
                faded = np.zeros(times * height)
            columns = np.s_[times * left : times * (left + width)]
            fade = down.repeat(times)[:, None] * along.repeat(times)
            strip[:, columns] += fade[..., None] * made
        times = len(strip) // height
        faded += down.repeat(times)
        done = times * (after - top)
        scale = faded[:done, None] * weight.repeat(times)
        rows.append((strip[:done] / scale[..., None]).astype(np.float32))
        for held in (strip, faded):
            held[: len(held) - done] = held[done:]
            held[len(held) - done :] = 0
    times = len(strip) // height
    return np.concatenate(rows)[: times * h, : times * w]


def files(where: Path) -> list[Path]:
    """An image itself, or all images below a folder, but hidden ones."""
    if where.is_file():
        return [where]
    shown = [path for path in _below(where) if path.suffix.lower() in EXTENSIONS]
    if not shown:
        missing = "" if where.exists() else "does not exist, so it "
        raise Mistake(
            f"{where} {missing}holds no images: give an image or a folder of them."
        )
    return shown


def untouched(targets: Iterable[Path], sources: Iterable[Path]) -> None:
    """A `Mistake` if one of the `sources` would be written over."""
    read = {_identity(path) for path in sources}
    for target in targets:
        if _identity(target) in read:
            raise Mistake(f"{target} is an image that is read: name another --out.")


def writable(folder: Path) -> None:
    """A `Mistake` if no file can be written into a folder that is there or is to be."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        reason = "it is a file" if there.is_file() else error.strerror
        raise Mistake(
            f"{there} cannot be written into ({reason}): name another --out."
        ) from error


def write(image: Original, path: Path) -> None:
    """Saves an image as a .png, whole or not at all."""
    try:
        write_whole(path, originals.png(image))
    except OSError as error:
        raise Mistake(f"{path} cannot be written ({error.strerror}).") from error


def _targets(where: Path, out: Path) -> dict[Path, Path]:
    ending, found = out.suffix.lower(), files(where)
    if out.exists() and not out.is_dir() and (ending != ".png" or where.is_dir()):
        raise Mistake(f"--out {out} is a file: name a folder.")
    if ending in EXTENSIONS | FILES and not out.is_dir():
        if where.is_dir():
            raise Mistake(
                f"{where} is a folder, so --out {out} is to be one: name a folder."
            )
        if ending != ".png":
            raise Mistake(
                f"--out {out} is no .png, the format in which nothing is lost: name a .png "
                "or a folder."
            )
        return {where: out}
    if where.is_file():
        return {where: out / f"{where.stem}.png"}
    made = out.resolve()
    chosen = [p for p in found if out == where or made not in p.resolve().parents]
    if not chosen:
        raise Mistake(
            f"{where} holds no images but those in {out}: name another --out."
        )
    named = {p: out / p.relative_to(where).with_suffix(".png") for p in chosen}
    clash = [target for target, count in Counter(named.values()).items() if count > 1]
    if clash:
        raise Mistake(f"Two images would both be written as {clash[0]}: rename one.")
    return named


def _below(where: Path) -> list[Path]:
    """All files of a folder that are not hidden."""
    walk = os.walk(where, onerror=_raise if where.is_dir() else None)
    found = sorted(Path(top, name) for top, _, names in walk for name in names)
    hidden = lambda path: any(p.startswith(".") for p in path.relative_to(where).parts)
    return [path for path in found if not hidden(path)]


def _passed_over(where: Path) -> str:
    """How many files of a folder are taken for no images, and of which endings."""
    below = _below(where) if where.is_dir() else []
    ends = Counter(path.suffix.lower() or "without ending" for path in below)
    other = [(count, end) for end, count in ends.items() if end not in EXTENSIONS]
    kinds = ", ".join(f"{count} {end}" for count, end in sorted(other, reverse=True))
    return f"{sum(count for count, _ in other)} files ({kinds})" if other else ""


def _identity(path: Path) -> object:
    # Names may differ in their case, or by a link, and yet be of one file.
    if path.exists():
        stat = path.stat()
        return stat.st_dev, stat.st_ino
    return path.resolve()


def _raise(error: OSError) -> None:
    raise error


def _clear(original: Original) -> np.ndarray:
    """Where a run of completion makes something up: what is rather clear than opaque."""
    if original.alpha is None:
        return np.zeros(original.color.shape[:2], bool)
    return originals.eight(original.alpha) <= 127


def _remarks(original: Original, done: Original) -> list[str]:
    remarks = [each for each in original.remarks if "palette" not in each]
    if original.color.dtype != done.color.dtype:
        remarks.append("{} has 16 bits per channel, which are cut to 8")
    return remarks


def _say(remarks: list[tuple[Path, str]]) -> None:
    """Each remark once, with how many other images it is true of."""
    alike: dict[str, list[str]] = {}
    for path, remark in remarks:
        sentence = remark.replace("{}", str(path))
        alike.setdefault(re.sub(r"\d+", "", remark), []).append(sentence)
    for first, *others in alike.values():
        more = f"; so it is with {len(others)} other images" if others else ""
        warn(f"{first}{more}.")


def _starts(length: int, tile: int, overlap: int) -> list[int]:
    count = 1 if length == tile else -(-(length - overlap) // (tile - overlap))
    return np.linspace(0, length - tile, count).round().astype(int).tolist()


def _fade(length: int, overlap: int) -> Float[np.ndarray, " n"]:
    place = np.arange(length)
    near = np.minimum(place, place[::-1]) + 1
    return np.minimum(near / max(overlap, 1), 1)
