"""Decodes image files to uint8 [h, w, c] pixels of the shape that a `Spec` asks for.

The pixels that a file stores are not yet the image that it shows. Decoding applies, in this
order:

- of an animation the first frame is read, of several pages the first;
- 16 bits per channel are cut to their upper 8;
- the orientation of EXIF is undone;
- colors of an embedded profile are converted to sRGB (`ops.color_profiles`);
- transparency is composed with the background, unless 4 channels are kept;
- the number of channels is changed, with gray by ITU-R 601-2;
- an image that holds two next to each other is cut in two;
- the central square is cut out, and it is resized.

Images are resized with Pillow's Lanczos filter, which widens with the reduction and so does
not alias. The filter matters: FFHQ's official thumbnails were made with a box filter, and
FID shows the difference. Files that already have the wanted size are never resampled.

Pillow stands between this module and any file that a user may have. Its warnings, size
limits and exceptions are turned into `FileError`s, which name the file.
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
from typing import IO, Any, NamedTuple, TypeVar, cast

import numpy as np
from jaxtyping import UInt8, UInt16
from PIL import Image, PngImagePlugin, UnidentifiedImageError, features

from ganjax.data.names import printable
from ganjax.data.source import Spec
from ganjax.errors import FileError, UsageError
from ganjax.ops.color_profiles import is_srgb, profile_of, to_srgb


Shape = tuple[int, int, int]  # height, width, channels
BinaryFile = IO[bytes] | io.BufferedIOBase  # a file that is open for reading bytes
MODES = {1: "L", 3: "RGB", 4: "RGBA"}  # Pillow's mode for a number of channels
NUM_THREADS = min(32, os.cpu_count() or 1)

# EXIF's orientations 2 to 8 and what undoes each; 1 is upright, and 5 to 8 exchange height
# and width.
ORIENTATION_TAG = 0x0112
UNDO_ORIENTATION = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# Where the depth of a channel is stated: tags of TIFF, Pillow's names of raw formats, and
# the beginning of the file.
BITS_PER_SAMPLE = 258
COMPRESSION = 259
PHOTOMETRIC = 262
PLANAR_CONFIGURATION = 284
DEEP_RAW_MODE = re.compile(r"(L|LA|I|RGB|RGBA|RGBa|RGBX|CMYK);1[26]")
HEAD_BYTES = 2**16

MAX_TEXT_BYTES = 2**26  # of a text or a color profile in a PNG, unpacked

# What Pillow registers a reader for, but does not decode by itself (PostScript needs
# Ghostscript, .wmf needs Windows, the scientific ones a handler that a program brings), or
# what holds something else than a picture.
NOT_DECODED = {"BUFR", "EPS", "FITS", "GRIB", "HDF5", "IPTC", "MPEG", "PDF", "WMF"}
# Formats that a build of Pillow may lack, and the library that each needs.
OPTIONAL = {"AVIF": "avif", "JPEG2000": "jpg_2000", "WEBP": "webp", "JPEG": "jpg"}
MORE_JPEG_EXTENSIONS = {".jif", ".jfi"}  # which Pillow does not register
FLOATING_POINT_EXTENSIONS = {".pfm"}  # maps of depth or disparity


def _formats() -> tuple[str, ...]:
    """Returns the formats that the installed Pillow was built to decode."""
    Image.init()
    missing = {
        name for name, library in OPTIONAL.items() if not features.check(library)
    }
    known = {*Image.registered_extensions().values()} - NOT_DECODED - missing
    return tuple(name for name in Image.ID if name in known)


FORMATS = _formats()  # nothing else is opened, whatever the name of a file suggests
_REGISTERED = {
    extension.lower()
    for extension, name in Image.registered_extensions().items()
    if name in FORMATS
}
# The extensions of image files in lower case, such as ".png".
EXTENSIONS: frozenset[str] = frozenset(
    (_REGISTERED | MORE_JPEG_EXTENSIONS) - FLOATING_POINT_EXTENSIONS
)


Item = TypeVar("Item")
Result = TypeVar("Result")


class UnsupportedImage(Exception):
    """An image that is not read; `open_image` turns it into a `FileError`.

    Attributes:
        problem: what is wrong, in words that follow the name of the file.
        advice: what to do.
    """

    def __init__(self, problem: str, advice: str) -> None:
        super().__init__(problem, advice)
        self.problem = problem
        self.advice = advice


def stored_shape(file: BinaryFile, name: str, *, any_size: bool = False) -> Shape:
    """Returns the shape of an image file, upright, without decoding its pixels.

    Args:
        file: the file.
        name: what an error message calls it.
        any_size: whether to accept images above Pillow's limit of pixels.

    Raises:
        FileError: the file is not an image that `decode` can decode.
    """
    with open_image(file, name, any_size=any_size) as image:
        width, height = image.size
        bit_depth(image)
        # A PNG may have its EXIF after its pixels, and asking for it would decode the
        # whole image. The size of a .tif is reported by Pillow as it is once upright.
        is_cheap = image.format != "PNG" or "exif" in image.info
        if is_cheap and image.format != "TIFF" and exif_orientation(image) >= 5:
            width, height = height, width
        return height, width, _channels(image)


def decode(
    data: bytes, name: str, spec: Spec, *, any_size: bool = False
) -> UInt8[np.ndarray, "h w c"]:
    """Decodes an image file and brings it to the shape that `spec` asks for.

    Args:
        data: the contents of the file.
        name: what an error message calls it.
        spec: its `size`, `channels`, `crop`, `background` and `side_by_side` are used.
        any_size: whether to accept images above Pillow's limit of pixels, which protects
            against files that unpack to more than the memory.

    Returns:
        The pixels. Two images next to each other are stacked as channels.

    Raises:
        FileError: the file is not an image, is damaged, or is too large.
    """
    with open_image(io.BytesIO(data), name, any_size=any_size) as image:
        profile = profile_of(image)
        image.load()
        image = upright(to_eight_bits(image), exif_orientation(image))
        return _pixels(_in_srgb(image, profile), spec)


def conversions(file: BinaryFile, name: str) -> frozenset[str]:
    """Returns what decoding changes in an image file, in words for the user.

    For example "another color profile, converted to sRGB". Size and channels are left out,
    as the user chooses these.

    Args:
        file: the file.
        name: what an error message calls it.

    Raises:
        FileError: the file is not an image.
    """
    with open_image(file, name, any_size=True) as image:
        changes = set()
        bits = bit_depth(image)
        if frame_count(image) > 1:
            changes.add("several frames or pages, of which the first is read")
        if image.mode in ("CMYK", "LAB", "HSV"):
            changes.add(f"{image.mode}, converted to RGB")
        elif not is_srgb(profile_of(image)):
            changes.add("another color profile, converted to sRGB")
        file.seek(0)
        if max(bits, coded_bit_depth(file.read(HEAD_BYTES))) > 8:
            changes.add("more than 8 bits per channel, cut to 8")
        return frozenset(changes)


@contextmanager
def open_image(
    file: BinaryFile, name: str, *, any_size: bool = False
) -> Iterator[Image.Image]:
    """Opens an image file with Pillow, without decoding its pixels yet.

    Inside the block Pillow's warnings are off, as they are meant for programmers, and any
    exception becomes a `FileError` that begins with `name`.

    Args:
        file: the file.
        name: what an error message calls it.
        any_size: whether to accept images above Pillow's limit of pixels.
    """
    with (
        _named_errors(name),
        _without_limits() as limit,
        Image.open(cast(IO[bytes], file), formats=FORMATS) as image,
    ):
        # Pillow warns above its limit and refuses above twice as much, as this does.
        pixels = image.width * image.height
        if limit is not None and pixels > 2 * limit and not any_size:
            raise UnsupportedImage(
                f"has {pixels:,} pixels, more than the {2 * limit:,} that are read of one "
                "image of a data set",
                "make it smaller, or cut it into several",
            )
        yield image


def exif_orientation(image: Image.Image) -> int:
    """Returns the orientation of EXIF, 1 to 8, of which 1 is upright.

    A PNG may have its EXIF after its pixels, and is to be decoded first.
    """
    try:
        orientation = image.getexif().get(ORIENTATION_TAG, 1)
        return orientation if orientation in UNDO_ORIENTATION else 1
    except Exception:  # the EXIF is broken, while the pixels may be sound
        return 1


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """Returns the image turned upright, given its orientation by EXIF, 1 to 8."""
    undo = UNDO_ORIENTATION.get(orientation)
    return image if undo is None else image.transpose(undo)


def frame_count(image: Image.Image) -> int:
    """Returns how many frames or pages the file has, or 1 if that cannot be read."""
    # The frames of a PSD are its layers, and the image is all of them together.
    if image.format == "PSD":
        return 1
    try:
        return int(getattr(image, "n_frames", 1))
    except Exception:  # Pillow's decoders raise almost anything on a broken file
        return 1


def bit_depth(image: Image.Image) -> int:
    """Returns how many bits an image, not yet decoded, stores per channel: 1 to 16.

    Raises:
        UnsupportedImage: it stores 32 bits or floating point, where black and white are
            not defined; or it is a file that Pillow would misread.
    """
    if image.mode == "F" or (image.mode == "I" and image.format not in ("PNG", "PPM")):
        raise UnsupportedImage("stores 32 bits per pixel", "save it with 8 or 16")
    if image.format == "TIFF":
        tags = getattr(image, "tag_v2", {})
        bits = tags.get(BITS_PER_SAMPLE, 8)
        bits = max(bits) if isinstance(bits, tuple) else bits
        is_color = image.mode in ("RGB", "RGBA")
        is_raw = tags.get(COMPRESSION, 1) == 1
        is_planar = tags.get(PLANAR_CONFIGURATION) == 2
        if bits > 8 and is_color and is_raw and is_planar:
            # Pillow 13 takes every byte of such a file for a pixel.
            raise UnsupportedImage(
                f"stores {bits} bits per channel and each channel by itself",
                "save it as a .png, or with channels side by side",
            )
        return bits
    if image.mode == "I" or image.mode.startswith("I;16"):
        return 16
    # Pillow decodes colors of 16 bits to 8, and only its list of decoders (codec, extents,
    # offset, arguments) tells what was stored.
    for tile in getattr(image, "tile", ()):
        arguments = tile[3] if isinstance(tile[3], tuple) else (tile[3],)
        if tile[0] == "SGI16" or DEEP_RAW_MODE.match(str(arguments[0])):
            return 16
        if tile[0].startswith("ppm") and isinstance(arguments[-1], int):
            return arguments[-1].bit_length()
    return 1 if image.mode == "1" else 8


def coded_bit_depth(data: bytes) -> int:
    """Returns the bits per channel of an .avif or .jp2, or 8 for any other file.

    Pillow does not report these, so they are read from the beginning of the file.
    """
    head = data[:HEAD_BYTES]
    # AV1 in ISO base media (AOM), section 2.3.3: high_bitdepth and twelve_bit.
    av1 = head.find(b"av1C") if head[4:8] == b"ftyp" else -1
    if 0 <= av1 < len(head) - 6:
        return 8 + 2 * (head[av1 + 6] >> 6 & 1) + 2 * (head[av1 + 6] >> 5 & 1)
    # JPEG 2000 (ITU-T T.800), table A.9: the depth of the first component, Ssiz.
    jp2 = head.find(b"\xff\x4f\xff\x51")
    is_jp2 = head[4:8] == b"jP  " or jp2 == 0
    if is_jp2 and 0 <= jp2 < len(head) - 42:
        return (head[jp2 + 42] & 127) + 1
    return 8


def gray_pixels(image: Image.Image) -> UInt16[np.ndarray, "h w"]:
    """Returns a decoded image of mode I or I;16, from 0 for black to 65535 for white."""
    pixels = np.asarray(image).clip(0, 65535).astype(np.uint16)
    if image.format != "TIFF":
        return pixels
    # A TIFF may store 12 bits, and its zero may mean white (photometric interpretation 0).
    tags = getattr(image, "tag_v2", {})
    bits = tags.get(BITS_PER_SAMPLE, (16,))
    bits = bits[0] if isinstance(bits, tuple) else bits
    if bits < 16:
        pixels = (pixels.astype(np.uint32) * 65535 // (2**bits - 1)).astype(np.uint16)
    return 65535 - pixels if tags.get(PHOTOMETRIC) == 0 else pixels


def to_eight_bits(image: Image.Image) -> Image.Image:
    """Returns a decoded image with its channels cut to their upper 8 bits."""
    bit_depth(image)
    if image.mode == "I" or image.mode.startswith("I;16"):
        return Image.fromarray((gray_pixels(image) >> 8).astype(np.uint8))
    return image


def resize(
    stored: UInt8[np.ndarray, "h w c"], spec: Spec
) -> UInt8[np.ndarray, "H W C"]:
    """Brings pixels that are already decoded to the shape that `spec` asks for."""
    if stored.shape == output_shape(stored.shape, spec):
        return stored
    # Pillow takes gray images without an axis of channels.
    pixels = stored[..., 0] if stored.shape[-1] == 1 else stored
    return _pixels(Image.fromarray(np.ascontiguousarray(pixels)), spec)


def output_shape(stored: Shape, spec: Spec) -> Shape:
    """Returns the shape to which `decode` brings an image of the shape `stored`."""
    height, width, channels = stored
    images = 2 if spec.side_by_side else 1
    channels = (spec.channels or channels) * images
    return spec.size or height, spec.size or width // images, channels


def common_shape(stored: Iterable[tuple[str, Shape]], spec: Spec) -> Shape:
    """Returns the one shape to which `decode` brings all images.

    Args:
        stored: the name and the stored shape of each image, of at least one.
        spec: what is asked for.

    Raises:
        UsageError: the images would differ in size or channels. It names two of them.
    """
    images = iter(stored)
    first_name, first_stored = next(images)
    shape = output_shape(first_stored, spec)
    where = printable(spec.where)
    for name, other_stored in images:
        height, width, channels = output_shape(other_stored, spec)
        if (height, width) != shape[:2]:
            raise UsageError(
                f"The images of {where} differ in size ({first_name} is {shape[0]}x"
                f"{shape[1]}, {name} is {height}x{width}): bring them to one with "
                "--size."
            )
        if channels != shape[2]:
            raise UsageError(
                f"The images of {where} differ in channels ({first_name} has "
                f"{shape[2]}, {name} has {channels}): bring them to one number with "
                "--channels 1, 3 or 4."
            )
    return shape


def parallel_map(
    work: Callable[[Item], Result], items: Sequence[Item] | np.ndarray
) -> list[Result]:
    """Returns `[work(item) for item in items]`, computed by threads on all cores.

    It is faster than a loop only for work that releases the GIL, as decoding does.
    """
    # A slice for each thread: tasks of single items would cost more than a small image.
    size = -(-len(items) // NUM_THREADS) or 1
    slices = [items[i : i + size] for i in range(0, len(items), size)]
    results = _pool().map(lambda part: [work(item) for item in part], slices)
    return [result for part in results for result in part]


def parallel_batch(
    decode: Callable[[Item], UInt8[np.ndarray, "h w c"]],
    items: Sequence[Item] | np.ndarray,
    shape: Shape,
) -> UInt8[np.ndarray, "b h w c"]:
    """Returns `decode(item)` for all items in one array; each has the shape `shape`."""
    images = np.empty((len(items), *shape), np.uint8)

    # Each thread copies its images into their places, so that none are copied twice.
    def place(numbered: tuple[int, Item]) -> None:
        i, item = numbered
        images[i] = decode(item)

    parallel_map(place, list(enumerate(items)))
    return images


def file_errors(
    decode: Callable[[Item], object], items: Sequence[Item] | np.ndarray
) -> list[FileError]:
    """Returns the `FileError`s that `decode` raises for some of the items, in order."""

    def attempt(item: Item) -> FileError | None:
        try:
            decode(item)
        except FileError as error:
            return error
        return None

    return [error for error in parallel_map(attempt, items) if error is not None]


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(NUM_THREADS, "ganjax-images")


class _Limits(NamedTuple):
    """Pillow's limits: `MAX_IMAGE_PIXELS`, `MAX_TEXT_CHUNK` and `MAX_TEXT_MEMORY`."""

    pixels: int | None
    text_chunk: int
    text_memory: int


