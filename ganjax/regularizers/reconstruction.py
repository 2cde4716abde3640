"""FastGAN's self-supervision of D: images should be recoverable from its features."""

from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, Float

from ganjax.core import Number, Regularizer, Turn
from ganjax.regularizers.terms import weighted


# Two batches of images [n, h, w, c] -> the distance of each pair [n].
Distance = Callable[[Array, Array], Array]


def l1_distance(
    image: Float[Array, "n h w c"], other: Float[Array, "n h w c"]
) -> Float[Array, " n"]:
    """Returns the mean absolute difference of each pair of images."""
    return jnp.abs(image - other).mean((1, 2, 3))


def reconstruction(
    weight: Number = 1.0, distance: Distance = l1_distance
) -> Regularizer:
    """For D: reconstructions of real images should be near them (Liu et al., 2021, eq. 4).

    Distances are summed over the reconstructions of an image and averaged over the batch.
    The authors' code also sums over the batch, which is of 8 images: a weight of 8 is
    theirs. Needs a D that sows "reconstructions" and "targets", as `models.fastgan`'s does.

    Args:
        weight: the coefficient.
        distance: a function of two batches of images [n, h, w, c] that gives the distance
            of each pair [n]. The authors' is LPIPS, which `pretrained.lpips.distance` makes
            from its released weights; the default needs no weights.
    """

    def value(turn: Turn):
        reconstructions = turn.real.heads["reconstructions"]
        targets = turn.real.heads["targets"]
        # From [b, k, ...], k reconstructions of each image, to [b k, ...].
        merge = lambda images: images.reshape(-1, *images.shape[2:])
        return distance(merge(reconstructions), merge(targets)).sum() / len(targets)

    return weighted(weight, value)
