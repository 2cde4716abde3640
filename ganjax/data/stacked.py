"""Three digits in one image, whose thousand combinations are modes to be counted."""

import numpy as np
from jaxtyping import Int

from ganjax.data import digest
from ganjax.data.arrays import digits
from ganjax.data.source import Found, Source, Spec, whole
from ganjax.errors import Mistake, NoSplit
from ganjax.gan import Batch


MODES = 1000
SPLITS = {"train": (0, 128_000), "test": (1, 25_600)}  # seed and number of images


def mode(digit: Int[np.ndarray, "*n 3"]) -> Int[np.ndarray, "*n"]:
    """The number, 0 to 999, that the digits of red, green and blue write."""
    return digit @ np.array([100, 10, 1])


def stacked_digits(spec: Spec) -> Source:
    """StackedMNIST's protocol (Metz et al., 2017) on the digits of 8x8 pixels.

    Row r is three digits of the same split, drawn independently of each other, as the
    red, green and blue of one image; the label is their `mode`. As the digits are not
    equally frequent, neither are the modes.
    """
    if spec.channels not in (0, 3):
        raise Mistake(
            "stacked_digits has a digit in each of 3 channels: leave --channels away."
        )
    if spec.split not in SPLITS:
        raise NoSplit(
            f"stacked_digits has no split {spec.split!r}: its splits are train and test."
        )
    single = whole(digits(spec._replace(where="digits", channels=1)))
    plane = single.image[..., 0]
    seed, count = SPLITS[spec.split]
    chosen = np.random.default_rng(seed).integers(len(plane), size=(count, 3))
    label = mode(single.label[chosen]).astype(np.int32)

    def read(rows: np.ndarray) -> Batch:
        return Batch(np.moveaxis(plane[chosen[rows]], 1, -1), label[rows])

    names = tuple(f"{number:03}" for number in range(MODES))
    shape = (*plane.shape[1:], 3)
    test = Found(SPLITS["test"][1], "test") if spec.split == "train" else Found()
    return Source(
        spec=spec,
        length=count,
        shape=shape,
        dtype=np.dtype(np.uint8),
        classes=names,
        read=read,
        found=test,
        inventory=lambda: {
            "plane": digest.array(plane),
            "chosen": digest.array(chosen),
        },
    )
