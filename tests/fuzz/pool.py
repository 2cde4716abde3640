"""Names that people give, and pictures in the formats that they have."""

import io
import struct
import zlib
from functools import cache
from typing import Any

import numpy as np
from PIL import Image, ImageCms


# Of a class or a folder. What is in the first row sorts in one way only.
PLAIN = ["cat", "dog", "bird", "class1", "class2", "class10", "a", "b", "n01440764"]
ODD = ["кот", "猫", "é", "e\u0301", "my cat", " lead", "trail ", "🐈", "[x]", "[!a]"]
ODD += ["100%", "%s", "%(x)s", "{0}", "a\nb", "a\rb", "a\tb", "-rf", "--help", "~"]
ODD += ["$HOME", "*", "?", "'q'", '"q"', "a\\b", "C:", "con", "x" * 200, "a,b", "a;b"]
ODD += ["²", "٣", "½", "-1", "1.5", "1e3", "01", "001", "A", "nan", "None", "\u202egnp"]
ODD += [
    "images",
    "masks",
    "Cat",
    "a.b",
    "cats.png",
    "\x7f",
    "\u2028",
    "#",
    "&amp;",
    "<b>",
]
SPLITS = [
    "train",
    "Train",
    "TRAIN",
    "training",
    "test",
    "Test",
    "TESTING",
    "val",
    "Val",
]
SPLITS += ["valid", "VALID", "validation", "Validation"]

# Formats by ending, and the modes that each can store.
LOSSLESS = {
    "png": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
    "apng": ("RGB", "RGBA"),
    "bmp": ("1", "L", "P", "RGB"),
    "dib": ("L", "RGB"),
    "gif": ("L", "P", "RGB"),
    "tif": ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"),
    "tiff": ("L", "RGB", "I;16B"),
    "ppm": ("RGB",),
    "pgm": ("L",),
    "pbm": ("1",),
}
LOSSY = {
    "jpg": ("L", "RGB", "CMYK"),
    "jpeg": ("L", "RGB"),
    "jpe": ("RGB",),
    "jfif": ("RGB",),
    "webp": ("RGB", "RGBA"),
    "avif": ("RGB", "RGBA"),
    "jp2": ("L", "RGB", "RGBA"),
}
RARE = {  # may be read or passed over
    "tga": ("L", "RGB", "RGBA"),
    "ico": ("RGBA",),
    "pcx": ("L", "RGB"),
    "sgi": ("L", "RGB"),
    "dds": ("RGB", "RGBA"),
    "im": ("L", "RGB", "YCbCr"),
    "msp": ("1",),
    "qoi": ("RGB", "RGBA"),
    "icns": ("RGBA",),
    "xbm": ("1",),
    "j2k": ("RGB",),
    "mpo": ("RGB",),
}
FORMATS = {**LOSSLESS, **LOSSY}
DIFFERENT = {"apng": "PNG", "dib": "DIB", "jpe": "JPEG", "jfif": "JPEG", "jpg": "JPEG"}
DIFFERENT |= {
    "tif": "TIFF",
    "pgm": "PPM",
    "pbm": "PPM",
    "jp2": "JPEG2000",
    "j2k": "JPEG2000",
}
DIFFERENT |= {"ico": "ICO", "mpo": "MPO"}


def chosen(rng: np.random.Generator, items: Any) -> Any:
    """One of the items."""
    items = list(items)
    return items[int(rng.integers(len(items)))]


def chance(rng: np.random.Generator, share: float) -> bool:
    """True as often as that."""
    return bool(rng.random() < share)


