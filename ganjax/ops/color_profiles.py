"""ICC color profiles: conversion of images to sRGB and back.

Networks are trained on sRGB bytes, as nearly all images on the web are. An embedded ICC
profile (ICC.1:2022) means that the bytes of an image stand for other colors, as is usual
for cameras, wide-gamut displays and printing. Read as sRGB, such images look pale or wrong.
Their bytes are therefore converted with LittleCMS, through Pillow's `ImageCms`, using the
relative colorimetric intent and black point compensation.

A profile that is broken, or that is meant for another kind of image than it is embedded
in, is ignored, as image viewers do. A profile that changes no color visibly is ignored,
too, so that the bytes of ordinary images stay as they are stored.
"""

import io
import struct
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, ImageCms


# Pillow's mode for each color space that a profile may name.
MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}
# A profile counts as sRGB if it changes no value of a channel, 0 to 255, by more than this.
# It is tested on a grid of colors with so many levels per channel.
MAX_INVISIBLE_CHANGE = 2
GRID_LEVELS = 6
GRAYS: UInt8[np.ndarray, "1 256"] = np.arange(256, dtype=np.uint8)[None]  # all of them

# White, red, green and blue of sRGB as (x, y), in the order of a PNG's chunk cHRM.
SRGB_POINTS = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
# The XYZ of the white point of all profiles, and the matrix from XYZ to cone responses, by
# which colors are adapted to it from another white point.
D50 = (0.9642, 1.0, 0.8249)
BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)


def color_mode(profile: bytes | None) -> str:
    """Returns the Pillow mode of the images that a profile is meant for.

    That is "RGB", "L" or "CMYK"; "" if there is no profile, or none that can be used.
    """
    opened = _opened(profile) if profile else None
    if opened is None:
        return ""
    space: str = getattr(opened.profile, "xcolor_space", "")
    return MODES.get(space.strip(), "")


def is_srgb(profile: bytes | None) -> bool:
    """Returns whether the profile changes no color: there is none, or it equals sRGB."""
    mode = color_mode(profile)
    if not mode:
        return True
    return mode != "CMYK" and _transform(profile, mode, back=False) is None


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Converts an image of mode L, RGB or CMYK to sRGB; CMYK becomes RGB."""
    converted = _converted(image, profile, back=False)
    return converted.convert("RGB") if image.mode == "CMYK" else converted


def from_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Computes the inverse of `to_srgb` for mode L or RGB, rounded to 8 bits."""
    return _converted(image, profile, back=True)


def _converted(image: Image.Image, profile: bytes | None, back: bool) -> Image.Image:
    """Converts an image to sRGB or `back`; the same image where nothing is to be done."""
    mode = color_mode(profile)
    if image.mode == "L" and mode in ("L", "RGB"):
        return _converted_gray(image, profile, mode, back=back)
    transform = None
    if mode == image.mode:
        transform = _transform(profile, mode, back=back)
    return image if transform is None else transform.apply(image)


def profile_of(image: Image.Image) -> bytes | None:
    """Returns the ICC profile of an opened image, or None if its colors are sRGB.

    A PNG without an embedded profile may state a gamma and chromaticities instead, from
    which a profile is made.
    """
    # These modes define their colors by themselves.
    if image.mode in ("LAB", "HSV", "YCbCr"):
        return None
    info = image.info
    embedded = info.get("icc_profile")
    if embedded or image.format != "PNG" or "srgb" in info:
        return embedded or None
    gamma = info.get("gamma", 0)
    points = info.get("chromaticity", SRGB_POINTS)
    if not (gamma or "chromaticity" in info):
        return None
    # Programs write a gamma of 1/2.2 for sRGB. Absurd values are treated like that, too.
    steps = np.linspace(0, 1, 1024)
    means_srgb = not 0.05 < gamma < 20 or abs(gamma - 1 / 2.2) < 0.01
    curve = srgb_curve(steps) if means_srgb else steps ** (1 / gamma)
    white, *primaries = [tuple(points[i : i + 2]) for i in range(0, 8, 2)]
    try:
        return matrix_profile(primaries, white, curve)
    except (ArithmeticError, ValueError, np.linalg.LinAlgError):
        return None  # primaries that do not form a triangle


def matrix_profile(
    primaries: Sequence[tuple[float, ...]],
    white: tuple[float, ...],
    curve: Float[np.ndarray, " n"],
) -> bytes:
    """Makes the ICC profile of an RGB color space.

    Args:
        primaries: the chromaticities (x, y) of red, green and blue.
        white: the chromaticity of white.
        curve: linear light at evenly spaced values of a channel, both from 0 to 1.

    Returns:
        The bytes of the profile.

    Raises:
        ValueError: there is no color space with these primaries.
    """

    def xyz(x, y):
        """Returns the XYZ of the color with chromaticity (x, y) and luminance 1."""
        return np.array([x / y, 1, (1 - x - y) / y])

    # The primaries are scaled so that their sum is white.
    columns = np.stack([xyz(*each) for each in primaries], axis=1)
    columns = columns * np.linalg.solve(columns, xyz(*white))
    # Colors of a profile are relative to D50, to which they are adapted (Bradford, ICC.1
    # annex E).
    cones = BRADFORD @ np.array(D50) / (BRADFORD @ xyz(*white))
    columns = np.linalg.inv(BRADFORD) @ (cones[:, None] * (BRADFORD @ columns))
    if not np.isfinite(columns).all() or np.abs(columns).max() > 100:
        raise ValueError(f"no color space has the primaries {primaries}")
    colorants = {f"{c}XYZ": _xyz_tag(columns[:, i]) for i, c in enumerate("rgb")}
    curves = {f"{c}TRC": _curve_tag(curve) for c in "rgb"}
    return _profile(b"RGB ", colorants | curves)