class _PillowSettings:
    """The settings that `_without_limits` restores; `lock` guards all of them."""

    lock = threading.Lock()
    threads_inside = 0
    limits = _Limits(None, 0, 0)  # as they were before the first thread entered
    # Our own filters of warnings, each with the list that it was put into.
    filters: list[tuple[Any, tuple]] = []


def _set_limits(limits: _Limits) -> None:
    Image.MAX_IMAGE_PIXELS = limits.pixels
    PngImagePlugin.MAX_TEXT_CHUNK = limits.text_chunk
    PngImagePlugin.MAX_TEXT_MEMORY = limits.text_memory


@contextmanager
def _without_limits() -> Iterator[int | None]:
    """Switches Pillow's limits and warnings off; yields its limit of pixels.

    Both are global to the process, while images are decoded by many threads. The first
    thread to enter therefore saves the settings, and the last to leave restores them;
    `warnings.catch_warnings` in each thread would do neither.
    """
    own = re.compile(r"PIL\.(?#ganjax)")  # the comment marks our own filter
    state = _PillowSettings
    with state.lock:
        if not state.threads_inside:
            state.limits = _Limits(
                Image.MAX_IMAGE_PIXELS,
                PngImagePlugin.MAX_TEXT_CHUNK,
                PngImagePlugin.MAX_TEXT_MEMORY,
            )
            _set_limits(_Limits(None, MAX_TEXT_BYTES, MAX_TEXT_BYTES))
        state.threads_inside += 1
        # `catch_warnings` elsewhere may have exchanged the list of filters since.
        if not any(each[3] == own for each in warnings.filters):
            warnings.filterwarnings("ignore", module=own.pattern)
            state.filters.append((warnings.filters, warnings.filters[0]))
        limit = state.limits.pixels
    try:
        yield limit
    finally:
        with state.lock:
            state.threads_inside -= 1
            if not state.threads_inside:
                _set_limits(state.limits)
                for filters, ours in state.filters:
                    with suppress(ValueError):
                        filters.remove(ours)
                state.filters.clear()


