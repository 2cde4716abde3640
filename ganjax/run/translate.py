"""Translates and completes a user's own images, of any size.

A network was trained on images of one size. An image that is larger than a tile is cut into
overlapping tiles (`apply_in_tiles`), and the output gets the size, alpha, color profile and
bits of the file (`ganjax.run.originals`). All that could make an image fail is checked
before the first one is translated, as a folder may take hours.
"""

import os
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8
from tqdm import tqdm

from ganjax import store
from ganjax.core import Masked
from ganjax.data.image_files import EXTENSIONS
from ganjax.errors import UsageError
from ganjax.run import originals
from ganjax.run.loading import Loaded
from ganjax.run.originals import Original, image_shape, read
from ganjax.run.terminal import warn


# The network: stored pixels -> an image in -1..1, of the same size or a multiple of it.
Network = Callable[[UInt8[np.ndarray, "1 h w c"]], Float[np.ndarray, "1 h w d"]]

# Suffixes of further image files, which cannot be read here: `--out a.heic` is a mistake,
# and does not name a folder.
OTHER_EXTENSIONS = {
    ".heic",
    ".heif",
    ".jxl",
    ".exr",
    ".hdr",
    ".pfm",
    ".svg",
    ".pdf",
    ".eps",
}


def translate(
    network: Network,
    where: Path,
    out: Path,
    channels: int,
    side: int,
    tile: int,
    *,
    completes: bool = False,
) -> list[Path]:
    """Translates each image by a network and writes it as a .png.

    An image keeps its size, or is enlarged by an integer factor, and it keeps its alpha
    channel and its color profile. What could not be kept is printed in sentences.

    Args:
        network: the network.
        where: an image, or a folder of them.
        out: where the files are written; see `plan_outputs`.
        channels: how many channels the input of the network has.
        side: height and width of the network's input are multiples of it.
        tile: images larger than this are translated in tiles; see `apply_in_tiles`.
        completes: whether `network` completes images: it is given alpha as the last
            channel, and fills in what is transparent. Opaque pixels stay the same, to the
            bit.

    Returns:
        The files that were written.

    Raises:
        UsageError: if an image cannot be read, or its file not written.
    """
    targets, remarks = plan_outputs(where, out), []
    if skipped := _skipped_files(where):
        warn(
            f"Skipped in {where}, as these are not images that can be read: {skipped}."
        )
    with tqdm(targets.items(), desc=str(where), unit="image", disable=None) as bar:
        for path, target in bar:
            original = read(path)
            pixels = originals.network_input(original, channels)
            output = apply_in_tiles(network, pixels, side, tile)
            if completes:
                result = originals.with_completion(original, output, _clear(original))
                # Nothing is transparent any more, so no alpha is written.
                result = Original(result.color, None, result.profile)
            else:
                result = originals.with_translation(original, output)
            write(result, target)
            remarks += [(path, remark) for remark in _remarks(original, result)]
    _print_remarks(remarks)
    return [*targets.values()]


def inpainter(loaded: Loaded) -> Network:
    """Returns the network that fills in hidden pixels.

    It takes uint8 images [1, h, w, c + 1], whose last channel is 255 where the image is
    known, and returns floats [1, h, w, c] in -1..1.
    """

    def network(image):
        # A mask of the game is the reverse: 1 where the image is hidden.
        hidden = (image[..., -1:] < 128).astype(np.float32)
        known = loaded.game.modality.decode(image[..., :-1])
        return loaded.sample_of(Masked(known, hidden))

    return network


def check_channels(run: str, channels: int) -> None:
    """Raises a `UsageError` unless images of `channels` can be completed from files.

    Alpha says what is hidden, so completed images are gray or RGB.
    """
    if channels not in (1, 3):
        raise UsageError(
            f"{run} completes images of {channels} channels, and only gray ones and RGB "
            "can be completed from files: use `ganjax.load` in Python."
        )


def plan_outputs(where: Path, out: Path) -> dict[Path, Path]:
    """Returns the file that each image becomes, and checks that all can be written.

    Args:
        where: an image, or a folder of them, with its sub-folders but without `out`.
        out: a folder, or for one image a .png. The sub-folders of `where` are kept in it.

    Returns:
        The path of each image -> the path of the .png that is written for it.

    Raises:
        UsageError: if a file is not an image, if an image would be overwritten, or if `out`
            cannot be written.
    """
    try:
        targets = _targets(where, out)
        for path in targets:
            image_shape(path)
        check_not_inputs(targets.values(), targets)
        for folder in {target.parent for target in targets.values()}:
            check_writable(folder)
    except OSError as error:
        raise UsageError(
            f"{error.filename or out} cannot be used ({error.strerror}): check its name "
            "and permissions."
        ) from error
    return targets


