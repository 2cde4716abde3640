"""The modality of images: stored as bytes [h, w, c], and floats in -1..1 for networks.

Pairs of images (`core.Pair`) are of this modality, too: each is stored and decoded like a
single one. `grid` draws samples, and may be used on its own.
"""

import math
from pathlib import Path

import jax
import numpy as np
from jaxtyping import Float
from PIL import Image

from ganjax.core import Modality, PyTree, pixels, stored
from ganjax.data import load
from ganjax.data.describe import summarize_images
from ganjax.errors import UsageError
from ganjax.modalities.image_scores import evaluator
from ganjax.modalities.pictures import check_samples, save_arrays, save_png


PREVIEW = 64  # at most, the images in a picture of a run
MAX_COLUMNS = 12  # with up to so many classes each has a column
# Images in one picture: 256 x 256 of them, which `MAX_SIDE` leaves 16 pixels a side.
MAX_IN_PICTURE = 65_536
CHANNELS = (1, 3, 4)  # of images that can be drawn: gray, RGB, RGBA

# In pixels. Small images are enlarged until they are at least `MIN_CELL` high and wide and
# the grid is at least `MIN_WIDTH` wide, unless it would become wider than `MAX_WIDTH`.
MIN_CELL = 48
MIN_WIDTH = 400
MAX_WIDTH = 1000
MAX_SIDE = 4096  # pixels, the longest side of a grid
GAP = 2  # pixels between images
GAP_GRAY = 128  # visible next to black and to white images


def decode(x: PyTree) -> PyTree:
    """Returns stored images, one array or a `Pair`, as floats in -1..1."""
    return jax.tree.map(pixels, x)


def describe(shape: tuple[int, ...]) -> str:
    """Returns what an example of this shape is: "images of 8x8 pixels and 1 channel"."""
    if len(shape) != 3:
        return f"examples of shape {shape}"
    height, width, channels = shape
    count = f"{channels} channel{'s' * (channels != 1)}"
    return f"images of {height}x{width} pixels and {count}"


def remedy(generated: tuple[int, ...], real: tuple[int, ...]) -> str:
    """Returns what to change where G's images and the data differ in shape."""
    if len(generated) != 3 or len(real) != 3:
        return "change the data or the networks, so that both are alike"
    flags = []
    if generated[:2] != real[:2]:
        flags.append("--size")
    if generated[2] != real[2]:
        flags.append("--channels")
    return (
        f"change {' and '.join(flags)}, or what the networks are made for, so that both "
        "are alike"
    )


def preview(classes: int) -> int:
    """Returns how many images a picture of a run holds, `PREVIEW` at most.

    With up to `MAX_COLUMNS` classes there are as many of each class.
    """
    if 2 <= classes <= MAX_COLUMNS:
        return PREVIEW // classes * classes
    return PREVIEW


def render(
    samples: Float[np.ndarray, "..."],
    classes: int = 0,
    real: np.ndarray | None = None,
) -> Image.Image:
    """Draws images whose labels cycle through the classes, each column of one class.

    With few classes there are several columns of each, so that the grid is nearly square.
    With more than `MAX_COLUMNS` classes, or one, columns have no class.

    Args:
        samples: images [n, h, w, c] in -1..1.
        classes: number of classes.
        real: not used; modalities that show real examples behind the samples need it.
    """
    samples = np.asarray(samples)
    if not 2 <= classes <= MAX_COLUMNS or samples.ndim != 4 or not samples.size:
        return grid(samples)
    n, h, w, _ = samples.shape
    columns_of_each = round(math.sqrt(n * h / w) / classes)
    return grid(samples, classes * max(1, columns_of_each))


def grid(samples: Float[np.ndarray, "..."], columns: int | None = None) -> Image.Image:
    """Draws images in -1..1 as a grid, which is filled row by row.

    Sample i is in column `i % columns`, so labels that repeat 0 .. columns - 1 give one
    class per column. Small images are enlarged by an integer factor, so that their pixels
    stay sharp.

    Args:
        samples: images [n, h, w, c] of 1, 3 or 4 channels.
        columns: images in a row; by default the grid is nearly square.

    Raises:
        UsageError: if there are no images, if they have another shape, or if any number is
            NaN or infinite.
    """
    samples = np.asarray(samples)
    check_samples(samples)
    if samples.ndim != 4 or samples.shape[-1] not in CHANNELS:
        raise UsageError(
            f"Samples of shape {samples.shape} cannot be drawn: give images [n, h, w, c] "
            "with 1, 3 or 4 channels."
        )
    n, h, w, c = samples.shape
    # A square sheet: columns * w = rows * h, where rows = n / columns.
    if columns is None:
        columns = math.ceil(math.sqrt(n * h / w))
    if columns < 1:
        raise UsageError("A grid needs at least one column.")
    columns = min(columns, n)
    rows = math.ceil(n / columns)
    factor = _factor(h, w, columns)
    cells = stored(samples).repeat(factor, 1).repeat(factor, 2)
    # Gaps and the empty cells of the last row are gray, or transparent in RGBA images.
    gaps = ((0, rows * columns - n), (0, GAP), (0, GAP), (0, 0))
    cells = np.pad(cells, gaps, constant_values=0 if c == 4 else GAP_GRAY)
    # [rows, columns, h, w, c] to [rows, h, columns, w, c], in the order of the sheet's
    # pixels. The gap after the last row and column is cut off.
    cells = cells.reshape(rows, columns, *cells.shape[1:]).swapaxes(1, 2)
    sheet = cells.reshape(rows * cells.shape[1], -1, c)[:-GAP, :-GAP]
    image = Image.fromarray(np.ascontiguousarray(sheet[..., 0] if c == 1 else sheet))
    # A sheet that is too large is reduced by an integer factor; otherwise the factor is 1.
    return image.reduce(math.ceil(max(image.size) / MAX_SIDE))


def _factor(h: int, w: int, columns: int) -> int:
    """Returns the integer factor by which images are enlarged."""
    wanted = math.ceil(max(MIN_CELL / min(h, w), MIN_WIDTH / (columns * w)))
    largest = (MAX_WIDTH // columns - GAP) // w
    return max(1, min(wanted, largest))


def _save_grid(path: Path, samples: np.ndarray, labels: np.ndarray) -> None:
    save_png(grid(samples), path)


def _save_bytes(path: Path, samples: np.ndarray, labels: np.ndarray) -> None:
    save_arrays(path, stored(samples), labels, name="image")


IMAGES = Modality(
    name="images",
    load=load,
    decode=decode,
    summary=summarize_images,
    describe=describe,
    remedy=remedy,
    preview=preview,
    render=render,
    files={".png": _save_grid, ".npz": _save_bytes},
    max_samples={".png": MAX_IN_PICTURE},
    evaluator=evaluator,
)
