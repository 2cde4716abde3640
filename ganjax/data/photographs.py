"""Crops of a few photographs in colour that come with scikit-image and scikit-learn."""

from typing import Any

import numpy as np
from jaxtyping import UInt8

from ganjax.data.arrays import held
from ganjax.data.source import Found, Source, Spec
from ganjax.errors import Mistake, NoSplit


SIDE, STRIDE = 64, 32  # pixels; the crops of a photograph overlap by half and more
SPLITS = {
    "train": ("astronaut", "coffee", "rocket", "motorcycle", "flower"),
    "test": ("chelsea", "china"),
}


def photographs(spec: Spec) -> Source:
    """Every crop of `spec.size` pixels a side, 64 by default, at either of two scales.

    Splits share no photograph: 'train' has five of them, 'test' two others. Smaller
    crops leave gaps between them.
    """
    if spec.split not in SPLITS:
        raise NoSplit(
            f"photographs has no split {spec.split!r}: its splits are train and test."
        )
    side = spec.size or SIDE
    crops = [_crops(photo, side) for photo in _photos(spec.split)]
    image = np.concatenate(crops)
    found = Found()
    if spec.split == "train":
        test = sum(_count(photo, side) for photo in _photos("test"))
        found = Found(test, "test" if test else "")
    return held(spec, image, np.zeros(len(image), np.int32), (), found)


def _photos(split: str) -> list[np.ndarray]:
    """The photographs of a split, followed by all of them at half the size."""
    wholes = [_stored(name) for name in SPLITS[split]]
    return wholes + [_half(photo) for photo in wholes]


def _stored(name: str) -> UInt8[np.ndarray, "h w 3"]:
    if name in ("flower", "china"):
        from sklearn.datasets import load_sample_image

        return load_sample_image(f"{name}.jpg")
    try:
        from skimage import data
    except ImportError as error:
        raise Mistake(
            "photographs come with scikit-image: pip install -e '.[photographs]'."
        ) from error
    shelf: Any = data
    return (
        shelf.stereo_motorcycle()[0] if name == "motorcycle" else getattr(shelf, name)()
    )


def _half(photo: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "H W 3"]:
    h, w = (length // 2 for length in photo.shape[:2])
    blocks = photo[: 2 * h, : 2 * w].reshape(h, 2, w, 2, 3)
    return np.rint(blocks.mean((1, 3))).astype(np.uint8)


def _crops(
    photo: UInt8[np.ndarray, "h w 3"], side: int
) -> UInt8[np.ndarray, "n s s 3"]:
    places = _places(photo, side)
    found = [photo[y : y + side, x : x + side] for y in places[0] for x in places[1]]
    return np.array(found, np.uint8).reshape(-1, side, side, 3)


def _places(photo: np.ndarray, side: int) -> list[range]:
    return [range(0, x - side + 1, STRIDE) for x in photo.shape[:2]]


def _count(photo: np.ndarray, side: int) -> int:
    rows, columns = _places(photo, side)
    return len(rows) * len(columns)
