"""Features of a network: images are preprocessed and normalized, and the network applied.

The feature networks of `ganjax.pretrained` are made by `feature_network`, and so are those
of one's own: any function of variables and images will do.
"""

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec as P
from jaxtyping import Array, Float

from ganjax.core import PyTree
from ganjax.errors import UsageError
from ganjax.evaluation.features import Features, fingerprint
from ganjax.evaluation.preprocessing import Normalization, Preprocessing, to_uint8
from ganjax.parallel import AXIS


BATCH = 64  # images that a network sees at once


def feature_network(
    name: str,
    apply: Callable[..., Array],
    variables: PyTree,
    preprocessing: Preprocessing,
    normalization: Normalization,
    classify: Callable[[np.ndarray], np.ndarray] | None = None,
    batch: int = BATCH,
) -> Features:
    """Returns the features of a network.

    Images are first rounded to uint8, as when they are written to files, which published
    programs read. The network is computed with the precision of float32 on every device; by
    default TPUs and some GPUs would round its factors to 8 or 10 bits.

    Args:
        name: name of the network. The features' name has also that of the preprocessing,
            and a hash of the variables, of the size of images and of the normalization.
        apply: the network, a function that can be compiled: (variables, images
            [b, size, size, 3] in float32, normalized) -> vectors [b, f].
        variables: any tree of arrays.
        preprocessing: how images are brought to the size that the network takes.
        normalization: what the network takes instead of 0..255.
        classify: see `Features`.
        batch: the number of images that the network sees at once.

    Raises:
        UsageError: when the features are applied, to what are not images.
    """
    # One number for each channel of images [b, h, w, 3].
    mean = np.array([[[normalization.mean]]], np.float32)
    deviation = np.array([[[normalization.deviation]]], np.float32)

    @jax.jit
    def network(variables, x):
        return apply(variables, (x - mean) / deviation)

    copies = on_devices(variables)

    def features(images: np.ndarray) -> Float[np.ndarray, "n f"]:
        images = np.asarray(images)
        if images.ndim != 4 or not len(images):
            raise UsageError(
                f"{name} sees images [n, h, w, c], not an array {list(images.shape)}."
            )
        prepare = lambda images: preprocessing.apply(to_uint8(images))
        return in_batches(prepare, partial(network, copies()), images, batch)

    leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(variables)]
    hashed = fingerprint(*leaves, np.array(preprocessing.size), mean, deviation)
    return Features(f"{name}-{preprocessing.name}-{hashed}", features, classify)


def on_devices(variables: PyTree) -> Callable[[], PyTree]:
    """Returns a function that returns the variables with a copy on each local device.

    The copies are made at the first call: large networks would else be sent at every batch.
    """

    @cache
    def placed(devices: tuple[Any, ...]) -> PyTree:
        mesh = Mesh(devices, (AXIS,))
        return jax.device_put(variables, NamedSharding(mesh, P()))

    return lambda: placed(tuple(jax.local_devices()))


def in_batches(
    prepare: Callable[[np.ndarray], np.ndarray],
    compute: Callable[[Any], Array],
    images: np.ndarray,
    batch: int = BATCH,
) -> Float[np.ndarray, "n f"]:
    """Applies a compiled function to images in batches, with the precision of float32.

    While a device computes a batch the next one is prepared. Several devices of a process
    divide a batch, each with `batch` images; several processes each have images of their
    own (`ganjax.evaluation.extraction`).

    Args:
        prepare: images [b, h, w, c] -> what `compute` takes, [b, ...] in float32.
        compute: compiled, [b, ...] -> vectors [b, f].
        images: images [n, h, w, c].
        batch: the number of images that a device computes at once.
    """
    found = []
    devices = jax.local_devices()
    batch *= len(devices)
    pending: list[tuple[Array, int]] = []
    for start in range(0, len(images), batch):
        x = prepare(images[start : start + batch])
        with jax.default_matmul_precision("float32"):
            vectors = compute(_divided(_padded(x, batch, len(devices)), devices))
        # No more than two are begun, since the device might be the slower.
        found += [_taken(*each) for each in pending]
        pending = [(vectors, len(x))]
    return np.concatenate([*found, *(_taken(*each) for each in pending)])


def to_rgb(images: Float[np.ndarray, "n h w c"]) -> Float[np.ndarray, "n h w 3"]:
    """Returns gray images as three equal channels, and RGB images unchanged."""
    return np.broadcast_to(images, (*images.shape[:-1], 3)).astype(np.float32)


def _padded(
    x: Float[np.ndarray, "n ..."], batch: int, devices: int
) -> Float[np.ndarray, "b ..."]:
    """Returns images followed by zeros, so that each device has a power of two, or `batch`.

    A function is compiled for each number of images, and this may take long.
    """
    each = -(-len(x) // devices)
    size = min(batch, devices * (1 << (each - 1).bit_length()))
    if size == len(x):
        return x
    return np.pad(x, [(0, size - len(x))] + [(0, 0)] * (x.ndim - 1))


def _divided(
    x: Float[np.ndarray, "b ..."], devices: list[Any]
) -> Float[np.ndarray, "b ..."] | Float[Array, "b ..."]:
    """Returns images divided over the devices, where there are several."""
    if len(devices) == 1:
        return x
    return jax.device_put(x, NamedSharding(Mesh(devices, (AXIS,)), P(AXIS)))


def _taken(vectors: Array, count: int) -> Float[np.ndarray, "n f"]:
    # A copy, since a slice would keep the vectors of the padding, too.
    return np.array(vectors[:count], np.float32)
