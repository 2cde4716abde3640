"""Features: named functions from images to vectors, on which scores are computed.

A score means little without its features, so its name ends with theirs, and the name of
fitted features has a hash of the fitted arrays.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from ganjax.errors import UsageError
from ganjax.evaluation.distances import all_finite, as_float64
from ganjax.store.hashing import sha256


class Features(NamedTuple):
    """A named function from images to vectors.

    Use it through `extract_features`, which checks the images.
    """

    name: str
    """Part of the name of each score, as in "frechet/pixels"."""

    apply: Callable[[np.ndarray], np.ndarray]
    """Images [n, h, w, c] in [-1, 1], or points [n, d], to vectors [n, f], in float32."""

    classify: Callable[[np.ndarray], np.ndarray] | None = None
    """Vectors [n, f] to probabilities of classes [n, c], where the features are those of a
    classifier; the Inception score is computed from these."""


def extract_features(
    features: Features, images: np.ndarray
) -> Float[np.ndarray, "n f"]:
    """Applies `features` to images.

    Raises:
        UsageError: the images are integers, or not finite.
    """
    images = np.asarray(images)
    if not np.issubdtype(images.dtype, np.floating):
        raise UsageError(f"Images must be floats in [-1, 1], not {images.dtype}.")
    if not all_finite(images):
        raise UsageError(f"Images for {features.name} contain NaN or infinity.")
    return features.apply(images)


def points() -> Features:
    """Returns features that are the points themselves, flattened, in their own units."""
    return Features("points", lambda rows: _flatten(rows).astype(np.float32))


def pixels() -> Features:
    """Returns features that are all pixels, scaled from [-1, 1] to [0, 1]."""
    return Features("pixels", _unit_pixels)


def pca(images: np.ndarray, components: int) -> Features:
    """Returns features that are whitened principal components, fitted to real images.

    Whitening divides each component by its standard deviation over `images`; without it the
    first few would dominate, as they do in `pixels`. The name has the number of components
    and a hash of the fitted arrays.

    Args:
        images: real images [n, h, w, c] in [-1, 1] to fit on.
        components: how many principal components to take, the largest first.

    Raises:
        UsageError: the images vary in fewer directions.
    """
    rows = as_float64(_unit_pixels(images), "real")
    mean = rows.mean(0)
    values, axes = _principal_components(rows - mean, components)
    # Whitening would divide by rounding errors.
    if values[-1] <= 1e-10 * values[0]:
        raise UsageError(
            f"The images do not vary in {components} directions: take fewer."
        )
    whitening = (axes / np.sqrt(values)).astype(np.float32)
    # The fit is in float64; the arrays are stored and hashed in float32.
    mean = mean.astype(np.float32)
    name = f"pca-{components}-{fingerprint(mean, whitening)}"
    return Features(name, lambda images: (_unit_pixels(images) - mean) @ whitening)


def fingerprint(*arrays: np.ndarray) -> str:
    """Returns eight hex digits of the SHA-256 of arrays, with dtypes and shapes."""
    parts = []
    for array in arrays:
        parts += [f"{array.dtype}{array.shape}", array.tobytes()]
    return sha256(parts)[:8]


def _principal_components(
    rows: Float[np.ndarray, "n f"], components: int
) -> tuple[Float[np.ndarray, " c"], Float[np.ndarray, "f c"]]:
    """Returns the largest variances in descending order and their directions.

    The sign of a direction is chosen so that its largest entry is positive: the sign that
    `eigh` returns is arbitrary, and the fingerprint must be the same on every machine.
    """
    if not 1 <= components <= min(len(rows) - 1, rows.shape[1]):
        raise UsageError(
            f"{len(rows)} images of {rows.shape[1]} values do not have {components} "
            "principal components: take fewer."
        )
    if len(rows) < rows.shape[1]:
        # The smaller Gram matrix has the same nonzero eigenvalues as the scatter matrix.
        values, coefficients = np.linalg.eigh(rows @ rows.T)
        values = values[::-1][:components]
        axes = rows.T @ coefficients[:, ::-1][:, :components]
        axes /= np.maximum(np.linalg.norm(axes, axis=0), np.finfo(float).tiny)
    else:
        values, axes = np.linalg.eigh(rows.T @ rows)
        values = values[::-1][:components]
        axes = axes[:, ::-1][:, :components]
    # The largest entry in magnitude: that of another may be a rounding error.
    largest = np.take_along_axis(axes, np.abs(axes).argmax(0)[None], 0)
    return values / (len(rows) - 1), axes * np.sign(largest)


def _flatten(images: np.ndarray) -> np.ndarray:
    return np.asarray(images).reshape(len(images), -1)


def _unit_pixels(images: np.ndarray) -> np.ndarray:
    unit = _flatten(images).astype(
        np.float32
    )  # a copy, so that it can be changed in place
    unit += 1
    unit /= 2
    return unit
