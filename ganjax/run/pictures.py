"""Samples as pictures: grids of images, scatter plots of points, animations of them."""

import io
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from jaxtyping import Float
from PIL import Image, ImageDraw, ImageFont

from ganjax.errors import Mistake
from ganjax.gan import stored


ANIMATION = "animation.webp"  # its name in a run folder

CELL = 48  # pixels, the least side of one enlarged image
NARROW, WIDE = 400, 1000  # pixels, what enlarging makes of a grid's width
LARGEST = 4096  # pixels, the longest side of a grid
GAP = 2  # pixels between images
GREY = 128  # of the gaps: visible beside black and white images alike

PLOT = 480  # pixels, the side of a scatter plot
FINER = 4  # plots are drawn this much larger and shrunk, which smooths their edges
PAPER, FRAME, PALE = (255, 255, 255), (226, 228, 233), (198, 203, 212, 255)
INK = (36, 88, 190, 150)

FRAMES = 60  # in an animation
SIDE = 640  # pixels, the longest side of an animation
BYTES = 2_500_000  # of an animation
HOLD = 8  # times as long as the others the last frame is shown

Item = TypeVar("Item")


def picture(
    samples: Float[np.ndarray, "..."],
    *,
    columns: int | None = None,
    behind: Float[np.ndarray, "m 2"] | None = None,
    window: float = 1.5,
) -> Image.Image:
    """Images [n, h, w, c] in -1..1 as a grid, or points [n, 2] as a scatter plot.

    A grid is filled row by row: sample i is in column `i % columns`, so labels that
    repeat 0 .. columns - 1 give one class per column. Without `columns` it is nearly
    square. Small images are enlarged by a whole factor. A plot shows -window..window
    on both axes, with the points `behind` drawn pale. `Mistake` on anything else.
    """
    samples = np.asarray(samples)
    if samples.size == 0:
        raise Mistake("There are no samples to draw: ask for at least one.")
    if not np.isfinite(samples.astype(np.float32)).all():
        raise Mistake("Samples hold NaN or infinity: the generator has diverged.")
    if samples.ndim == 4 and samples.shape[-1] in (1, 3, 4):
        return _grid(samples, columns)
    if samples.ndim == 2 and samples.shape[-1] == 2:
        return _scatter(samples, behind, window)
    raise Mistake(
        f"Samples of shape {samples.shape} cannot be drawn: give images [n, h, w, c] "
        "with 1, 3 or 4 channels, or points [n, 2]."
    )


