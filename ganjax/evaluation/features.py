"""Named ways to see images as vectors; a score is worth what its features are."""

import hashlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from ganjax.errors import Mistake
from ganjax.evaluation.distances import finite, vectors


class Features(NamedTuple):
    """A named way to see images as vectors; every score on it carries the name.

    `apply` takes images [n, h, w, c] in -1..1, or points [n, d], and gives [n, f].
    """

    name: str
    apply: Callable[[np.ndarray], np.ndarray]  # float32 -> float32


def see(features: Features, images: np.ndarray) -> Float[np.ndarray, "n f"]:
    """`features.apply`, or `Mistake` if the images are still bytes or not finite."""
    images = np.asarray(images)
    if not np.issubdtype(images.dtype, np.floating):
        raise Mistake(f"Images must be floats in -1..1, not {images.dtype}: decode.")
    if not finite(images):
        raise Mistake(f"Images for {features.name} contain NaN or infinity.")
    return features.apply(images)


def points() -> Features:
    """Points, or vectors of any kind, as they are and in their own units."""
    return Features("points", lambda rows: _flat(rows).astype(np.float32))


def pixels() -> Features:
    """All pixels in a row, in units of full scale: 0 is black and 1 is white."""
    return Features("pixels", _unit)


def pca(images: np.ndarray, components: int) -> Features:
    """The `components` principal directions of real `images`, each whitened.

    Units are standard deviations of those images, so that directions weigh alike; on
    plain projections the first few would outweigh all others, as in `pixels`. The
    name carries the number of components and a hash of the fitted arrays. `Mistake`
    if the images span fewer directions.
    """
    rows = vectors(_unit(images), "real")
    mean = rows.mean(0)
    values, axes = _principal(rows - mean, components)
    if values[-1] <= 1e-10 * values[0]:
        raise Mistake(f"The images do not vary in {components} directions: take fewer.")
    whiten = (axes / np.sqrt(values)).astype(np.float32)
    mean = mean.astype(np.float32)
    name = f"pca-{components}-{fingerprint(mean, whiten)}"
    return Features(name, lambda images: (_unit(images) - mean) @ whiten)


def fingerprint(*arrays: np.ndarray) -> str:
    """Eight hexadecimal digits of the SHA-256 of the arrays' bytes and shapes."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype}{array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()[:8]


def _principal(
    rows: Float[np.ndarray, "n f"], components: int
) -> tuple[Float[np.ndarray, " c"], Float[np.ndarray, "f c"]]:
    """Variances, greatest first, and unit directions whose largest part is above 0."""
    if not 1 <= components <= min(len(rows) - 1, rows.shape[1]):
        raise Mistake(f"{rows.shape} images have no {components} principal components.")
    if len(rows) < rows.shape[1]:
        values, shared = np.linalg.eigh(rows @ rows.T)
        values, shared = values[::-1][:components], shared[:, ::-1][:, :components]
        axes = rows.T @ shared
        axes /= np.maximum(np.linalg.norm(axes, axis=0), np.finfo(float).tiny)
    else:
        values, axes = np.linalg.eigh(rows.T @ rows)
        values, axes = values[::-1][:components], axes[:, ::-1][:, :components]
    largest = np.take_along_axis(axes, np.abs(axes).argmax(0)[None], 0)
    return values / (len(rows) - 1), axes * np.sign(largest)


def _flat(images: np.ndarray) -> np.ndarray:
    return np.asarray(images).reshape(len(images), -1)


def _unit(images: np.ndarray) -> np.ndarray:
    unit = _flat(images).astype(np.float32)  # a copy, which may change in place
    unit += 1
    unit /= 2
    return unit
