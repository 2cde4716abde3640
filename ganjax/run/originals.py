"""A person's own image, with all that must be given back when it has been worked on.

A network sees sRGB in 8 bits. The file that it came from may hold 16 bits, an alpha
channel, and colors of another profile, and a person wants them back. So an image is kept as
its file has it (`Original`), a network is given a copy (`seen`), and what the network makes
is brought to the terms of the file (`translated`, `completed`) and written (`png`).
"""

import io
import re
import struct
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, UInt, UInt8, UInt16
from PIL import Image
from scipy import ndimage

from ganjax.data import image as images
from ganjax.data.profiles import (
    from_srgb,
    gray_profile,
    is_srgb,
    kind,
    profile_of,
    to_srgb,
)
from ganjax.errors import Mistake
from ganjax.gan import stored


SWAPPED = {  # which byte order gives the lower byte where this one gives the upper
    "B": "L",
    "L": "B",
    "N": "B" if sys.byteorder == "little" else "L",
}
PIECE = 2**24  # bytes of a PNG's chunk


@dataclass(frozen=True)
class Original:
    """An image as its file has it, but upright: uint8, or uint16 with white at 65535."""

    color: UInt[np.ndarray, "h w c"]  # 1 or 3 channels, not multiplied by alpha
    alpha: UInt[np.ndarray, "h w"] | None
    profile: bytes | None  # an ICC profile that fits the color, None for sRGB
    remarks: tuple[str, ...] = ()  # what is not as in the file; {} stands for its name


class Tile(NamedTuple):
    """How Pillow decodes a part of a file: `ImageFile._Tile` in words."""

    codec: str
    extents: tuple[int, int, int, int] | None
    offset: int
    args: tuple | str | None


def read(path: Path) -> Original:
    """The first page of an image file of any size; a `Mistake` if it cannot be had."""
    with _naming(path):
        data = path.read_bytes()
        with images.opened(io.BytesIO(data), str(path), any_size=True) as image:
            return _original(data, image)


def header(path: Path) -> images.Shape:
    """The shape of an image file; a `Mistake` if it is none."""
    with _naming(path), path.open("rb") as file:
        return images.header(file, str(path), any_size=True)


def seen(original: Original, channels: int) -> UInt8[np.ndarray, "h w c"]:
    """What a network of 1, 3 or 4 channels is given, in sRGB.

    Without a channel for alpha, what is wholly transparent has the color of the nearest
    pixel that is not: whatever is stored there would shine through at the edges.
    """
    color = eight(original.color)
    if original.alpha is not None and channels != 4:
        color = _spread(color, original.alpha)
    image = to_srgb(_image(color), original.profile)
    wanted = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    wanted = wanted.reshape(*color.shape[:2], -1)
    if channels != 4:
        return wanted
    opaque = np.full(color.shape[:2], 255, np.uint8)
    alpha = opaque if original.alpha is None else eight(original.alpha)
    return np.concatenate([wanted, alpha[..., None]], axis=-1)


def translated(original: Original, made: Float[np.ndarray, "H W d"]) -> Original:
    """What a network made of the whole image, as large or larger, of -1..1, in 8 bits.

    It has the alpha of the original, unless it brings its own as a fourth channel, and its
    profile, unless it is gray where that was colored or colored where it was gray.
    """
    pixels = stored(made)
    color, alpha = pixels[..., :3], original.alpha
    if pixels.shape[-1] == 4:
        alpha = pixels[..., 3]
    elif alpha is not None:
        alpha = _enlarged(eight(alpha), pixels.shape[0], pixels.shape[1])
    image = _image(color)
    fits = kind(original.profile) == image.mode
    profile = original.profile if fits else None
    color = np.asarray(from_srgb(image, profile)).reshape(color.shape)
    return Original(color, alpha, profile)


def completed(
    original: Original,
    made: Float[np.ndarray, "h w d"],
    hidden: Bool[np.ndarray, "h w"],
) -> Original:
    """The original with `made` of -1..1 where it is hidden, and untouched elsewhere."""
    color = original.color
    deep, channels = color.dtype == np.uint16, color.shape[-1]
    if deep and channels == made.shape[-1] and is_srgb(original.profile):
        fresh = np.rint((made.clip(-1, 1) + 1) * (65535 / 2)).astype(np.uint16)
    else:
        image = _image(stored(made)).convert("L" if channels == 1 else "RGB")
        fresh = np.asarray(from_srgb(image, original.profile)).reshape(color.shape)
        fresh = fresh.astype(np.uint16) * 257 if deep else fresh
    return replace(original, color=np.where(hidden[..., None], fresh, color))


