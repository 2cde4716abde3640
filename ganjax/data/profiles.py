"""Colors of another profile than sRGB: to what networks see, and back to what was given.

Networks are trained on bytes of sRGB, as nearly all images of the web are. By an embedded
ICC profile (ICC.1:2022) an image may say that its bytes mean other colors, as those of
cameras, wide displays and printing presses do. Read as if they were sRGB, such images look
pale or wrong, so their bytes are converted: by LittleCMS, through Pillow's `ImageCms`,
relative to the white point and with black mapped to black. A profile that is broken, or is
made for another kind of image than it is embedded in, is passed over, as viewers do.
"""

import io
import struct
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, ImageCms


KINDS = {
    "RGB": "RGB",
    "GRAY": "L",
    "CMYK": "CMYK",
}  # ICC's color spaces, Pillow's modes
SAME = (
    2  # of 255; a profile that moves no color by more is sRGB for all that can be seen
)
LEVELS = 6  # a channel, of the colors by which that is tried out

# White, red, green and blue of sRGB as (x, y), in the order of a PNG's chunk cHRM.
SRGB_POINTS = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
D50 = (0.9642, 1.0, 0.8249)  # XYZ of the white to which all profiles are related
BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)


def kind(profile: bytes | None) -> str:
    """The mode of the images that a profile is meant for: RGB, L, CMYK, or '' for none."""
    opened = _opened(profile) if profile else None
    if opened is None:
        return ""
    space: str = getattr(opened.profile, "xcolor_space", "")
    return KINDS.get(space.strip(), "")


def is_srgb(profile: bytes | None) -> bool:
    """Whether the profile changes no color: there is none, or it is sRGB."""
    meant = kind(profile)
    return not meant or (meant != "CMYK" and _transform(profile, meant, False) is None)


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """An image of mode L, RGB or CMYK in the colors of sRGB, as L, RGB and RGB."""
    meant = kind(profile)
    if image.mode == "L" and meant in ("L", "RGB"):
        return _toned(image, profile, meant, back=False)
    transform = _transform(profile, meant, False) if meant == image.mode else None
    converted = image if transform is None else transform.apply(image)
    return converted.convert("RGB") if image.mode == "CMYK" else converted


def from_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """The inverse of `to_srgb` for an image of mode L or RGB, with 8 bits of precision."""
    meant = kind(profile)
    if image.mode == "L" and meant in ("L", "RGB"):
        return _toned(image, profile, meant, back=True)
    transform = _transform(profile, meant, True) if meant == image.mode else None
    return image if transform is None else transform.apply(image)


def profile_of(image: Image.Image) -> bytes | None:
    """The profile by which the colors of an opened image are meant; None is sRGB.

    It is the one embedded, or else is made of what a PNG says of gamma and primaries.
    """
    if image.mode in ("LAB", "HSV", "YCbCr"):  # which say by themselves what they mean
        return None
    embedded, info = image.info.get("icc_profile"), image.info
    if embedded or image.format != "PNG" or "srgb" in info:
        return embedded or None
    gamma, points = info.get("gamma", 0), info.get("chromaticity", SRGB_POINTS)
    if not (gamma or "chromaticity" in info):
        return None
    steps = np.linspace(0, 1, 1024)
    usual = not 0.05 < gamma < 20 or abs(gamma - 1 / 2.2) < 0.01
    curve = srgb_curve(steps) if usual else steps ** (1 / gamma)
    pairs = [tuple(points[i : i + 2]) for i in range(0, 8, 2)]
    try:
        return matrix_profile(pairs[1:], pairs[0], curve)
    except (ArithmeticError, ValueError, np.linalg.LinAlgError):
        return None  # primaries that are no triangle


def matrix_profile(
    primaries: Sequence[tuple[float, ...]],
    white: tuple[float, ...],
    curve: Float[np.ndarray, " n"],
) -> bytes:
    """The ICC profile of an RGB space.

    Args:
      primaries: the chromaticities (x, y) of red, green and blue.
      white: the chromaticity of white.
      curve: linear light at evenly spaced values of a channel, both from 0 to 1.
    """
    xyz = lambda x, y: np.array([x / y, 1, (1 - x - y) / y])
    columns = np.stack([xyz(*each) for each in primaries], axis=1)
    columns = columns * np.linalg.solve(columns, xyz(*white))
    cones = BRADFORD @ np.array(D50) / (BRADFORD @ xyz(*white))
    columns = np.linalg.inv(BRADFORD) @ (cones[:, None] * (BRADFORD @ columns))
    if not np.isfinite(columns).all() or np.abs(columns).max() > 100:
        raise ValueError(f"no color space has the primaries {primaries}")
    places = {f"{c}XYZ": _place(columns[:, i]) for i, c in enumerate("rgb")}
    return _packed(b"RGB ", {**places, **{f"{c}TRC": _bend(curve) for c in "rgb"}})


