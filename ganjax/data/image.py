"""One image: from the bytes of any file to uint8 [h, w, c] of the shape asked for.

Rotated as its EXIF says; 16 bits cut to their upper 8; of an animation the first frame;
transparency laid over the background unless 4 channels are kept; grey by ITU-R 601-2.
Resized with Pillow's Lanczos filter, which widens with the reduction and so does not
alias. FFHQ's official thumbnails were made with a box filter, and FID sees the
difference: files already of the wanted size are never resampled.
"""

import io
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps, features

from ganjax.data.source import Spec
from ganjax.errors import Mistake


Shape = tuple[int, int, int]  # height, width, channels
MODES = {1: "L", 3: "RGB", 4: "RGBA"}
ORIENTATION = 0x0112  # the EXIF tag; its values 5 to 8 lay the image on its side
WORKERS = min(32, os.cpu_count() or 1)

# What Pillow registers a reader for, but does not decode by itself (PostScript needs
# Ghostscript, .wmf needs Windows, the scientific ones a handler that a program brings), or
# what holds something else than a picture.
NO_PICTURES = {"BUFR", "EPS", "FITS", "GRIB", "HDF5", "IPTC", "MPEG", "PDF", "WMF"}
UNREGISTERED = {".jif", ".jfi"}  # JPEG all the same
FLOATING = {".pfm"}  # maps of depth or disparity, in floating point
OPTIONAL = {"AVIF": "avif", "JPEG2000": "jpg_2000", "WEBP": "webp", "JPEG": "jpg"}


def _decodable() -> frozenset[str]:
    """The endings of the formats that the installed Pillow was built to decode."""
    Image.init()
    missing = {
        name for name, library in OPTIONAL.items() if not features.check(library)
    }
    found = {
        ending.lower()
        for ending, name in Image.registered_extensions().items()
        if name in Image.OPEN and name not in NO_PICTURES | missing
    }
    return frozenset((found | UNREGISTERED) - FLOATING)


EXTENSIONS: frozenset[str] = (
    _decodable()
)  # ".png", ".jfif", ...: what a person may name an image


def header(file: Any, name: str) -> Shape:
    """The shape that an open image file is stored with, upright, without decoding it.

    Raises a `Mistake` with `name` if it is no image.
    """
    with _blaming(name), Image.open(file) as image:
        width, height = image.size
        # Pillow would decode a whole PNG in search of EXIF after its pixels.
        early = image.format != "PNG" or "exif" in image.info
        if early and image.getexif().get(ORIENTATION, 1) >= 5:
            width, height = height, width
        return height, width, _channels(image)


def decode(data: bytes, name: str, spec: Spec) -> UInt8[np.ndarray, "h w c"]:
    """The pixels of an image file, brought to the shape that `spec` asks for.

    Raises a `Mistake` with `name` if it is broken.
    """
    with _blaming(name), Image.open(io.BytesIO(data)) as image:
        ImageOps.exif_transpose(image, in_place=True)
        return _pixels(image, spec)


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


@contextmanager
def _blaming(name: str) -> Iterator[None]:
    # Pillow's decoders raise almost anything on a broken file.
    try:
        yield
    except Mistake as error:
        raise Mistake(f"{name} {error}") from error
    except MemoryError:
        raise
    except Exception as error:
        raise Mistake(
            f"{name} cannot be read as an image ({type(error).__name__}): repair it or "
            "take it out."
        ) from error


def _channels(image: Image.Image) -> int:
    if image.mode.startswith("I;16"):
        return 1
    if image.has_transparency_data:
        return 4
    return 1 if image.mode in ("1", "L") else 3


def _pixels(image: Image.Image, spec: Spec) -> np.ndarray:
    channels = spec.channels or _channels(image)
    image = _convert(_eight_bits(image), channels, spec.background)
    each = [np.asarray(_resize(part, spec)) for part in _parts(image, spec)]
    return np.concatenate([x.reshape(*x.shape[:2], channels) for x in each], axis=-1)


def _parts(image: Image.Image, spec: Spec) -> list[Image.Image]:
    if not spec.halves:
        return [image]
    width, height = image.width // 2, image.height
    return [image.crop((x, 0, x + width, height)) for x in (0, image.width - width)]


def _eight_bits(image: Image.Image) -> Image.Image:
    if image.mode in ("I", "F"):
        raise Mistake("stores 32 bits per pixel: save it with 8 or 16.")
    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
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