@contextmanager
def _named_errors(name: str) -> Iterator[None]:
    """Turns any exception into a `FileError` that begins with the name of the file.

    A `UsageError` and a lack of memory pass unchanged.
    """
    try:
        yield
    except (UsageError, MemoryError):
        raise
    except UnsupportedImage as error:
        message = f"{name} {error.problem}: {error.advice}."
        raise FileError(message, name, error.problem) from error
    except UnidentifiedImageError as error:
        problem = "(it is of no known format, or cut off)"
        raise FileError(
            f"{name} cannot be read as an image {problem}: repair it, save it as .png or "
            ".jpg, or take it out.",
            name,
            problem,
        ) from error
    # Pillow's decoders raise almost anything on a broken file.
    except Exception as error:
        reason = str(error).split("\n")[0].rstrip(".")[:100] or type(error).__name__
        message = (
            f"{name} cannot be read as an image ({reason}): repair it or take it out."
        )
        raise FileError(message, name, f"({reason})") from error


def _channels(image: Image.Image) -> int:
    """Returns how many channels an image is read with by default: 1, 3 or 4."""
    if image.mode == "I" or image.mode.startswith("I;16"):
        return 1
    if image.has_transparency_data:
        return 4
    return 1 if image.mode in ("1", "L") else 3