def members(images: Sequence[Image.Image]) -> Image.Image:
    """A population's pictures in one, each under its caption "seed 0", "seed 1", ..."""
    if not images:
        raise Mistake("There are no pictures to join: give one for each seed.")
    width, height = (max(image.size[axis] for image in images) for axis in (0, 1))
    letters = max(16, width // 24)
    margin, caption = letters, 2 * letters
    font = ImageFont.load_default(letters)
    columns = math.ceil(math.sqrt(len(images) * height / width))
    columns = min(len(images), columns)
    rows = math.ceil(len(images) / columns)
    size = (columns * (width + margin) + margin, rows * (height + caption) + margin)
    page = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(page)
    for seed, image in enumerate(images):
        x = margin + seed % columns * (width + margin)
        y = seed // columns * (height + caption)
        draw.text((x, y + letters // 2), f"seed {seed}", fill=(70, 75, 85), font=font)
        image = image.convert("RGBA")
        page.paste(image, (x, y + caption), image)
    return page


def save_png(image: Image.Image, path: Path) -> None:
    """Writes the picture whole or not at all, creating the folders above it."""
    data = io.BytesIO()
    image.save(data, "PNG", optimize=True)
    write_whole(path, data.getvalue())


def write_whole(path: Path, data: bytes) -> None:
    """Puts a file in place in one move, so that nobody ever reads half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        draft.write_bytes(data)
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def animate(paths: Sequence[Path], path: Path, seconds_per_frame: float = 0.15) -> None:
    """Writes the pictures, in their order, as an endless animated WebP of bounded size.

    At most 60 of them, evenly picked with the first and the last, brought to the size
    of the last, which is shown longer. The same input gives the same bytes.
    """
    if not paths:
        raise Mistake("There are no pictures to animate: save samples first.")
    if not 0 < seconds_per_frame < math.inf:
        raise Mistake("An animation's seconds_per_frame must be above 0.")
    frames = _frames(evenly(paths, FRAMES))
    milliseconds = max(1, round(1000 * seconds_per_frame))
    durations = [milliseconds] * (len(frames) - 1) + [HOLD * milliseconds]
    side = min(SIDE, max(frames[0].size))
    data = _webp(frames, side, durations)
    while len(data) > BYTES and side > 32:
        side = int(side * min(0.9, math.sqrt(BYTES / len(data))))
        data = _webp(frames, side, durations)
    write_whole(path, data)


def is_whole(path: Path) -> bool:
    """Whether a file is a picture that can be shown."""
    try:
        with Image.open(path) as image:
            image.load()
    except Exception:  # Pillow's decoders raise almost anything on a broken file
        return False
    return True


def evenly(items: Sequence[Item], count: int) -> list[Item]:
    """At most `count` of the items, evenly picked, with the first and the last."""
    if len(items) <= count:
        return list(items)
    picks = np.linspace(0, len(items) - 1, count).round().astype(int)
    return [items[i] for i in picks]


def shrink(image: Image.Image, side: int) -> Image.Image:
    """The picture with its longer side at most `side` pixels; small ones unchanged."""
    scale = side / max(image.size)
    if scale >= 1:
        return image
    width, height = (max(1, round(length * scale)) for length in image.size)
    return image.resize((width, height), Image.Resampling.LANCZOS)


def _grid(samples: Float[np.ndarray, "n h w c"], columns: int | None) -> Image.Image:
    n, h, w, c = samples.shape
    if columns is None:
        columns = math.ceil(math.sqrt(n * h / w))
    if columns < 1:
        raise Mistake("A grid needs at least one column.")
    columns = min(columns, n)
    rows = math.ceil(n / columns)
    factor = _factor(h, w, columns)
    cells = stored(samples).repeat(factor, 1).repeat(factor, 2)
    gaps = ((0, rows * columns - n), (0, GAP), (0, GAP), (0, 0))
    cells = np.pad(cells, gaps, constant_values=0 if c == 4 else GREY)
    cells = cells.reshape(rows, columns, *cells.shape[1:]).swapaxes(1, 2)
    sheet = cells.reshape(rows * cells.shape[1], -1, c)[:-GAP, :-GAP]
    image = Image.fromarray(np.ascontiguousarray(sheet[..., 0] if c == 1 else sheet))
    return image.reduce(math.ceil(max(image.size) / LARGEST))


def _factor(h: int, w: int, columns: int) -> int:
    wish = math.ceil(max(CELL / min(h, w), NARROW / (columns * w)))
    room = (WIDE // columns - GAP) // w
    return max(1, min(wish, room))


def _scatter(
    points: Float[np.ndarray, "n 2"],
    behind: Float[np.ndarray, "m 2"] | None,
    window: float,
) -> Image.Image:
    if not 0 < window < math.inf:
        raise Mistake("A scatter plot's window must be above 0.")
    side = PLOT * FINER
    page = Image.new("RGB", (side, side), PAPER)
    draw = ImageDraw.Draw(page, "RGBA")
    draw.line((0, side / 2, side, side / 2), fill=FRAME, width=FINER)
    draw.line((side / 2, 0, side / 2, side), fill=FRAME, width=FINER)
    if behind is not None:
        _dots(draw, behind, window, PALE)
    _dots(draw, points, window, INK)
    draw.rectangle((0, 0, side - 1, side - 1), outline=FRAME, width=FINER)
    return page.reduce(FINER)


def _dots(
    draw: ImageDraw.ImageDraw,
    points: Float[np.ndarray, "n 2"],
    window: float,
    colour: tuple[int, ...],
) -> None:
    side = PLOT * FINER
    near = points[(np.abs(points) <= 2 * window).all(1)]
    for x, y in near.astype(np.float64) / window:
        centre = ((1 + x) / 2 * side, (1 - y) / 2 * side)
        draw.circle(centre, radius=2.2 * FINER, fill=colour)


def _frames(paths: Sequence[Path]) -> list[Image.Image]:
    last = _read(paths[-1])
    mode = "RGBA" if last.has_transparency_data else "RGB"
    target = shrink(last, SIDE).size
    frames = (_read(path).convert(mode) for path in paths)
    return [frame if frame.size == target else frame.resize(target) for frame in frames]


def _read(path: Path) -> Image.Image:
    try:
        with Image.open(path) as image:
            image.load()
            return image
    except OSError as error:
        raise Mistake(f"{path} is no picture: take it out of the folder.") from error


def _webp(frames: Sequence[Image.Image], side: int, durations: list[int]) -> bytes:
    data = io.BytesIO()
    first, *rest = (shrink(frame, side) for frame in frames)
    first.save(
        data,
        "WEBP",
        save_all=True,
        append_images=rest,
        duration=durations,
        loop=0,
        quality=80,
        method=3,
    )
    return data.getvalue()
