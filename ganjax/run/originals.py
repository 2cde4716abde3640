"""A user's own image, with all that is restored after the network has processed it.

A network sees sRGB in 8 bits. The file may hold 16 bits, an alpha channel, and colors of
another profile, which the result should have as well. So an image is kept as its file has
it (`Original`), the network is given a copy (`network_input`), and its output is converted
to the alpha, profile and bits of the file (`with_translation`, `with_completion`) and
written (`encode_png`):

    original = read(path)
    output = network(network_input(original, channels=3))  # in -1..1
    path.write_bytes(encode_png(with_translation(original, output)))
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

from ganjax.core import stored
from ganjax.data import image_files
from ganjax.errors import UsageError
from ganjax.ops.color_profiles import (
    color_mode,
    from_srgb,
    gray_profile,
    is_srgb,
    profile_of,
    to_srgb,
)


# The opposite byte order, by the suffix of Pillow's raw modes: B big-endian, L
# little-endian, N native. Decoding with it makes Pillow keep the low byte instead of the
# high one.
SWAPPED = {
    "B": "L",
    "L": "B",
    "N": "B" if sys.byteorder == "little" else "L",
}
CHUNK_BYTES = 2**24  # of compressed pixels in each IDAT chunk of a PNG


@dataclass(frozen=True)
class Original:
    """An image as its file has it, turned upright by its EXIF orientation.

    Attributes:
        color: 1 or 3 channels, not multiplied by alpha, of uint8 with white at 255 or of
            uint16 with white at 65535.
        alpha: the alpha channel, of the same type; None if there is none.
        profile: an ICC profile that fits the color; None for sRGB.
        remarks: sentences on what differs from the file; {} stands for its name.
    """

    color: UInt[np.ndarray, "h w c"]
    alpha: UInt[np.ndarray, "h w"] | None
    profile: bytes | None
    remarks: tuple[str, ...] = ()


class Tile(NamedTuple):
    """How Pillow decodes a part of a file; fields as those of `PIL.ImageFile._Tile`."""

    codec: str
    extents: tuple[int, int, int, int] | None
    offset: int
    args: tuple | str | None


def read(path: Path) -> Original:
    """Returns the first page of an image file of any size.

    Raises:
        UsageError: if it cannot be read, is damaged, or does not fit into memory.
    """
    with _naming_file(path):
        data = path.read_bytes()
        with image_files.open_image(
            io.BytesIO(data), str(path), any_size=True
        ) as image:
            return _original(data, image)


def image_shape(path: Path) -> image_files.Shape:
    """Returns the shape of an image file, without decoding it.

    Raises:
        UsageError: if it cannot be read, or is not an image.
    """
    with _naming_file(path), path.open("rb") as file:
        return image_files.stored_shape(file, str(path), any_size=True)


def network_input(original: Original, channels: int) -> UInt8[np.ndarray, "h w c"]:
    """Returns the input of a network of 1, 3 or 4 channels, in sRGB.

    Without a channel for alpha, fully transparent pixels get the color of the nearest pixel
    that is not: otherwise whatever color is stored there would show at the edges.

    Args:
        original: the image.
        channels: 1 for gray, 3 for RGB, 4 for RGB and alpha.
    """
    color = to_uint8(original.color)
    if original.alpha is not None and channels != 4:
        color = _spread(color, original.alpha)
    image = to_srgb(_image(color), original.profile)
    pixels = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    pixels = pixels.reshape(*color.shape[:2], -1)
    if channels != 4:
        return pixels
    opaque = np.full(color.shape[:2], 255, np.uint8)
    alpha = opaque if original.alpha is None else to_uint8(original.alpha)
    return np.concatenate([pixels, alpha[..., None]], axis=-1)


def with_translation(
    original: Original, output: Float[np.ndarray, "H W d"]
) -> Original:
    """Returns a network's output in 8 bits, with the color profile and alpha of the file.

    Args:
        original: the image that the network was given.
        output: its output, in -1..1, as large as the original or larger. A fourth channel
            is alpha; without one, the alpha of the original is enlarged as needed. If the
            output is gray and the original is colored, or the reverse, it is written as
            sRGB.
    """
    pixels = stored(output)
    color = pixels[..., :3]
    alpha = original.alpha
    if pixels.shape[-1] == 4:
        alpha = pixels[..., 3]
    elif alpha is not None:
        alpha = _enlarged(to_uint8(alpha), pixels.shape[0], pixels.shape[1])
    image = _image(color)
    has_same_mode = color_mode(original.profile) == image.mode
    profile = original.profile if has_same_mode else None
    color = np.asarray(from_srgb(image, profile)).reshape(color.shape)
    return Original(color, alpha, profile)


def with_completion(
    original: Original,
    output: Float[np.ndarray, "h w d"],
    hidden: Bool[np.ndarray, "h w"],
) -> Original:
    """Returns the original with a network's output in place of its hidden pixels.

    All other pixels stay the same to the last bit, also if they have 16.

    Args:
        original: the image.
        output: the network's output, in -1..1.
        hidden: True where the original is replaced.
    """
    color = original.color
    is_deep = color.dtype == np.uint16
    channels = color.shape[-1]
    # Color management has 8 bits; only where none is needed can all 16 be filled.
    if is_deep and channels == output.shape[-1] and is_srgb(original.profile):
        new = np.rint((output.clip(-1, 1) + 1) * (65535 / 2)).astype(np.uint16)
    else:
        image = _image(stored(output)).convert("L" if channels == 1 else "RGB")
        new = np.asarray(from_srgb(image, original.profile)).reshape(color.shape)
        new = new.astype(np.uint16) * 257 if is_deep else new
    return replace(original, color=np.where(hidden[..., None], new, color))


def is_white(mask: Original) -> Bool[np.ndarray, "h w"]:
    """Returns where a mask is closer to white than to black or transparent."""
    light = np.asarray(_image(to_uint8(mask.color)).convert("L"), np.float32)
    return light * (1 if mask.alpha is None else to_uint8(mask.alpha) / 255) > 127.5


def to_uint8(values: UInt[np.ndarray, "..."]) -> UInt8[np.ndarray, "..."]:
    """Returns the upper 8 bits of uint16 values, and uint8 values unchanged."""
    return (values >> 8).astype(np.uint8) if values.dtype == np.uint16 else values


def encode_png(original: Original) -> bytes:
    """Returns the contents of a .png, of 8 or 16 bits per channel as the image has."""
    pixels = original.color
    if original.alpha is not None:
        pixels = np.concatenate([pixels, original.alpha[..., None]], axis=-1)
    if pixels.dtype == np.uint16:
        return _encode_deep_png(pixels, original.profile)
    packed = io.BytesIO()
    _image(pixels).save(packed, "PNG", icc_profile=original.profile)
    return packed.getvalue()


@contextmanager
def _naming_file(path: Path) -> Iterator[None]:
    """Raises a `UsageError` that names the file if it cannot be read."""
    try:
        yield
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read ({error.strerror}): check its name and permissions."
        ) from error
    except MemoryError as error:
        raise UsageError(
            f"{path} has more pixels than there is memory for: make it smaller, or cut it "
            "into several."
        ) from error


def _original(data: bytes, image: Image.Image) -> Original:
    """The parts of an image file, which is open but not decoded yet."""
    remarks = []
    profile = profile_of(image)
    pages = image_files.frame_count(image)
    if pages > 1:
        remarks.append(
            f"page 1 of {pages} of {{}} is used, and the others are left out"
        )
    # Of .avif and .jp2 Pillow does not report the depth, so the file itself is asked.
    bits = max(image_files.bit_depth(image), image_files.coded_bit_depth(data))
    deep = _deep_pixels(data) if bits > 8 else None
    if bits > 8 and deep is None:
        remarks.append(f"{{}} has {bits} bits per channel, which are cut to 8")
    if image.mode in ("CMYK", "LAB", "HSV"):
        remarks.append(f"{{}} is {image.mode}, which a .png cannot be: it becomes sRGB")
    if image.mode in ("P", "PA"):
        remarks.append("{} has a palette, and is written with full colors instead")
    # In files without an alpha channel, the color that stands for transparency.
    key = image.info.get("transparency")
    image.load()
    orientation = image_files.exif_orientation(image)
    if deep is None:
        color, alpha, profile = _shallow_pixels(
            image_files.to_eight_bits(image), profile
        )
    else:
        color, alpha = _split_alpha(deep)
        if key is not None and alpha is None:
            alpha = np.where((color == key).all(-1), 0, 65535).astype(np.uint16)
    undo = UNDO_ORIENTATION.get(orientation, lambda pixels: pixels)
    color = undo(color)
    alpha = None if alpha is None else undo(alpha)
    profile = _fitting_profile(profile, color.shape[-1])
    return Original(color, alpha, profile, tuple(remarks))


# How pixels are turned upright, by the number of EXIF's orientation.
UNDO_ORIENTATION: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: pixels[::-1, ::-1].swapaxes(0, 1),
    8: lambda pixels: np.rot90(pixels),
}


def _shallow_pixels(
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
        image = to_srgb(image, profile)
        profile = None
    color = np.asarray(image if image.mode == mode else image.convert(mode))
    return color.reshape(*color.shape[:2], -1), alpha, profile


def _split_alpha(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Color and alpha of pixels of 1 to 4 channels."""
    if pixels.shape[-1] in (2, 4):
        return pixels[..., :-1], pixels[..., -1]
    return pixels, None


