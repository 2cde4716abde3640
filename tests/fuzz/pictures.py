"""Single images in every format and mode: decoded, translated, completed, as masks."""

import io
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ganjax import cli
from ganjax.data import Spec, image_files
from tests.fuzz import pool, reading, ready
from tests.fuzz.harness import Outcome, Situation, need, refused, worked
from tests.fuzz.identity import GRAY
from tests.fuzz.pool import chance, chosen
from tests.fuzz.reading import Wanted


DEEP = {"tif": ("I", "F"), "tiff": ("F", "LAB")}  # what no 8 bits can be made of
PROFILED = ("png", "jpg", "jpeg", "webp", "tif", "tiff", "avif")


@dataclass
class Picture:
    """A file, and what it was made with."""

    data: bytes
    end: str
    doubtful: str = ""  # why a sentence is as right as what is read
    profile: str = ""


def picture(rng: np.random.Generator, size: tuple[int, int] | None = None) -> Picture:
    """A file in any format and mode, with all that such files carry."""
    formats = {**pool.FORMATS, **pool.RARE} if chance(rng, 0.2) else pool.FORMATS
    formats = DEEP if chance(rng, 0.04) else formats
    end = chosen(rng, formats)
    mode = chosen(rng, formats[end])
    size = size or tuple(int(x) for x in rng.integers(1, 33, 2))
    if end in ("ico", "icns"):
        size = (16, 16)
    made = Picture(b"", end)
    options: dict[str, Any] = {}
    if end in PROFILED and chance(rng, 0.3):
        made.profile = chosen(rng, pool.profiles())
        options["icc_profile"] = pool.profiles()[made.profile]
    if end in (*PROFILED, "apng") and chance(rng, 0.3):
        exif = Image.Exif()
        exif[0x0112] = int(chosen(rng, (1, 2, 3, 4, 5, 6, 7, 8, 0, 9, 77)))
        torn = end in ("png", "jpg", "jpeg", "webp") and chance(rng, 0.1)
        options["exif"] = b"Exif\0\0garbage" if torn else exif
    if end in ("gif", "webp", "tif", "tiff") and mode != "I;16B" and chance(rng, 0.2):
        more = [pool.art(rng, size, mode) for _ in range(int(rng.integers(1, 4)))]
        options |= {"save_all": True, "append_images": more}
    if end in ("png", "gif") and mode in ("P", "L", "RGB") and chance(rng, 0.25):
        whole = {"P": 3, "L": 128, "RGB": (1, 2, 3)}[mode]
        each = bytes(int(x) for x in rng.integers(0, 256, 16))
        options["transparency"] = each if mode == "P" and end == "png" else whole
    if end == "png" and mode == "P" and chance(rng, 0.3):
        options["bits"] = 4
    if end in ("tif", "tiff") and mode not in ("I;16B", "LAB") and chance(rng, 0.5):
        options["compression"] = chosen(
            rng, ("tiff_lzw", "tiff_deflate", "packbits", "tiff_adobe_deflate")
        )
    if end in ("jpg", "jpeg") and chance(rng, 0.3):
        options["progressive"] = True
    if end == "webp" and chance(rng, 0.5):
        options["lossless"] = True
    art = pool.art(rng, size, "RGB" if mode == "LAB" else mode)
    if mode == "LAB":
        art = Image.merge("LAB", art.split())
    try:
        made.data = pool.saved(art, end, **options)
    except (
        SyntaxError,
        RuntimeError,
        ValueError,
        TypeError,
    ):  # options that do not go together
        made.data, made.profile = pool.saved(art, end), ""
    if end in pool.RARE or mode == "LAB":
        made.doubtful = "a rare format"
    if chance(rng, 0.12):
        made.data = pool.damaged(rng, made.data)
    return made


# An image of a data set.


@dataclass
class Decoded:
    """What `decode` is given."""

    picture: Picture
    wanted: Wanted


def single(rng: np.random.Generator) -> Situation:
    """One image file, decoded as data sets are."""
    return Situation("image", _file, _decode, _decoded)