def white(mask: Original) -> Bool[np.ndarray, "h w"]:
    """Where a mask is rather white than black or transparent."""
    light = np.asarray(_image(eight(mask.color)).convert("L"), np.float32)
    return light * (1 if mask.alpha is None else eight(mask.alpha) / 255) > 127.5


def eight(values: UInt[np.ndarray, "..."]) -> UInt8[np.ndarray, "..."]:
    """The upper 8 bits."""
    return (values >> 8).astype(np.uint8) if values.dtype == np.uint16 else values


def png(original: Original) -> bytes:
    """A .png of 8 or 16 bits per channel, as the image has them."""
    pixels = original.color
    if original.alpha is not None:
        pixels = np.concatenate([pixels, original.alpha[..., None]], axis=-1)
    if pixels.dtype == np.uint16:
        return _deep_png(pixels, original.profile)
    packed = io.BytesIO()
    _image(pixels).save(packed, "PNG", icc_profile=original.profile)
    return packed.getvalue()


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Mistake(f"{path} cannot be read ({error.strerror}).") from error
    except MemoryError as error:
        raise Mistake(
            f"{path} has more pixels than there is memory for: make it smaller, or cut it "
            "into several."
        ) from error


def _original(data: bytes, image: Image.Image) -> Original:
    """The parts of an image file that is open and not decoded yet."""
    remarks = []
    pages, profile = images.frames(image), profile_of(image)
    if pages > 1:
        remarks.append(
            f"page 1 of {pages} of {{}} is used, and the others are left out"
        )
    bits = max(images.depth(image), images.coded_depth(data))
    deep = _deep(data) if bits > 8 else None
    if bits > 8 and deep is None:
        remarks.append(f"{{}} has {bits} bits per channel, which are cut to 8")
    if image.mode in ("CMYK", "LAB", "HSV"):
        remarks.append(f"{{}} is {image.mode}, which no .png can be: it becomes sRGB")
    if image.mode in ("P", "PA"):
        remarks.append("{} has a palette, and is written with full colors instead")
    key = image.info.get("transparency")
    image.load()
    turn = images.orientation(image)
    if deep is None:
        color, alpha, profile = _shallow(images.eight_bits(image), profile)
    else:
        color, alpha = _parted(deep)
        if key is not None and alpha is None:
            alpha = np.where((color == key).all(-1), 0, 65535).astype(np.uint16)
    upright = TURNS.get(turn, lambda pixels: pixels)
    color = upright(color)
    alpha = None if alpha is None else upright(alpha)
    return Original(color, alpha, _fitting(profile, color.shape[-1]), tuple(remarks))


TURNS: dict[
    int, Callable[[np.ndarray], np.ndarray]
] = {  # upright, by EXIF's orientation
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: pixels[::-1, ::-1].swapaxes(0, 1),
    8: lambda pixels: np.rot90(pixels),
}


def _shallow(
    image: Image.Image, profile: bytes | None
) -> tuple[np.ndarray, np.ndarray | None, bytes | None]:
    """Color, alpha and profile of a decoded image of 8 bits."""
    image = image.convert("LA") if image.mode == "La" else image
    mode = "L" if image.mode in ("1", "L", "LA") else "RGB"
    alpha = None
    if image.has_transparency_data:
        image = image.convert("RGBA")
        alpha = np.asarray(image.getchannel("A"))
        image = image.getchannel("R") if mode == "L" else image.convert("RGB")
    if image.mode == "CMYK":
        image, profile = to_srgb(image, profile), None
    color = np.asarray(image if image.mode == mode else image.convert(mode))
    return color.reshape(*color.shape[:2], -1), alpha, profile