def gray_profile(profile: bytes) -> bytes:
    """Makes a profile of gray images that shows each gray as an RGB profile does."""
    srgb = np.asarray(to_srgb(Image.fromarray(GRAYS), profile))[0] / 255
    return _profile(b"GRAY", {"kTRC": _curve_tag(srgb_curve(srgb))})


def srgb_curve(value: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Returns the linear light of sRGB values, both from 0 to 1 (IEC 61966-2-1)."""
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


# The binary format: each tag begins with a signature and four zero bytes, numbers are
# big-endian, and XYZ values are fixed-point numbers with 16 fractional bits.
def _xyz_tag(xyz: Sequence[float] | np.ndarray) -> bytes:
    fixed = np.round(np.asarray(xyz) * 65536).astype(">i4")
    return b"XYZ \0\0\0\0" + fixed.tobytes()


def _curve_tag(curve: np.ndarray) -> bytes:
    steps = np.round(curve.clip(0, 1) * 65535).astype(">u2")
    return b"curv\0\0\0\0" + struct.pack(">I", len(steps)) + steps.tobytes()


def _profile(space: bytes, tags: dict[str, bytes]) -> bytes:
    """Returns a display profile of version 2.4 (ICC.1:2001-04, clause 6)."""
    name = space.strip() + b"\0"
    description = b"desc\0\0\0\0" + struct.pack(">I", len(name)) + name + bytes(78)
    required = {
        "desc": description,
        "cprt": b"text\0\0\0\0CC0\0",
        "wtpt": _xyz_tag(D50),
    }
    tags = required | tags
    # A profile has a header of 128 bytes, the number of tags, an index with 12 bytes for
    # each tag, and the tags, each padded to a multiple of four bytes.
    start = 128 + 4 + 12 * len(tags)
    index = b""
    body = b""
    for tag, data in tags.items():
        index += struct.pack(">4sII", tag.encode(), start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    size = start + len(body)
    head = struct.pack(">I4xI4s4s4s", size, 0x02400000, b"mntr", space, b"XYZ ")
    head += struct.pack(">6H4s28x", 2024, 1, 1, 0, 0, 0, b"acsp") + _xyz_tag(D50)[8:]
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + index + body


# Most images of a data set share one profile, so what is computed from it is cached.
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
    """Returns the conversion from images of a mode and profile to sRGB, of mode RGB.

    Args:
        profile: the ICC profile, or None.
        mode: the mode of the images that the profile is meant for: `color_mode`.
        back: returns the inverse conversion instead.

    Returns:
        The conversion, or None if there is nothing to convert: the profile cannot be used,
        or it changes no color visibly.
    """
    srgb = ImageCms.createProfile("sRGB")
    opened = _opened(profile or b"")
    if opened is None:
        return None
    ends = [(opened, mode), (srgb, "RGB")]
    if back:
        ends.reverse()
    (source, source_mode), (target, target_mode) = ends
    try:
        transform = ImageCms.buildTransform(
            source,
            target,
            source_mode,
            target_mode,
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
        grid = _color_grid(source_mode)
        converted = np.asarray(transform.apply(grid), np.int32)
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None  # a profile without the tables or the matrix that are needed
    if mode == "CMYK":
        return transform
    same = grid if grid.mode == "RGB" else grid.convert("RGB")
    same = np.asarray(same, np.int32)
    converted = np.broadcast_to(converted.reshape(*same.shape[:2], -1), same.shape)
    change = np.abs(converted - same).max()
    return transform if change > MAX_INVISIBLE_CHANGE else None


def _color_grid(mode: str) -> Image.Image:
    """Returns an image of evenly spaced colors of a mode, or of all grays."""
    if mode == "L":
        return Image.fromarray(GRAYS)
    channels = len(mode)
    steps = np.linspace(0, 255, GRID_LEVELS).round().astype(np.uint8)
    grid = np.stack(np.meshgrid(*[steps] * channels, indexing="ij"), axis=-1)
    return Image.fromarray(np.ascontiguousarray(grid.reshape(1, -1, channels)), mode)


def _converted_gray(
    image: Image.Image, profile: bytes | None, mode: str, back: bool
) -> Image.Image:
    """Converts a gray image by a profile of gray or RGB images, to sRGB or `back`."""
    # Grays stay gray under an RGB profile, too, so a table of 256 values converts them.
    transform = _transform(profile, mode, back=back)
    if transform is None:
        return image
    grays = Image.fromarray(GRAYS)
    grays = grays.convert("RGB") if back or mode == "RGB" else grays
    return image.point(np.asarray(transform.apply(grays).convert("L"))[0].tolist())