def check_transparent(where: Path, out: Path) -> None:
    """Checks that something of each image is transparent, to be completed.

    Args:
        where: an image, or a folder of them.
        out: where the completed images are to be written; see `plan_outputs`.

    Raises:
        UsageError: for the first image that is opaque.
    """
    for path in plan_outputs(where, out):
        if not _clear(read(path)).any():
            raise UsageError(
                f"{path} is opaque, so nothing of it would be filled in: make transparent "
                "what is to be, or give a mask to `ganjax complete`."
            )


def complete(
    network: Network,
    photo: Path,
    mask: Path,
    out: Path,
    channels: int,
    side: int,
    tile: int,
) -> None:
    """Writes a photograph whose hidden pixels are filled in by the network.

    All other pixels stay the same, to the bit, and so do alpha, color profile, and the
    number of channels and bits. What a .png cannot hold is printed in a sentence.

    Args:
        network: the network. The last channel that it is given is 255 where the image is
            known, and 0 where it is hidden.
        photo: the photograph.
        mask: an image of the same size, white where the photograph is hidden.
        out: the .png that is written.
        channels: how many channels the input of the network has, with the mask.
        side: height and width of the network's input are multiples of it.
        tile: larger images are completed in tiles; see `apply_in_tiles`.

    Raises:
        UsageError: if photograph and mask differ in size, if the mask hides all or nothing,
            or if a file cannot be read or written.
    """
    check_completion(photo, mask, out)
    original = read(photo)
    hidden = originals.is_white(read(mask))
    if hidden.all() or not hidden.any():
        raise UsageError(
            f"{mask} is all {'white' if hidden.any() else 'black'}: paint white what is to "
            "be filled in, and leave the rest black or transparent."
        )
    known = np.where(hidden, 0, 255).astype(np.uint8)[..., None]
    image = originals.network_input(original, channels - 1)
    pixels = np.concatenate([image, known], axis=-1)
    output = apply_in_tiles(network, pixels, side, tile)
    write(originals.with_completion(original, output, hidden), out)
    _print_remarks([(photo, remark) for remark in original.remarks])


def check_completion(photo: Path, mask: Path, out: Path) -> None:
    """Checks that `complete` can read and write its files; only headers are read.

    Args:
        photo: the photograph.
        mask: its mask.
        out: the .png that is to be written.

    Raises:
        UsageError: if photo and mask differ in size, if `out` is not a .png or is one of
            the two, or if a file cannot be read or written.
    """
    try:
        if out.suffix.lower() != ".png":
            raise UsageError(f"--out {out} is not a .png; name one.")
        if out.is_dir():
            raise UsageError(f"--out {out} is a folder: name a .png in it.")
        check_not_inputs([out], (photo, mask))
        photo_height, photo_width, _ = image_shape(photo)
        mask_height, mask_width, _ = image_shape(mask)
        if (photo_height, photo_width) != (mask_height, mask_width):
            raise UsageError(
                f"{photo} is {photo_height}x{photo_width} and its mask {mask} "
                f"{mask_height}x{mask_width}: give a mask of the same size."
            )
        check_writable(out.parent)
    except OSError as error:
        raise UsageError(
            f"{error.filename or out} cannot be used ({error.strerror}): check its name "
            "and permissions."
        ) from error