def _file(root: Path, rng: np.random.Generator) -> Decoded:
    size, channels = chosen(rng, (0, 0, 8, 33)), chosen(rng, (0, 0, 1, 3, 4))
    wanted = Wanted(size, channels, chance(rng, 0.6), chosen(rng, (255, 0, 99)))
    return Decoded(picture(rng), wanted)


def _decode(given: Decoded) -> tuple[tuple, np.ndarray]:
    spec = Spec("", **given.wanted._asdict())
    name, data = f"a.{given.picture.end}", given.picture.data
    told = image_files.output_shape(
        image_files.stored_shape(io.BytesIO(data), name), spec
    )
    return told, image_files.decode(data, name, spec)


def _decoded(given: Decoded, outcome: Outcome) -> None:
    expected = quietly(reading.pixels, given.picture.data, given.wanted)
    if expected is None:
        return refused(outcome, f"a.{given.picture.end}")
    if outcome.sentence and given.picture.doubtful:
        return None
    worked(outcome)
    told, pixels = outcome.value
    need(told == pixels.shape, f"the header told {told}, and {pixels.shape} was read")
    need(pixels.dtype == np.uint8, f"{pixels.dtype}")
    shapes = f"shape {pixels.shape} where {expected.shape} is right"
    need(pixels.shape == expected.shape, shapes)
    mode = quietly(reading.opened, given.picture.data).mode
    grays = mode in ("1", "L", "LA") or mode.startswith("I;16")
    if given.picture.profile and (grays or expected.shape[-1] == 1):
        return None  # a profile of colors on grays is applied or passed over
    _near(pixels, expected, 4 if given.picture.profile else 2)
    return None