def _fitting_profile(profile: bytes | None, channels: int) -> bytes | None:
    """A profile that fits an image of so many channels; None for sRGB.

    That is the profile itself if it is made for as many channels. A gray image may have a
    profile of RGB: then it is a gray profile with the same tone curve. A profile that fits
    neither way is dropped.
    """
    mode = color_mode(profile)
    if channels == 1 and mode == "RGB" and profile is not None:
        return None if is_srgb(profile) else gray_profile(profile)
    return profile if mode == ("L" if channels == 1 else "RGB") else None


def _deep_pixels(data: bytes) -> UInt16[np.ndarray, "h w c"] | None:
    """All 16 bits of each channel, not turned upright; None if Pillow gives only 8.

    Pillow has no color of 16 bits: it decodes such images and keeps the upper byte. But it
    has decoders for either byte order, and with the wrong one it keeps the lower byte. So
    the image is decoded twice.
    """
    with Image.open(io.BytesIO(data), formats=image_files.FORMATS) as image:
        if image.mode == "I" or image.mode.startswith("I;16"):
            image.load()
            return image_files.gray_pixels(image)[..., None]
        tiles = [Tile(*tile) for tile in image.tile]
        size = image.size
        tags = getattr(image, "tag_v2", {})
        if tags.get(image_files.PLANAR_CONFIGURATION, 1) != 1:
            # Planes of one channel each, for which there is only one decoder.
            return None
    raw = _raw_mode(tiles[0]) if tiles else ""
    ppm_args = tiles[0].args if tiles and tiles[0].codec == "ppm" else None
    if isinstance(ppm_args, tuple) and image.mode == "RGB":
        # A .ppm is not compressed: its numbers, up to its own white, lie there as they are.
        count = 3 * size[0] * size[1]
        white_level = int(ppm_args[-1])
        pixels = np.frombuffer(data, ">u2", count, tiles[0].offset).astype(np.uint32)
        pixels = (pixels * 65535 // white_level).clip(0, 65535)
        return pixels.astype(np.uint16).reshape(size[1], size[0], 3)
    if raw == "LA;16B":
        # Gray and alpha of 16 bits are as many bytes as four channels of 8.
        pixels = _decoded(data, "RGBA")
        return np.ascontiguousarray(pixels).view(">u2").astype(np.uint16)
    mode = re.fullmatch(r"(RGBA?;16)([BLN])", raw)
    if not mode:
        return None
    upper = _decoded(data, raw)
    lower = _decoded(data, mode[1] + SWAPPED[mode[2]])
    return upper.astype(np.uint16) << 8 | lower


def _raw_mode(tile: Tile) -> str:
    return str(tile.args[0] if isinstance(tile.args, tuple) else tile.args)


def _decoded(data: bytes, raw: str) -> UInt8[np.ndarray, "h w c"]:
    """An image decoded by this raw mode of Pillow in place of its own."""
    with Image.open(io.BytesIO(data), formats=image_files.FORMATS) as image:
        image.tile = [
            tile._replace(
                args=(raw, *tile.args[1:]) if isinstance(tile.args, tuple) else raw
            )
            for tile in image.tile
        ]
        return np.asarray(image)


def _spread(color: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """The color, with that of the nearest visible pixel where alpha is 0."""
    clear = alpha == 0
    if clear.all() or not clear.any():
        return color
    nearest = ndimage.distance_transform_edt(
        clear, return_distances=False, return_indices=True
    )
    return color[tuple(np.asarray(nearest))]


def _enlarged(alpha: np.ndarray, height: int, width: int) -> np.ndarray:
    # As float32, in which a bicubic overshoot is clipped once, at the end.
    if alpha.shape == (height, width):
        return alpha
    smooth = Image.fromarray(alpha.astype(np.float32)).resize(
        (width, height), Image.Resampling.BICUBIC
    )
    return np.rint(np.asarray(smooth).clip(0, 255)).astype(np.uint8)


def _image(pixels: np.ndarray) -> Image.Image:
    flat = pixels[..., 0] if pixels.shape[-1] == 1 else pixels
    return Image.fromarray(np.ascontiguousarray(flat))


def _encode_deep_png(
    pixels: UInt16[np.ndarray, "h w c"], profile: bytes | None
) -> bytes:
    """A PNG of 16 bits (W3C, third edition), which Pillow cannot write in color."""
    height, width, channels = pixels.shape
    # Filter 2: each row as its difference from the one above, which compresses better. A
    # byte with the number of the filter precedes each row.
    rows = pixels.astype(">u2").view(np.uint8).reshape(height, -1)
    rows = np.diff(rows, axis=0, prepend=np.zeros_like(rows[:1]))
    rows = np.pad(rows, ((0, 0), (1, 0)), constant_values=2)
    packed = zlib.compress(rows.tobytes())
    kinds = {1: 0, 2: 4, 3: 2, 4: 6}  # PNG's color type by the number of channels
    size = struct.pack(">IIBBBBB", width, height, 16, kinds[channels], 0, 0, 0)
    parts = [(b"IHDR", size)]
    if profile:
        parts.append((b"iCCP", b"ICC profile\0\0" + zlib.compress(profile)))
    starts = range(0, len(packed), CHUNK_BYTES)
    parts += [(b"IDAT", packed[start : start + CHUNK_BYTES]) for start in starts]
    # A chunk is its length, its name, its data, and a checksum of name and data.
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data))
        + name
        + data
        + struct.pack(">I", zlib.crc32(name + data))
        for name, data in [*parts, (b"IEND", b"")]
    )