def gray_profile(profile: bytes) -> bytes:
    """The profile of gray images that shows each gray as a profile of RGB does."""
    ramp = Image.fromarray(np.arange(256, dtype=np.uint8)[None])
    seen = np.asarray(to_srgb(ramp, profile))[0] / 255
    return _packed(b"GRAY", {"kTRC": _bend(srgb_curve(seen))})


def srgb_curve(value: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Linear light of the values 0..1 of a channel of sRGB (IEC 61966-2-1)."""
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def _place(xyz: Sequence[float] | np.ndarray) -> bytes:
    fixed = np.round(np.asarray(xyz) * 65536).astype(">i4")
    return b"XYZ \0\0\0\0" + fixed.tobytes()


def _bend(curve: np.ndarray) -> bytes:
    steps = np.round(curve.clip(0, 1) * 65535).astype(">u2")
    return b"curv\0\0\0\0" + struct.pack(">I", len(steps)) + steps.tobytes()


def _packed(space: bytes, tags: dict[str, bytes]) -> bytes:
    """A profile of version 2.4 for displays (ICC.1:2001-04, clause 6)."""
    name = space.strip() + b"\0"
    desc = b"desc\0\0\0\0" + struct.pack(">I", len(name)) + name + bytes(78)
    more = {"desc": desc, "cprt": b"text\0\0\0\0CC0\0", "wtpt": _place(D50)}
    start, index, body = 128 + 4 + 12 * len(more | tags), b"", b""
    for tag, data in (more | tags).items():
        index += struct.pack(">4sII", tag.encode(), start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    head = struct.pack(
        ">I4xI4s4s4s", start + len(body), 0x02400000, b"mntr", space, b"XYZ "
    )
    head += struct.pack(">6H4s28x", 2024, 1, 1, 0, 0, 0, b"acsp") + _place(D50)[8:]
    return head.ljust(128, b"\0") + struct.pack(">I", len(more | tags)) + index + body


@lru_cache(64)
def _opened(profile: bytes) -> ImageCms.ImageCmsProfile | None:
    try:
        return ImageCms.ImageCmsProfile(io.BytesIO(profile))
    except (OSError, ValueError, TypeError, ImageCms.PyCMSError):
        return None


@lru_cache(64)
def _transform(
    profile: bytes | None, mode: str, back: bool
) -> ImageCms.ImageCmsTransform | None:
    """From the profile's `mode` to RGB in sRGB or `back`; None if nothing is to be done."""
    ours, theirs = ImageCms.createProfile("sRGB"), _opened(profile or b"")
    if theirs is None:
        return None
    ends = [(theirs, mode), (ours, "RGB")]
    (source, from_mode), (target, to_mode) = ends[::-1] if back else ends
    try:
        transform = ImageCms.buildTransform(
            source,
            target,
            from_mode,
            to_mode,
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
        tried = _colors(from_mode)
        found = np.asarray(transform.apply(tried), np.int32)
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None  # without the tables or the matrix that are needed
    if mode == "CMYK":
        return transform
    level = lambda x: np.asarray(x if x.mode == "RGB" else x.convert("RGB"), np.int32)
    wanted = level(tried)
    found = np.broadcast_to(found.reshape(*wanted.shape[:2], -1), wanted.shape)
    return transform if np.abs(found - wanted).max() > SAME else None


def _colors(mode: str) -> Image.Image:
    if mode == "L":
        return Image.fromarray(np.arange(256, dtype=np.uint8)[None])
    channels = len(mode)
    steps = np.linspace(0, 255, LEVELS).round().astype(np.uint8)
    grid = np.stack(np.meshgrid(*[steps] * channels, indexing="ij"), axis=-1)
    return Image.fromarray(np.ascontiguousarray(grid.reshape(1, -1, channels)), mode)


def _toned(
    image: Image.Image, profile: bytes | None, meant: str, back: bool
) -> Image.Image:
    # Grays stay gray under a profile of RGB too, so a table of 256 values is all of it.
    transform = _transform(profile, meant, back)
    if transform is None:
        return image
    ramp: UInt8[np.ndarray, "1 256"] = np.arange(256, dtype=np.uint8)[None]
    grays = Image.fromarray(ramp)
    grays = grays.convert("RGB") if back or meant == "RGB" else grays
    return image.point(np.asarray(transform.apply(grays).convert("L"))[0].tolist())