def art(
    rng: np.random.Generator, size: tuple[int, int], mode: str = "RGB"
) -> Image.Image:
    """Blocks of color, of which no two are alike; `size` is (width, height)."""
    width, height = size
    small = rng.integers(0, 256, (-(-height // 4), -(-width // 4), 4), np.uint8)
    large = small.repeat(4, 0).repeat(4, 1)[:height, :width]
    if mode.startswith("I;16"):
        wide = large[..., 0].astype(np.uint16) * 256 + large[..., 1]
        image = Image.fromarray(wide)
        big = wide.astype(">u2").tobytes()
        return image if mode == "I;16" else Image.frombytes(mode, size, big)
    if mode in ("RGBA", "LA", "PA"):
        large[..., 3] = np.where(large[..., 3] < 100, 0, large[..., 3])
        image = Image.fromarray(large)
        return image if mode == "RGBA" else image.convert(mode)
    image = Image.fromarray(np.ascontiguousarray(large[..., :3]))
    if mode == "P":
        return image.quantize(16)
    if mode in ("I", "F"):
        return image.convert("L").convert(mode)
    return image.convert(mode)


def saved(image: Image.Image, end: str, **options: Any) -> bytes:
    """The file of an image, in the format of that ending."""
    data = io.BytesIO()
    if end == "apng":
        options = {"save_all": True, "append_images": [image.rotate(180)], **options}
    if end == "ico":
        options = {"sizes": [image.size], **options}
    image.save(data, DIFFERENT.get(end, end.upper()), **options)
    return data.getvalue()


def picture(
    rng: np.random.Generator, end: str, mode: str, size: tuple[int, int], **options: Any
) -> bytes:
    """A file of that ending and mode."""
    return saved(art(rng, size, mode), end, **options)


@cache
def profiles() -> dict[str, bytes]:
    """Color profiles: usual, odd, of another kind of color, and none at all."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    red, green, blue = (
        (0.4361, 0.2225, 0.0139),
        (0.3851, 0.7169, 0.0971),
        (
            0.1431,
            0.0606,
            0.7141,
        ),
    )
    adobe = (0.6097, 0.3111, 0.0195), (0.2053, 0.6257, 0.0609), (0.1492, 0.0632, 0.7446)
    return {
        "srgb": srgb,
        "swapped": rgb_profile(blue, green, red, 2.2),
        "adobe": rgb_profile(*adobe, 2.2),
        "linear": rgb_profile(red, green, blue, 1.0),
        "lab": ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes(),
        "cut": srgb[: len(srgb) // 2],
        "garbage": b"no profile at all",
        "empty": b"\0" * 128,
    }


def rgb_profile(red: tuple, green: tuple, blue: tuple, gamma: float) -> bytes:
    """An ICC profile (version 2) of three primaries in XYZ under D50, and a gamma."""
    fixed = lambda x: struct.pack(">i", round(x * 65536))
    xyz = lambda color: b"XYZ \0\0\0\0" + b"".join(map(fixed, color))
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    words = b"ganjax"
    desc = b"desc\0\0\0\0" + struct.pack(">I", len(words) + 1) + words + b"\0" * 79
    text = b"text\0\0\0\0" + words + b"\0\0"
    parts = {b"desc": desc, b"cprt": text, b"wtpt": xyz((0.9642, 1.0, 0.8249))}
    parts |= {b"rXYZ": xyz(red), b"gXYZ": xyz(green), b"bXYZ": xyz(blue)}
    parts |= {b"rTRC": curve, b"gTRC": curve, b"bTRC": curve}
    table, body = struct.pack(">I", len(parts)), b""
    start = 128 + 4 + 12 * len(parts)
    for name, part in parts.items():
        part += b"\0" * (-len(part) % 4)
        table += name + struct.pack(">II", start + len(body), len(part))
        body += part
    size = 128 + len(table) + len(body)
    head = struct.pack(
        ">I4sI4s4s4s", size, b"none", 0x02100000, b"mntr", b"RGB ", b"XYZ "
    )
    head += struct.pack(">6H4s", 2026, 1, 1, 0, 0, 0, b"acsp")
    head += b"\0" * (68 - len(head)) + b"".join(map(fixed, (0.9642, 1.0, 0.8249)))
    return head + b"\0" * (128 - len(head)) + table + body


def damaged(rng: np.random.Generator, data: bytes) -> bytes:
    """A file cut short, with other bytes, of nothing, or that lies about its size."""
    way = rng.integers(7)
    if way == 0 or len(data) < 64:
        return b""
    if way == 1:
        return data[: int(rng.integers(1, len(data)))]
    if way == 2:
        return data[: len(data) * 2 // 3]
    if way == 3:
        return b"\0" * len(data)
    if way == 4:
        return b"<!DOCTYPE html><p>404</p>" + data[:10]
    if way == 5 and data.startswith(b"\x89PNG"):
        return lying(rng, data)
    changed = bytearray(data)
    for place in rng.integers(8, len(data), 4):
        changed[place] ^= int(rng.integers(1, 256))
    return bytes(changed)


def lying(rng: np.random.Generator, data: bytes) -> bytes:
    """A PNG whose header claims another size than its pixels have."""
    sizes = [(0, 0), (1, 1), (20, 9), (4000, 4000), (2**31 - 1, 1), (30_000, 30_000)]
    width, height = chosen(rng, sizes)
    head = b"IHDR" + struct.pack(">II", width, height) + data[24:29]
    return data[:12] + head + struct.pack(">I", zlib.crc32(head)) + data[33:]
