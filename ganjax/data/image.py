"""One image: from the bytes of any file to uint8 [h, w, c] of the shape asked for.

Rotated as its EXIF says; colors of another profile converted to sRGB; 16 bits cut to their
upper 8; of an animation the first frame; transparency laid over the background unless 4
channels are kept; gray by ITU-R 601-2.
Resized with Pillow's Lanczos filter, which widens with the reduction and so does not
alias. FFHQ's official thumbnails were made with a box filter, and FID sees the
difference: files already of the wanted size are never resampled.
"""

import io
import os
import re
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any

import numpy as np
from jaxtyping import UInt8, UInt16
from PIL import Image, PngImagePlugin, UnidentifiedImageError, features

from ganjax.data.profiles import is_srgb, profile_of, to_srgb
from ganjax.data.source import Spec
from ganjax.errors import Mistake


Shape = tuple[int, int, int]  # height, width, channels
MODES = {1: "L", 3: "RGB", 4: "RGBA"}
ORIENTATION = 0x0112  # the EXIF tag; its values 5 to 8 lay the image on its side
UPRIGHT = {  # what undoes each of its values
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
BITS_PER_SAMPLE, COMPRESSION, PHOTOMETRIC, PLANES = 258, 259, 262, 284  # TIFF tags
DEEP = re.compile(r"(L|LA|I|RGB|RGBA|RGBa|RGBX|CMYK);1[26]")  # Pillow's raw modes
HEAD = 2**16  # bytes, the part of a file in which its depth is stated
TEXT = 2**26  # bytes, the most that a text or a profile in a PNG unpacks to
WORKERS = min(32, os.cpu_count() or 1)

# What Pillow registers a reader for, but does not decode by itself (PostScript needs
# Ghostscript, .wmf needs Windows, the scientific ones a handler that a program brings), or
# what holds something else than a picture.
NO_PICTURES = {"BUFR", "EPS", "FITS", "GRIB", "HDF5", "IPTC", "MPEG", "PDF", "WMF"}
UNREGISTERED = {".jif", ".jfi"}  # JPEG all the same
FLOATING = {".pfm"}  # maps of depth or disparity, in floating point
OPTIONAL = {"AVIF": "avif", "JPEG2000": "jpg_2000", "WEBP": "webp", "JPEG": "jpg"}


def _formats() -> tuple[str, ...]:
    """The formats that the installed Pillow was built to decode."""
    Image.init()
    missing = {
        name for name, library in OPTIONAL.items() if not features.check(library)
    }
    known = {*Image.registered_extensions().values()} - NO_PICTURES - missing
    return tuple(name for name in Image.ID if name in known)


FORMATS = _formats()  # nothing else is opened, whatever its name says
EXTENSIONS: frozenset[str] = (  # ".png", ".jfif", ...: what a person may name an image
    frozenset(
        e.lower() for e, f in Image.registered_extensions().items() if f in FORMATS
    )
    | UNREGISTERED
) - FLOATING


def header(file: Any, name: str, *, any_size: bool = False) -> Shape:
    """The shape that an open image file is stored with, upright, without decoding it.

    Raises a `Mistake` with `name` if it is no image, or none that `decode` takes.
    """
    with opened(file, name, any_size=any_size) as image:
        width, height = image.size
        depth(image)
        # Pillow would decode a whole PNG in search of EXIF after its pixels. It reports
        # the size of a .tif as it is once turned.
        early = image.format != "PNG" or "exif" in image.info
        if early and image.format != "TIFF" and orientation(image) >= 5:
            width, height = height, width
        return height, width, _channels(image)


def decode(
    data: bytes, name: str, spec: Spec, *, any_size: bool = False
) -> UInt8[np.ndarray, "h w c"]:
    """The pixels of an image file, brought to the shape that `spec` asks for.

    Raises a `Mistake` with `name` if it is broken; or if it has more pixels than Pillow's
    limit against files that unpack to more than the memory, unless `any_size`.
    """
    with opened(io.BytesIO(data), name, any_size=any_size) as image:
        profile = profile_of(image)
        image.load()
        image = turned(eight_bits(image), orientation(image))
        return _pixels(_srgb(image, profile), spec)


def remarks(file: Any, name: str) -> frozenset[str]:
    """What of an open image file is not read as it is stored, in words for a person.

    Raises a `Mistake` with `name` if it is no image.
    """
    with opened(file, name, any_size=True) as image:
        found, bits = set(), depth(image)
        if frames(image) > 1:
            found.add("several frames or pages, of which the first is read")
        if image.mode in ("CMYK", "LAB", "HSV"):
            found.add(f"{image.mode}, converted to RGB")
        elif not is_srgb(profile_of(image)):
            found.add("another color profile, converted to sRGB")
        file.seek(0)
        if max(bits, coded_depth(file.read(HEAD))) > 8:
            found.add("more than 8 bits per channel, cut to 8")
        return frozenset(found)


@contextmanager
def opened(file: Any, name: str, *, any_size: bool = False) -> Iterator[Image.Image]:
    """An image file, of which nothing is decoded yet; whatever fails names the image.

    Pillow's warnings are for those who write programs, so they are left out meanwhile.
    """
    with _blaming(name), _lenient() as most, Image.open(file, formats=FORMATS) as image:
        pixels = image.width * image.height
        if most is not None and pixels > 2 * most and not any_size:
            raise Mistake(
                f"has {pixels:,} pixels, more than the {2 * most:,} that are read of one "
                "image of a data set: make it smaller, or cut it into several."
            )
        yield image


def orientation(image: Image.Image) -> int:
    """How EXIF says that a decoded image lies, 1 to 8, of which 1 is upright."""
    try:
        lies = image.getexif().get(ORIENTATION, 1)
        return lies if lies in UPRIGHT else 1
    except Exception:  # the pixels are sound though the EXIF is not
        return 1


def turned(image: Image.Image, orientation: int) -> Image.Image:
    """The image upright."""
    turn = UPRIGHT.get(orientation)
    return image if turn is None else image.transpose(turn)


def frames(image: Image.Image) -> int:
    """How many frames or pages the file has, 1 if that cannot be read."""
    if image.format == "PSD":
        return 1  # its frames are layers, and what is read is all of them
    try:
        return int(getattr(image, "n_frames", 1))
    except Exception:  # Pillow's decoders raise almost anything on a broken file
        return 1


def depth(image: Image.Image) -> int:
    """How many bits an image that is not decoded yet stores for a channel: 1 to 16.

    Raises a `Mistake` if it is 32 or floating point, whose black and white are unknown.
    """
    if image.mode == "F" or (image.mode == "I" and image.format not in ("PNG", "PPM")):
        raise Mistake("stores 32 bits per pixel: save it with 8 or 16.")
    if image.format == "TIFF":
        tags = getattr(image, "tag_v2", {})
        bits = tags.get(BITS_PER_SAMPLE, 8)
        bits = max(bits) if isinstance(bits, tuple) else bits
        raw = tags.get(COMPRESSION, 1) == 1
        if bits > 8 and raw and image.mode in ("RGB", "RGBA") and tags.get(PLANES) == 2:
            # Pillow 13 takes every byte of such a file for a pixel.
            raise Mistake(
                f"stores {bits} bits per channel and each channel by itself: save it as "
                "a .png, or with channels side by side."
            )
        return bits
    if image.mode == "I" or image.mode.startswith("I;16"):
        return 16
    for tile in getattr(image, "tile", ()):
        arguments = tile[3] if isinstance(tile[3], tuple) else (tile[3],)
        if tile[0] == "SGI16" or DEEP.match(str(arguments[0])):
            return 16
        if tile[0].startswith("ppm") and isinstance(arguments[-1], int):
            return arguments[-1].bit_length()
    return 1 if image.mode == "1" else 8


def coded_depth(data: bytes) -> int:
    """The bits per channel of an .avif or .jp2, which Pillow does not tell, or else 8."""
    head = data[:HEAD]
    av1 = head.find(b"av1C") if head[4:8] == b"ftyp" else -1
    if 0 <= av1 < len(head) - 6:  # AV1 in ISO base media (AOM), section 2.3.3
        return 8 + 2 * (head[av1 + 6] >> 6 & 1) + 2 * (head[av1 + 6] >> 5 & 1)
    jp2 = head.find(b"\xff\x4f\xff\x51")
    boxed = head[4:8] == b"jP  " or jp2 == 0
    if boxed and 0 <= jp2 < len(head) - 42:  # JPEG 2000 (ITU-T T.800), table A.9
        return (head[jp2 + 42] & 127) + 1
    return 8


def grays(image: Image.Image) -> UInt16[np.ndarray, "h w"]:
    """An image of mode I or I;16, decoded, from 0 for black to 65535 for white."""
    pixels = np.asarray(image).clip(0, 65535).astype(np.uint16)
    if image.format != "TIFF":
        return pixels
    tags = getattr(image, "tag_v2", {})
    bits = tags.get(BITS_PER_SAMPLE, (16,))
    bits = bits[0] if isinstance(bits, tuple) else bits
    if bits < 16:
        pixels = (pixels.astype(np.uint32) * 65535 // (2**bits - 1)).astype(np.uint16)
    return 65535 - pixels if tags.get(PHOTOMETRIC) == 0 else pixels  # 0: white is zero


def eight_bits(image: Image.Image) -> Image.Image:
    """A decoded image with at most 8 bits per channel, the upper ones of 16."""
    depth(image)
    if image.mode == "I" or image.mode.startswith("I;16"):
        return Image.fromarray((grays(image) >> 8).astype(np.uint8))
    return image


def reshape(stored: UInt8[np.ndarray, "h w c"], spec: Spec) -> np.ndarray:
    """Pixels already decoded, brought to the shape that `spec` asks for."""
    if stored.shape == shaped(stored.shape, spec):
        return stored
    flat = stored[..., 0] if stored.shape[-1] == 1 else stored
    return _pixels(Image.fromarray(np.ascontiguousarray(flat)), spec)


def shaped(stored: Shape, spec: Spec) -> Shape:
    """The shape in which an image stored as `stored` is read."""
    height, width, channels = stored
    images = 2 if spec.halves else 1
    width, channels = width // images, (spec.channels or channels) * images
    return spec.size or height, spec.size or width, channels


def common(headers: Iterable[tuple[str, Shape]], spec: Spec) -> Shape:
    """The one shape in which all images are read; a `Mistake` if there is none."""
    headers = iter(headers)
    first, stored = next(headers)
    shape = shaped(stored, spec)
    for name, other in headers:
        height, width, channels = shaped(other, spec)
        if (height, width) != shape[:2]:
            raise Mistake(
                f"The images of {spec.where} differ in size ({first} is {shape[0]}x"
                f"{shape[1]}, {name} is {height}x{width}): bring them to one with "
                "--size."
            )
        if channels != shape[2]:
            raise Mistake(
                f"The images of {spec.where} differ in channels ({first} has "
                f"{shape[2]}, {name} has {channels}): bring them to one number with "
                "--channels 1, 3 or 4."
            )
    return shape


def spread(work: Callable, items: Sequence | np.ndarray) -> list:
    """`[work(item) for item in items]`, by all cores; `work` must let go of the GIL."""
    size = -(-len(items) // WORKERS) or 1
    parts = [items[i : i + size] for i in range(0, len(items), size)]
    done = _pool().map(lambda part: [work(item) for item in part], parts)
    return [result for part in done for result in part]


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(WORKERS, "ganjax-images")


class _Scope:
    """How many threads are inside of `_lenient`, and what was there before the first."""

    lock = threading.Lock()
    inside = 0
    kept: tuple[int | None, int, int] = (None, 0, 0)
    filters: list = []


@contextmanager
def _lenient() -> Iterator[int | None]:
    """Pillow without its limits and its warnings; gives its limit of pixels.

    Both are global, so the first thread to enter puts them away and the last to leave
    puts them back: `warnings.catch_warnings` would do neither among threads.
    """
    quiet = re.compile(r"PIL\.(?#ganjax)")  # by which our own filter is known
    with _Scope.lock:
        if not _Scope.inside:
            _Scope.kept = (
                Image.MAX_IMAGE_PIXELS,
                PngImagePlugin.MAX_TEXT_CHUNK,
                PngImagePlugin.MAX_TEXT_MEMORY,
            )
            Image.MAX_IMAGE_PIXELS = None
            PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY = TEXT
        _Scope.inside += 1
        if not any(each[3] == quiet for each in warnings.filters):
            warnings.filterwarnings("ignore", module=quiet.pattern)
            _Scope.filters.append((warnings.filters, warnings.filters[0]))
        most = _Scope.kept[0]
    try:
        yield most
    finally:
        with _Scope.lock:
            _Scope.inside -= 1
            if not _Scope.inside:
                Image.MAX_IMAGE_PIXELS = _Scope.kept[0]
                PngImagePlugin.MAX_TEXT_CHUNK = _Scope.kept[1]
                PngImagePlugin.MAX_TEXT_MEMORY = _Scope.kept[2]
                for filters, ours in _Scope.filters:
                    with suppress(ValueError):
                        filters.remove(ours)
                _Scope.filters.clear()


@contextmanager
def _blaming(name: str) -> Iterator[None]:
    # Pillow's decoders raise almost anything on a broken file.
    try:
        yield
    except Mistake as error:
        raise Mistake(f"{name} {error}") from error
    except MemoryError:
        raise
    except UnidentifiedImageError as error:
        raise Mistake(
            f"{name} cannot be read as an image (it is of no known format, or cut off): "
            "repair it, save it as .png or .jpg, or take it out."
        ) from error
    except Exception as error:
        reason = str(error).split("\n")[0].rstrip(".")[:100] or type(error).__name__
        raise Mistake(
            f"{name} cannot be read as an image ({reason}): repair it or take it out."
        ) from error


def _channels(image: Image.Image) -> int:
    if image.mode == "I" or image.mode.startswith("I;16"):
        return 1
    if image.has_transparency_data:
        return 4
    return 1 if image.mode in ("1", "L") else 3


def _pixels(image: Image.Image, spec: Spec) -> np.ndarray:
    channels = spec.channels or _channels(image)
    image = _convert(image, channels, spec.background)
    each = [np.asarray(_resize(part, spec)) for part in _parts(image, spec)]
    return np.concatenate([x.reshape(*x.shape[:2], channels) for x in each], axis=-1)


def _parts(image: Image.Image, spec: Spec) -> list[Image.Image]:
    if not spec.halves:
        return [image]
    width, height = image.width // 2, image.height
    return [image.crop((x, 0, x + width, height)) for x in (0, image.width - width)]


def _srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """The image in sRGB, of a mode that it can be seen in."""
    image = image.convert("LA") if image.mode == "La" else image
    if image.mode in ("RGB", "L", "CMYK") and not image.has_transparency_data:
        return to_srgb(image, profile)
    if is_srgb(profile):
        return image
    image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    alpha = image.getchannel("A") if image.mode == "RGBA" else None
    image = to_srgb(image.convert("RGB"), profile)
    if alpha is not None:
        image.putalpha(alpha)
    return image


def _convert(image: Image.Image, channels: int, background: int) -> Image.Image:
    if image.has_transparency_data:
        image = image.convert("RGBA")
        if channels != 4:
            behind = Image.new("RGBA", image.size, (*[background] * 3, 255))
            image = Image.alpha_composite(behind, image)
    mode = MODES[channels]
    return image if image.mode == mode else image.convert(mode)


def _resize(image: Image.Image, spec: Spec) -> Image.Image:
    if spec.size and spec.crop:
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        image = image.crop((left, top, left + side, top + side))
    size = (spec.size, spec.size)
    if not spec.size or image.size == size:
        return image
    return image.resize(size, Image.Resampling.LANCZOS)
