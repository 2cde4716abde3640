"""What pictures of samples of any modality share: joining, saving and animating them.

How samples are drawn is up to the modality (`images.grid`, `points.scatter`).
"""

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ganjax.errors import UsageError
from ganjax.store import write


ANIMATION = "animation.webp"  # its name in a run folder

BACKGROUND = (255, 255, 255)
LINE = (226, 228, 233)  # of frames and axes

# Of an animation.
MAX_FRAMES = 60
MAX_SIDE = 640  # pixels of the longer side
MAX_BYTES = 2_500_000  # of its file
LAST_FRAME_FACTOR = 8  # the last frame is shown so many times as long as the others

Item = TypeVar("Item")


def check_samples(samples: np.ndarray) -> None:
    """Raises a `UsageError` where there are no samples, or any that is not finite."""
    if samples.size == 0:
        raise UsageError("There are no samples to draw: ask for at least one.")
    if not np.isfinite(samples.astype(np.float32)).all():
        raise UsageError("Samples hold NaN or infinity: the generator has diverged.")


def join_seeds(images: Sequence[Image.Image]) -> Image.Image:
    """Joins one picture for each seed, under captions "seed 0", "seed 1", ..."""
    if not images:
        raise UsageError("There are no pictures to join: give one for each seed.")
    width, height = (max(image.size[axis] for image in images) for axis in (0, 1))
    # The layout follows from the largest picture, in a grid that is nearly square.
    letters = max(16, width // 24)
    margin, caption = letters, 2 * letters
    font = ImageFont.load_default(letters)
    columns = math.ceil(math.sqrt(len(images) * height / width))
    columns = min(len(images), columns)
    rows = math.ceil(len(images) / columns)
    size = (columns * (width + margin) + margin, rows * (height + caption) + margin)
    page = Image.new("RGB", size, BACKGROUND)
    draw = ImageDraw.Draw(page)
    for seed, image in enumerate(images):
        x = margin + seed % columns * (width + margin)
        y = seed // columns * (height + caption)
        draw.text((x, y + letters // 2), f"seed {seed}", fill=(70, 75, 85), font=font)
        # The picture as its own mask lets the page show through where it is transparent.
        image = image.convert("RGBA")
        page.paste(image, (x, y + caption), image)
    return page


def save_png(image: Image.Image, path: Path) -> None:
    """Writes a picture atomically, and creates the folders above it."""
    # Encoded in memory, so that an error of the encoder leaves an older file as it was.
    data = io.BytesIO()
    image.save(data, "PNG", optimize=True)
    write(path, data.getvalue(), parents=True)


def save_arrays(
    path: Path, samples: np.ndarray, labels: np.ndarray, name: str = "x"
) -> None:
    """Writes a .npz atomically: the samples under `name`, their labels under "label"."""
    packed = io.BytesIO()
    np.savez_compressed(packed, allow_pickle=False, **{name: samples}, label=labels)
    write(path, packed.getvalue(), parents=True)


def animate(paths: Sequence[Path], path: Path, seconds_per_frame: float = 0.15) -> None:
    """Writes pictures, in their order, as an animated WebP of bounded size that loops.

    The same input gives the same bytes.

    Args:
        paths: the pictures. Of more than `MAX_FRAMES`, as many are picked at even
            distances, the first and the last included. All are resized to the size of the
            last, which is shown longer.
        path: the file to write.
        seconds_per_frame: how long each other frame is shown.

    Raises:
        UsageError: if there are no pictures, or a file is not a picture.
    """
    if not paths:
        raise UsageError("There are no pictures to animate: save samples first.")
    if not 0 < seconds_per_frame < math.inf:
        raise UsageError("An animation's seconds_per_frame must be above 0.")
    frames = _frames(pick_evenly(paths, MAX_FRAMES))
    milliseconds = max(1, round(1000 * seconds_per_frame))
    durations = [milliseconds] * (len(frames) - 1) + [LAST_FRAME_FACTOR * milliseconds]
    side = min(MAX_SIDE, max(frames[0].size))
    data = _webp(frames, side, durations)
    # A file's size is about proportional to the number of pixels, so the side is scaled by
    # the root. It falls by at least a tenth each time, so that the loop ends.
    while len(data) > MAX_BYTES and side > 32:
        side = int(side * min(0.9, math.sqrt(MAX_BYTES / len(data))))
        data = _webp(frames, side, durations)
    write(path, data, parents=True)


def is_readable(path: Path) -> bool:
    """Returns whether a file is a complete picture, by reading all of it."""
    try:
        with Image.open(path) as image:
            image.load()
    except Exception:  # Pillow's decoders raise almost anything on a broken file
        return False
    return True


def pick_evenly(items: Sequence[Item], count: int) -> list[Item]:
    """Returns at most `count` items at even distances, the first and the last included."""
    if len(items) <= count:
        return list(items)
    indices = np.linspace(0, len(items) - 1, count).round().astype(int)
    return [items[i] for i in indices]


def shrink(image: Image.Image, side: int) -> Image.Image:
    """Returns the picture, reduced to at most `side` pixels if its longer side has more."""
    scale = side / max(image.size)
    if scale >= 1:
        return image
    width, height = (max(1, round(length * scale)) for length in image.size)
    return image.resize((width, height), Image.Resampling.LANCZOS)


def _frames(paths: Sequence[Path]) -> list[Image.Image]:
    """Reads the pictures, in the mode of the last one and at the side of an animation."""
    last = _read(paths[-1])
    # One mode and size for all: those of the last picture, as settings may have changed.
    mode = "RGBA" if last.has_transparency_data else "RGB"
    target = shrink(last, MAX_SIDE).size
    frames = (_read(path).convert(mode) for path in paths)
    return [frame if frame.size == target else frame.resize(target) for frame in frames]


def _read(path: Path) -> Image.Image:
    try:
        with Image.open(path) as image:
            # Pillow reads lazily: without this it would read after the file is closed.
            image.load()
            return image
    except OSError as error:
        raise UsageError(
            f"{path} is not a picture: take it out of the folder."
        ) from error


def _webp(frames: Sequence[Image.Image], side: int, durations: list[int]) -> bytes:
    """Encodes frames as an animation; durations are in milliseconds."""
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