def quietly(read: Any, *arguments: Any) -> Any:
    """What our own reading gives, or None where it fails, as Pillow does in many ways."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return read(*arguments)
        except Exception:
            return None


def _near(got: np.ndarray, right: np.ndarray, levels: int, where: Any = True) -> None:
    far = np.abs(got.astype(np.int32) - right.astype(np.int32))
    far = np.where(where, far, 0)
    need(far.max(initial=0) <= levels, f"{far.max()} levels from what is right")


# A person's own pictures, through a run that gives back what it is asked.


@dataclass
class Translated:
    """A command that translates, and what it reads and writes."""

    run: Path
    kind: str  # of run
    where: Path
    out: str
    files: dict[Path, tuple[Picture, Path]] = field(default_factory=dict)  # -> written
    tile: int = 1024
    bad: str = ""


def translated(rng: np.random.Generator) -> Situation:
    """`ganjax translate` on one image or a folder of them."""
    changes = ("made", "made.png", "out")
    return Situation("translate", _to_translate, _translate, _is_translated, changes)


def _to_translate(root: Path, rng: np.random.Generator) -> Translated:
    kind = chosen(rng, ("rgb", "rgb", "gray"))
    run = ready.copied(kind, root / "run")
    one, where = chance(rng, 0.7), root / "mine"
    given = Translated(
        run, kind, where, str(root / "made"), tile=chosen(rng, (8, 16, 1024))
    )
    where.mkdir()
    path = where
    names = [chosen(rng, ("a", "my photo", "[x]", "猫", "a.b", "100%", "-x", "é"))]
    if not one:
        names = [f"{names[0]}{i}" for i in range(int(rng.integers(1, 4)))]
        names[-1] = f"deep/{names[-1]}"
    for name in names:
        made = picture(rng)
        if made.end == "icns":  # of a million pixels
            given.tile = 1024
        end = made.end.upper() if chance(rng, 0.1) else made.end
        path = where / f"{name}.{end}"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(made.data)
        given.files[path] = made, Path(given.out) / f"{name}.png"
    if one:
        given.where = path
        if chance(rng, 0.4):
            given.out = str(root / chosen(rng, ("made.png", "out/made.png")))
            given.files[path] = made, Path(given.out)
        elif chance(rng, 0.1):
            given.out, given.bad = str(root / "made.jpg"), "another ending"
        elif chance(rng, 0.1):
            given.out, given.bad = str(root / "mine"), "written over what is read"
            given.bad = given.bad if path.suffix == ".png" else ""
            given.files[path] = made, path.with_suffix(".png")
            if not given.bad:
                given.out = str(root / "made")
                given.files[path] = made, root / "made" / f"{path.stem}.png"
    return given


def _translate(given: Translated) -> None:
    argv = ["translate", str(given.run), str(given.where), "--out", given.out]
    cli.main([*argv, "--tile", str(given.tile), "--trust"])


def _is_translated(given: Translated, outcome: Outcome) -> None:
    sources = {path: quietly(_source, made) for path, (made, _) in given.files.items()}
    if given.bad or any(source is None for source in sources.values()):
        return refused(outcome)
    if outcome.sentence and any(made.doubtful for made, _ in given.files.values()):
        return None
    worked(outcome)
    for path, (made, target) in given.files.items():
        if made.doubtful and not target.exists():
            need(
                path.suffix in outcome.err,
                f"{path} was passed over, and nothing is said",
            )
            continue
        need(target.is_file(), f"{target} was not written; {outcome.out!r}")
        _same_colors(
            sources[path], _source(Picture(target.read_bytes(), "png")), given, made
        )
    return None


def _source(made: Picture) -> Image.Image:
    """The image upright and as stored, checked to have 8 bits in sRGB, too."""
    image = reading.opened(made.data)
    reading.colors(image)
    return image


def _same_colors(
    source: Image.Image, got: Image.Image, given: Translated, made: Picture
) -> None:
    need(got.size == source.size, f"{got.size} of {source.size} pixels")
    right, found = (
        np.asarray(quietly(reading.colors, image).convert("RGBA"))
        for image in (source, got)
    )
    opaque = right[..., 3:] == 255
    need(np.array_equal(found[..., 3], right[..., 3]), "another alpha channel")
    if given.kind == "gray":
        grays = [Image.fromarray(x).convert("RGB").convert("L") for x in (right, found)]
        right, found = (np.asarray(x)[..., None] for x in grays)
    profiled = made.profile not in ("", "srgb")
    if profiled and (source.mode in ("1", "L", "LA") or source.mode.startswith("I;16")):
        return
    # Half a level of a linear profile is many of sRGB where it is dark.
    levels = 2 if not profiled else 16 if made.profile == "linear" else 5
    _near(found[..., :3], right[..., :3], levels, opaque)


# And completed, where all that is known must be as it was.


@dataclass
class Completed:
    """A command that completes, and what it reads."""

    run: Path
    photo: Path
    mask: Path
    out: Path
    made: Picture
    hidden: np.ndarray | None = None  # bool [h, w]; None where the mask is none


def completed(rng: np.random.Generator) -> Situation:
    """`ganjax complete` on a photograph and a mask."""
    return Situation("complete", _to_complete, _complete, _is_completed, ("made.png",))


def _to_complete(root: Path, rng: np.random.Generator) -> Completed:
    run = ready.copied("fill", root / "run")
    made = picture(rng)
    photo = root / f"photo.{made.end}"
    photo.write_bytes(made.data)
    upright = quietly(reading.opened, made.data)
    size = upright.size if upright is not None else (16, 16)
    if chance(rng, 0.08):
        size = (size[0] + 1, size[1])
    end, data = mask(rng, size)
    path = root / f"mask.{end}"
    path.write_bytes(data)
    hidden = quietly(_hidden, data)
    return Completed(run, photo, path, root / "made.png", made, hidden)


def mask(rng: np.random.Generator, size: tuple[int, int]) -> tuple[str, bytes]:
    """A mask as programs paint it, or one that hides all or nothing, or is none."""
    width, height = size
    x, y = rng.integers(0, width), rng.integers(0, height)
    drawn = np.zeros((height, width), np.uint8)
    drawn[y : y + 1 + height // 2, x : x + 1 + width // 2] = 255
    if chance(rng, 0.1):
        drawn[:] = chosen(rng, (0, 255))
    if chance(rng, 0.2):
        drawn = rng.integers(0, 256, drawn.shape).astype(np.uint8)
    image = Image.fromarray(drawn)
    mode = chosen(rng, ("L", "L", "1", "RGB", "RGBA", "LA", "P", "I;16", "layer"))
    if mode == "layer":  # white on a transparent layer
        white = np.full((height, width), 255, np.uint8)
        image = Image.merge("RGBA", [Image.fromarray(white)] * 3 + [image])
    elif mode == "I;16":
        image = Image.fromarray(drawn.astype(np.uint16) * 257)
    else:
        image = image.convert(mode)
    end = chosen(rng, ("png", "png", "tif", "bmp", "jpg", "webp"))
    if mode == "I;16" and end not in ("png", "tif"):
        end = "png"
    if mode in ("RGBA", "LA", "layer") and end in ("bmp", "jpg"):
        end = "png"
    if mode == "P" and end == "jpg":
        end = "png"
    options: dict[str, Any] = {}
    if chance(rng, 0.1) and end in ("png", "jpg"):
        exif = Image.Exif()
        exif[0x0112] = turn = int(rng.integers(2, 9))
        stored = {5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90}
        stored |= {7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_270}
        image = image.transpose(stored[turn]) if turn in stored else image
        options["exif"] = exif
    data = pool.saved(image, end, **options)
    return end, pool.damaged(rng, data) if chance(rng, 0.05) else data


def _hidden(data: bytes) -> np.ndarray:
    pixels = reading.pixels(data, Wanted(channels=1, background=0))
    return pixels[..., 0] > 127


def _complete(given: Completed) -> None:
    argv = ["complete", str(given.run), str(given.photo), "--mask", str(given.mask)]
    cli.main([*argv, "--out", str(given.out), "--trust"])


def _is_completed(given: Completed, outcome: Outcome) -> None:
    source = quietly(_source, given.made)
    hidden = given.hidden
    if source is None or hidden is None:
        return refused(outcome)
    if hidden.shape[::-1] != source.size or hidden.all() or not hidden.any():
        return refused(outcome, "mask")
    if outcome.sentence and given.made.doubtful:
        return None
    worked(outcome)
    got = _source(Picture(given.out.read_bytes(), "png"))
    need(got.size == source.size, f"{got.size} of {source.size} pixels")
    right, found = _raw(source), _raw(got)
    known = ~hidden
    need(np.array_equal(found[..., 3], right[..., 3]), "another alpha channel")
    exact = source.mode not in ("CMYK", "YCbCr", "LAB", "HSV")
    _near(found[known], right[known], 0 if exact else 3)
    if (
        given.made.profile not in ("", "srgb", "garbage", "cut", "empty", "lab")
        and exact
    ):
        kept = got.info.get("icc_profile") == source.info.get("icc_profile")
        # Of colors it does not fit grays, and one of grays takes its place.
        grays = source.mode in ("1", "L", "LA") or source.mode.startswith("I;16")
        kept = kept or (grays and "icc_profile" in got.info)
        need(
            kept, f"the profile {given.made.profile} is lost, the numbers are as before"
        )
    elif not given.made.profile and exact:
        gray = round((GRAY + 1) * 127.5)
        opaque = hidden & (right[..., 3] == right[..., 3].max())
        _near(
            found[..., :3] >> 8,
            np.full_like(found[..., :3], gray),
            2,
            opaque[..., None],
        )
    return None


def _raw(image: Image.Image) -> np.ndarray:
    """The numbers that an image stores, uint16 [h, w, 4], whatever its mode."""
    if image.mode.startswith("I;16"):
        gray = np.asarray(image).astype(np.uint16)
        full = np.full_like(gray, 65535)
        return np.stack([gray, gray, gray, full], axis=-1)
    return np.asarray(image.convert("RGBA")).astype(np.uint16) * 257