def apply_in_tiles(
    network: Network, image: UInt8[np.ndarray, "h w c"], side: int, tile: int
) -> Float[np.ndarray, "H W d"]:
    """Applies a network to one image of any size, in overlapping tiles.

    Args:
        network: the network.
        image: its input.
        side: the image is reflected beyond its borders up to multiples of `side`, by which
            the network can divide, and the output is cropped.
        tile: what is higher or wider is cut into tiles of at most this size, but not less
            than `side`. They overlap by half a `side` or more, where their weighted mean is
            taken.

    Returns:
        The output in -1..1, as large as the image, or larger by an integer factor if the
        network enlarges.
    """
    # Reflect to multiples of `side`, and cut that into tiles of one size, for which the
    # network is compiled once.
    h, w = image.shape[:2]
    padded_h, padded_w = (-(-length // side) * side for length in (h, w))
    padding = ((0, padded_h - h), (0, padded_w - w), (0, 0))
    padded = np.pad(image, padding, "symmetric")
    max_length = max(side, tile // side * side)
    tile_h, tile_w = min(padded_h, max_length), min(padded_w, max_length)
    tops = _tile_starts(padded_h, tile_h, side // 2)
    lefts = _tile_starts(padded_w, tile_w, side // 2)
    # The weight of a pixel in a tile is the product of a weight of its row and one of its
    # column. So is the sum of its weights over all tiles, by which the sum of its values is
    # divided at the end.
    row_weight, column_weight = _fade(tile_h, side // 2), _fade(tile_w, side // 2)
    column_sum = np.zeros(padded_w)
    for left in lefts:
        column_sum[left : left + tile_w] += column_weight
    # A strip is as high as a tile. Its rows above the next strip are finished with it, so
    # that of a large image only one strip is held in float64.
    finished, strip, row_sum = [], np.zeros(()), np.zeros(())
    for top, next_top in zip(tops, [*tops[1:], padded_h], strict=True):
        for left in lefts:
            pixels = padded[None, top : top + tile_h, left : left + tile_w]
            output = network(pixels)[0]
            scale = (
                len(output) // tile_h
            )  # by which the network enlarges; known only now
            if strip.ndim == 0:
                strip = np.zeros((scale * tile_h, scale * padded_w, output.shape[-1]))
                row_sum = np.zeros(scale * tile_h)
            columns = np.s_[scale * left : scale * (left + tile_w)]
            weight = row_weight.repeat(scale)[:, None] * column_weight.repeat(scale)
            strip[:, columns] += weight[..., None] * output
        scale = len(strip) // tile_h
        row_sum += row_weight.repeat(scale)
        done = scale * (next_top - top)
        weight_sum = row_sum[:done, None] * column_sum.repeat(scale)
        finished.append((strip[:done] / weight_sum[..., None]).astype(np.float32))
        # The rows that the next strip overlaps move to the top, and the rest is zeroed.
        for sums in (strip, row_sum):
            sums[: len(sums) - done] = sums[done:]
            sums[len(sums) - done :] = 0
    scale = len(strip) // tile_h
    return np.concatenate(finished)[: scale * h, : scale * w]


def find_images(where: Path) -> list[Path]:
    """Returns the path of an image, or those of all images below a folder.

    Hidden files and folders are skipped.

    Raises:
        UsageError: if there are none.
    """
    if where.is_file():
        return [where]
    paths = [path for path in _files_below(where) if path.suffix.lower() in EXTENSIONS]
    if not paths:
        missing = "" if where.exists() else "does not exist, so it "
        raise UsageError(
            f"{where} {missing}holds no images: give an image or a folder of them."
        )
    return paths


def check_not_inputs(targets: Iterable[Path], sources: Iterable[Path]) -> None:
    """Raises a `UsageError` if a target would overwrite one of the sources."""
    inputs = {_identity(path) for path in sources}
    for target in targets:
        if _identity(target) in inputs:
            raise UsageError(f"{target} is an image that is read: name another --out.")


def check_writable(folder: Path) -> None:
    """Raises a `UsageError` if no file can be written into a folder.

    A missing folder is not created: the nearest folder above it that exists is checked.
    """
    paths = (folder, *folder.absolute().parents)
    existing = next(path for path in paths if path.exists())
    # By a trial, as permissions are not enough: the file system may be read-only.
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        reason = "it is a file" if existing.is_file() else error.strerror
        raise UsageError(
            f"{existing} cannot be written into ({reason}): name another --out."
        ) from error


def write(image: Original, path: Path) -> None:
    """Writes an image as a .png, completely or not at all.

    Raises:
        UsageError: if that fails.
    """
    try:
        store.write(path, originals.encode_png(image), parents=True)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written ({error.strerror}): name another --out."
        ) from error


def _targets(where: Path, out: Path) -> dict[Path, Path]:
    """The image of each path below `where` -> the .png that it becomes."""
    suffix, paths = out.suffix.lower(), find_images(where)
    # Does `out` name a folder or a file? If it does not exist, the suffix of an image file
    # says that it is a file.
    if out.exists() and not out.is_dir() and (suffix != ".png" or where.is_dir()):
        raise UsageError(f"--out {out} is a file: name a folder.")
    if suffix in EXTENSIONS | OTHER_EXTENSIONS and not out.is_dir():
        if where.is_dir():
            raise UsageError(
                f"{where} is a folder, so --out {out} must be one: name a folder."
            )
        if suffix != ".png":
            raise UsageError(
                f"--out {out} is not a .png, the format in which nothing is lost: name a "
                ".png or a folder."
            )
        return {where: out}
    if where.is_file():
        return {where: out / f"{where.stem}.png"}
    # If `out` lies within `where`, what an earlier call has written there is not an input.
    resolved_out = out.resolve()
    is_within = where.resolve() in resolved_out.parents
    inputs = [
        path
        for path in paths
        if not is_within or resolved_out not in path.resolve().parents
    ]
    if not inputs:
        raise UsageError(
            f"{where} holds no images but those in {out}: name another --out."
        )
    targets = {
        path: out / path.relative_to(where).with_suffix(".png") for path in inputs
    }
    # Images that differ only in their suffix, such as a.jpg and a.webp, get one target.
    counts = Counter(targets.values())
    shared = [target for target, count in counts.items() if count > 1]
    if shared:
        raise UsageError(
            f"Two images would both be written as {shared[0]}: rename one."
        )
    return targets


def _files_below(folder: Path) -> list[Path]:
    """All files of a folder and its sub-folders that are not hidden, sorted."""
    walk = os.walk(folder, onerror=_raise if folder.is_dir() else None)
    paths = sorted(Path(top, name) for top, _, names in walk for name in names)
    return [
        path
        for path in paths
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]


def _skipped_files(where: Path) -> str:
    """How many files of a folder are not images, with their suffixes; "" if none."""
    paths = _files_below(where) if where.is_dir() else []
    suffixes = Counter(path.suffix.lower() or "without ending" for path in paths)
    skipped = [(count, x) for x, count in suffixes.items() if x not in EXTENSIONS]
    if not skipped:
        return ""
    kinds = ", ".join(f"{count} {x}" for count, x in sorted(skipped, reverse=True))
    return f"{sum(count for count, _ in skipped)} files ({kinds})"


def _identity(path: Path) -> object:
    # Two names of one file may differ by a link, or in upper and lower case.
    if path.exists():
        stat = path.stat()
        return stat.st_dev, stat.st_ino
    return path.resolve()


def _raise(error: OSError) -> None:
    raise error


def _clear(original: Original) -> np.ndarray:
    """Which pixels are to be filled in: those that are more transparent than opaque."""
    if original.alpha is None:
        return np.zeros(original.color.shape[:2], bool)
    return originals.to_uint8(original.alpha) <= 127


def _remarks(original: Original, result: Original) -> list[str]:
    """What the user is told of an image and of the result that is written for it."""
    # The output of a network has full colors anyway, so a lost palette is not worth a word.
    remarks = [remark for remark in original.remarks if "palette" not in remark]
    if original.color.dtype != result.color.dtype:
        remarks.append("{} has 16 bits per channel, which are cut to 8")
    return remarks


def _print_remarks(remarks: list[tuple[Path, str]]) -> None:
    """Prints each remark once, with the number of other images that it is true of."""
    # Remarks that differ only in their numbers, such as of pages, count as the same.
    sentences: dict[str, list[str]] = {}
    for path, remark in remarks:
        sentence = remark.replace("{}", str(path))
        sentences.setdefault(re.sub(r"\d+", "", remark), []).append(sentence)
    for first, *rest in sentences.values():
        more = f"; the same holds for {len(rest)} other images" if rest else ""
        warn(f"{first}{more}.")


def _tile_starts(length: int, tile: int, overlap: int) -> list[int]:
    """Where evenly spread tiles begin that overlap by at least `overlap`."""
    count = 1 if length == tile else -(-(length - overlap) // (tile - overlap))
    return np.linspace(0, length - tile, count).round().astype(int).tolist()


def _fade(length: int, overlap: int) -> Float[np.ndarray, " n"]:
    """The weight of each row of a tile: 1, but rising from its borders over the overlap."""
    # It is never 0, so that the sum of weights is positive also at the border of the image.
    row = np.arange(length)
    distance = np.minimum(row, row[::-1]) + 1  # from the nearer border
    return np.minimum(distance / max(overlap, 1), 1)
