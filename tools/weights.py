"""Weights and inputs that a released program and ganjax each make for themselves."""

from collections.abc import Callable, Iterator, Mapping
from math import prod
from zlib import crc32

import numpy as np


NEAR_ONE = (
    *(".0.gain", "bn1.weight", "bn2.weight", "bn4.weight", "_var", "_ema"),
    *(f".{place}.weight" for place in (1, 2, 3, 7)),  # in a sequence
    *("model.4.weight", "model.6.weight"),
    *(".bn.weight", "norm1.weight", "norm2.weight", "norm.weight", "norm_pre.weight"),
)
Shape = tuple[int, ...]
# Height, width and channels of images: tiny, odd, of the sizes that feature networks have,
# gray, RGBA and huge.
MIXED_SIZES = (
    *((1, 1, 3), (2, 3, 3), (7, 5, 1), (32, 32, 3), (33, 47, 4), (64, 64, 1)),
    *((128, 96, 3), (224, 224, 3), (299, 299, 3), (300, 298, 4), (512, 512, 3)),
    *((1500, 2000, 3), (2000, 1500, 1)),
)


def unit(shape: Shape) -> float:
    """Of layers that divide by the root of their fan-in themselves."""
    return 1.0


def by_fan_in(shape: Shape) -> float:
    """Of layers that keep the size of what goes in if their weights are so large."""
    return 1 / np.sqrt(prod(shape[1:])) if len(shape) > 1 else 0.3


def he(shape: Shape) -> float:
    """Of layers with a ReLU after them, which lets half of the signal through."""
    return np.sqrt(2 / prod(shape[1:])) if len(shape) > 1 else 0.1


def drawn(name: str, shape: Shape) -> np.ndarray:
    """N(0, 1) in float32, set by the name alone."""
    rng = np.random.default_rng(crc32(name.encode()))
    return rng.normal(size=shape).astype(np.float32)


def fill(
    shapes: Mapping[str, Shape],
    size: Callable[[Shape], float] = unit,
    variance: float = 1.0,
) -> dict[str, np.ndarray]:
    """A tensor for each name, of deviation `size(shape)`; gains near 1.

    So are variances, but for that factor: a signal fades in norms that think it large.
    """

    def one(name, shape):
        if name.endswith(NEAR_ONE) and len(shape) < 2:
            near = 1 + np.tanh(drawn(name, shape)) / 4
            return np.float32(variance) * near if name.endswith("_var") else near
        return np.asarray(np.float32(size(shape)) * drawn(name, shape))

    return {name: one(name, shape) for name, shape in shapes.items()}


def images(step: int, n: int, size: int) -> np.ndarray:
    """The real images of a step, [n, size, size, 3] in -1..1."""
    return np.tanh(drawn(f"real {step}", (n, size, size, 3)))


def mixed_images(count: int, seed: int = 0) -> Iterator[np.ndarray]:
    """Yields uint8 images [h, w, c] of mixed sizes: noise, by pixels or by patches."""
    rng = np.random.default_rng(seed)
    for i in range(count):
        height, width, channels = MIXED_SIZES[i % len(MIXED_SIZES)]
        side = int(rng.integers(1, max(2, min(height, width) // 4)))
        patches = (-(-height // side), -(-width // side), channels)
        colors = rng.integers(0, 256, patches, dtype=np.uint8)
        yield colors.repeat(side, 0).repeat(side, 1)[:height, :width]
