"""Mixtures of Gaussians in the plane, whose modes can be counted."""

import numpy as np
from jaxtyping import Float

from ganjax.data import digest
from ganjax.data.source import Found, Source, Spec
from ganjax.errors import Mistake, NoSplit
from ganjax.gan import Batch


RING_SD = 0.05
GRID_SD = 0.0125
SPLITS = {"train": (0, 100_000), "test": (1, 10_000)}  # seed and number of points


def ring_centres() -> Float[np.ndarray, "8 2"]:
    """The ring's eight modes, on the unit circle (Metz et al., 2017, use radius 2)."""
    angle = 2 * np.pi * np.arange(8) / 8
    return np.stack([np.cos(angle), np.sin(angle)], -1).astype(np.float32)


def grid_centres() -> Float[np.ndarray, "25 2"]:
    """The 25 modes of the grid, from -1 to 1, with half a unit between neighbours.

    Lin et al. (2018, PacGAN) span -4..4 with a standard deviation of 0.05; here all
    of it is divided by four.
    """
    line = np.linspace(-1, 1, 5)
    return np.stack(np.meshgrid(line, line), -1).reshape(-1, 2).astype(np.float32)


def ring(spec: Spec) -> Source:
    """Points of `ring_centres` with standard deviation 0.05; the label is the mode."""
    return _mixture(spec, ring_centres(), RING_SD)


def grid(spec: Spec) -> Source:
    """Points of `grid_centres` with standard deviation 0.0125; the label is the mode"""
    return _mixture(spec, grid_centres(), GRID_SD)


def _mixture(spec: Spec, centres: np.ndarray, sd: float) -> Source:
    if spec.size or spec.channels:
        raise Mistake(
            f"{spec.where} is points in the plane and has no pixels: leave --size and "
            "--channels away."
        )
    if spec.split not in SPLITS:
        raise NoSplit(
            f"{spec.where} has no split {spec.split!r}: its splits are train and test."
        )
    seed, count = SPLITS[spec.split]
    rng = np.random.default_rng(seed)
    label = rng.integers(len(centres), size=count, dtype=np.int32)
    noise = rng.standard_normal((count, 2), np.float32)
    point = centres[label] + np.float32(sd) * noise

    def read(rows: np.ndarray) -> Batch:
        return Batch(point[rows], label[rows])

    names = tuple(str(mode) for mode in range(len(centres)))
    fresh = Found(SPLITS["test"][1], "test") if spec.split == "train" else Found()
    return Source(
        spec=spec,
        length=count,
        shape=(2,),
        dtype=np.dtype(np.float32),
        classes=names,
        read=read,
        found=fresh,
        inventory=lambda: {"point": digest.array(point), "label": digest.array(label)},
    )
