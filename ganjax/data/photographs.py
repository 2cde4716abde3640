"""A built-in data set of crops of a few color photographs.

The photographs come with scikit-image and scikit-learn, so that translation, completion and
super-resolution can be tried on natural images without a download. They are far too few to
train a good generator on.
"""

from typing import Any

import numpy as np
from jaxtyping import UInt8

from ganjax.data.arrays import array_source
from ganjax.data.source import Source, Spec, report_held_out
from ganjax.data.splits import check_exists
from ganjax.errors import UsageError


# In pixels. Crops of the default size, and larger ones, overlap by at least a half.
DEFAULT_SIDE = 64
STRIDE = 32
SPLITS = {
    "train": ("astronaut", "coffee", "rocket", "motorcycle", "flower"),
    "test": ("chelsea", "china"),
}


def photographs(spec: Spec) -> Source:
    """Returns all crops of `spec.size` pixels a side, 64 by default, at two scales.

    Crops begin every 32 pixels, in each photograph and in the photograph at half its size.
    Splits share no photograph: 'train' has five of them, 'test' two others.

    Raises:
        NoSplit: the split is neither 'train' nor 'test'.
        UsageError: no photograph is as large as a crop, or scikit-image is missing.
    """
    check_exists(spec.split, SPLITS, "photographs")
    side = spec.size or DEFAULT_SIDE
    crops = [_crops(photo, side) for photo in _photos(spec.split)]
    image = np.concatenate(crops)
    # Only the number of held-out crops is needed, not the crops.
    held_out = sum(_crop_count(photo, side) for photo in _photos("test"))
    report = report_held_out(spec, held_out)
    return array_source(spec, image, np.zeros(len(image), np.int32), (), report)


def _photos(split: str) -> list[np.ndarray]:
    """Returns the photographs of a split, followed by all of them at half the size."""
    photos = [_stored(name) for name in SPLITS[split]]
    return photos + [_half_size(photo) for photo in photos]


def _stored(name: str) -> UInt8[np.ndarray, "h w 3"]:
    if name in ("flower", "china"):
        from sklearn.datasets import load_sample_image

        return load_sample_image(f"{name}.jpg")
    try:
        from skimage import data
    except ImportError as error:
        raise UsageError(
            "photographs come with scikit-image: pip install 'ganjax[photographs]'."
        ) from error
    images: Any = data
    if name == "motorcycle":
        return images.stereo_motorcycle()[0]  # the left view
    return getattr(images, name)()


def _half_size(photo: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "H W 3"]:
    """Returns the photograph at half its size, whose pixels are means of 2x2 pixels."""
    h, w = (length // 2 for length in photo.shape[:2])
    # A last odd row or column is dropped.
    blocks = photo[: 2 * h, : 2 * w].reshape(h, 2, w, 2, 3)
    return np.rint(blocks.mean((1, 3))).astype(np.uint8)


def _crops(
    photo: UInt8[np.ndarray, "h w 3"], side: int
) -> UInt8[np.ndarray, "n s s 3"]:
    rows, columns = _starts(photo, side)
    # A photograph smaller than a crop gives none; the reshape keeps the shape [0, s, s, 3].
    crops = [photo[y : y + side, x : x + side] for y in rows for x in columns]
    return np.array(crops, np.uint8).reshape(-1, side, side, 3)


def _starts(photo: np.ndarray, side: int) -> list[range]:
    """Returns the rows and the columns at which crops begin."""
    return [range(0, length - side + 1, STRIDE) for length in photo.shape[:2]]


def _crop_count(photo: np.ndarray, side: int) -> int:
    rows, columns = _starts(photo, side)
    return len(rows) * len(columns)