def _pixels(image: Image.Image, spec: Spec) -> UInt8[np.ndarray, "h w c"]:
    """Returns the pixels of an upright image of 8 bits in sRGB, as `spec` asks for them."""
    channels = spec.channels or _channels(image)
    image = _with_channels(image, channels, spec.background)
    resized = [np.asarray(_resized(half, spec)) for half in _halves(image, spec)]
    # Gray images come from Pillow without an axis of channels.
    pixels = [half.reshape(*half.shape[:2], channels) for half in resized]
    return pixels[0] if len(pixels) == 1 else np.concatenate(pixels, axis=-1)


def _halves(image: Image.Image, spec: Spec) -> list[Image.Image]:
    """Returns the left and the right half of an image that holds two, or the image."""
    if not spec.side_by_side:
        return [image]
    width = image.width // 2
    # Of an odd width, the middle column belongs to neither.
    starts = (0, image.width - width)
    return [image.crop((x, 0, x + width, image.height)) for x in starts]


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Returns the image in sRGB, in a mode that can be converted to gray, RGB or RGBA."""
    image = image.convert("LA") if image.mode == "La" else image
    if image.mode in ("RGB", "L", "CMYK") and not image.has_transparency_data:
        return to_srgb(image, profile)
    if is_srgb(profile):
        return image
    # Alpha is not a color: it is set aside while the colors are converted.
    image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    alpha = image.getchannel("A") if image.mode == "RGBA" else None
    image = to_srgb(image.convert("RGB"), profile)
    if alpha is not None:
        image.putalpha(alpha)
    return image


def _with_channels(image: Image.Image, channels: int, background: int) -> Image.Image:
    """Returns the image with 1, 3 or 4 channels; without alpha, over a gray background."""
    if image.has_transparency_data:
        image = image.convert("RGBA")
        if channels != 4:
            behind = Image.new("RGBA", image.size, (*[background] * 3, 255))
            image = Image.alpha_composite(behind, image)
    mode = MODES[channels]
    return image if image.mode == mode else image.convert(mode)


def _resized(image: Image.Image, spec: Spec) -> Image.Image:
    """Returns the image as a square of `spec.size`, cropped or squeezed, if it is given."""
    if spec.size and spec.crop and image.width != image.height:
        side = min(image.size)
        left = (image.width - side) // 2
        top = (image.height - side) // 2
        image = image.crop((left, top, left + side, top + side))
    size = (spec.size, spec.size)
    if not spec.size or image.size == size:
        return image
    return image.resize(size, Image.Resampling.LANCZOS)
