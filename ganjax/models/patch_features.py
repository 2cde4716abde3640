"""The features that CUT's loss PatchNCE compares (Park et al., 2020, section 3).

Feature maps of an image and of its translation are sampled at the same random locations,
which all images of a batch share, and a small network maps the features to unit vectors.
The loss PatchNCE (`regularizers.patch_nce`) makes those of the same location match.
"""

from collections.abc import Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from ganjax.models.patch import xavier


def sample_locations(
    key: Key[Array, ""], maps: Sequence[Float[Array, "b _h _w _c"]], n: int = 256
) -> list[Int[Array, " _n"]]:
    """Draws `n` different pixels of each feature map, or all pixels of smaller maps.

    Returns:
        Row-major indices of pixels, one array for each map.
    """
    locations = []
    for map_key, x in zip(jax.random.split(key, len(maps)), maps, strict=True):
        # A permutation, so that no pixel is drawn twice: a second copy of a location would
        # be a "negative" that equals the positive.
        pixels = x.shape[1] * x.shape[2]
        locations.append(jax.random.permutation(map_key, pixels)[:n])
    return locations


def gather_features(
    maps: Sequence[Float[Array, "b _h _w _c"]], locations: Sequence[Int[Array, " _n"]]
) -> list[Float[Array, "b _n _c"]]:
    """Returns the feature maps' values at the given locations."""
    flat = [x.reshape(len(x), -1, x.shape[-1]) for x in maps]
    return [x[:, indices] for x, indices in zip(flat, locations, strict=True)]


class PatchFeatures(nn.Module):
    """A two-layer MLP for each feature map, whose outputs [b, n, d] are unit vectors.

    It ignores classes and `train`.

    Attributes:
        features: units in both layers, and so the length of the vectors.
        kernel_init: initializer of both layers.
    """

    features: int = 256
    kernel_init: nn.initializers.Initializer = xavier()

    @nn.compact
    def __call__(
        self,
        features: Sequence[Float[Array, "b _n _c"]],
        label: Int[Array, " b"],
        *,
        train: bool,
    ) -> list[Float[Array, "b _n d"]]:
        def embed(x):
            # Every call makes layers of its own: one MLP for each feature map.
            x = nn.relu(nn.Dense(self.features, kernel_init=self.kernel_init)(x))
            return _unit(nn.Dense(self.features, kernel_init=self.kernel_init)(x))

        return [embed(x) for x in features]


def _unit(x: Float[Array, "b n d"]) -> Float[Array, "b n d"]:
    """Returns x / (|x| + 1e-7), whose gradient is finite at 0, too."""
    # The maximum keeps the root's derivative at 0 from being infinite.
    square = jnp.sum(x**2, axis=-1, keepdims=True)
    return x / (jnp.sqrt(jnp.maximum(square, 1e-14)) + 1e-7)