def _parted(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    if pixels.shape[-1] in (2, 4):
        return pixels[..., :-1], pixels[..., -1]
    return pixels, None


def _fitting(profile: bytes | None, channels: int) -> bytes | None:
    """The profile, if it is made for so many channels, or its like that is."""
    meant = kind(profile)
    if channels == 1 and meant == "RGB" and profile is not None:
        return None if is_srgb(profile) else gray_profile(profile)
    return profile if meant == ("L" if channels == 1 else "RGB") else None


def _deep(data: bytes) -> UInt16[np.ndarray, "h w c"] | None:
    """All bits of an image of 16 per channel, as it lies; None where only 8 can be had.

    Pillow has no color of 16 bits. But it has decoders for either order of bytes: with the
    wrong one, what it takes for the upper byte is the lower.
    """
    with Image.open(io.BytesIO(data)) as image:
        if image.mode == "I" or image.mode.startswith("I;16"):
            image.load()
            return images.grays(image)[..., None]
        tiles = [Tile(*tile) for tile in image.tile]
        size = image.size
        if getattr(image, "tag_v2", {}).get(images.PLANES, 1) != 1:
            return None  # each channel by itself, for which there is one decoder only
    raw = _raw_mode(tiles[0]) if tiles else ""
    if tiles and tiles[0].codec == "ppm" and image.mode == "RGB":
        count, most = 3 * size[0] * size[1], int((tiles[0].args or "9")[-1])
        pixels = np.frombuffer(data, ">u2", count, tiles[0].offset).astype(np.uint32)
        pixels = (pixels * 65535 // most).clip(0, 65535)
        return pixels.astype(np.uint16).reshape(size[1], size[0], 3)
    if raw == "LA;16B":
        pixels = _decoded(data, "RGBA")
        return np.ascontiguousarray(pixels).view(">u2").astype(np.uint16)
    found = re.fullmatch(r"(RGBA?;16)([BLN])", raw)
    if not found:
        return None
    upper, lower = _decoded(data, raw), _decoded(data, found[1] + SWAPPED[found[2]])
    return upper.astype(np.uint16) << 8 | lower


def _raw_mode(tile: Tile) -> str:
    return str(tile.args[0] if isinstance(tile.args, tuple) else tile.args)


def _decoded(data: bytes, raw: str) -> UInt8[np.ndarray, "h w c"]:
    with Image.open(io.BytesIO(data)) as image:
        image.tile = [
            tile._replace(
                args=(raw, *tile.args[1:]) if isinstance(tile.args, tuple) else raw
            )
            for tile in image.tile
        ]
        return np.asarray(image)


def _spread(color: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    clear = alpha == 0
    if clear.all() or not clear.any():
        return color
    nearest = ndimage.distance_transform_edt(
        clear, return_distances=False, return_indices=True
    )
    return color[tuple(np.asarray(nearest))]


def _enlarged(alpha: np.ndarray, height: int, width: int) -> np.ndarray:
    if alpha.shape == (height, width):
        return alpha
    smooth = Image.fromarray(alpha.astype(np.float32)).resize(
        (width, height), Image.Resampling.BICUBIC
    )
    return np.rint(np.asarray(smooth).clip(0, 255)).astype(np.uint8)


def _image(pixels: np.ndarray) -> Image.Image:
    flat = pixels[..., 0] if pixels.shape[-1] == 1 else pixels
    return Image.fromarray(np.ascontiguousarray(flat))


def _deep_png(pixels: UInt16[np.ndarray, "h w c"], profile: bytes | None) -> bytes:
    """PNG (W3C, third edition), 16 bits, each row as its difference from the one above."""
    height, width, channels = pixels.shape
    rows = pixels.astype(">u2").view(np.uint8).reshape(height, -1)
    rows = np.diff(rows, axis=0, prepend=np.zeros_like(rows[:1]))
    rows = np.pad(rows, ((0, 0), (1, 0)), constant_values=2)
    packed = zlib.compress(rows.tobytes())
    kinds = {1: 0, 2: 4, 3: 2, 4: 6}
    size = struct.pack(">IIBBBBB", width, height, 16, kinds[channels], 0, 0, 0)
    parts = [(b"IHDR", size)]
    if profile:
        parts.append((b"iCCP", b"ICC profile\0\0" + zlib.compress(profile)))
    starts = range(0, len(packed), PIECE)
    parts += [(b"IDAT", packed[start : start + PIECE]) for start in starts]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data))
        + name
        + data
        + struct.pack(">I", zlib.crc32(name + data))
        for name, data in [*parts, (b"IEND", b"")]
    )
