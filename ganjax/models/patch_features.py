"""What CUT compares of two images: features at the same places (Park et al., 2020).

The places of a map are drawn once and serve every image of a batch, the source and its
translation; what is found there is brought to a common space, where lengths are 1.
"""

from collections.abc import Callable, Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from ganjax.models.patch import xavier


def places(
    key: Key[Array, ""], maps: Sequence[Float[Array, "b _h _w _c"]], n: int = 256
) -> list[Int[Array, " _n"]]:
    """For each map n different pixels, counted row by row; all of one that has fewer."""
    keys = jax.random.split(key, len(maps))
    pixels = [x.shape[1] * x.shape[2] for x in maps]
    pairs = zip(keys, pixels, strict=True)
    return [jax.random.permutation(key, count)[:n] for key, count in pairs]


def taken(
    maps: Sequence[Float[Array, "b _h _w _c"]], places: Sequence[Int[Array, " _n"]]
) -> list[Float[Array, "b _n _c"]]:
    """What the maps have at these places."""
    flat = [x.reshape(len(x), -1, x.shape[-1]) for x in maps]
    return [x[:, place] for x, place in zip(flat, places, strict=True)]


class PatchFeatures(nn.Module):
    """A dense layer, ReLU and another for each map's features, then vectors of length 1.

    Nothing here knows of classes, nor whether it is trained.
    """

    features: int = 256
    kernel_init: Callable[..., Array] = xavier()

    @nn.compact
    def __call__(
        self,
        features: Sequence[Float[Array, "b _n _c"]],
        label: Int[Array, " b"],
        *,
        train: bool,
    ) -> list[Float[Array, "b _n d"]]:
        def embed(x):
            for activation in (nn.relu, _unit):
                x = activation(nn.Dense(self.features, kernel_init=self.kernel_init)(x))
            return x

        return [embed(x) for x in features]


def _unit(x: Float[Array, "b n d"]) -> Float[Array, "b n d"]:
    """Divided by their length and 1e-7, with a gradient at 0, too."""
    square = jnp.sum(x**2, axis=-1, keepdims=True)
    return x / (jnp.sqrt(jnp.maximum(square, 1e-14)) + 1e-7)
