"""FastGAN's demand on D: that what it keeps of an image is enough to redraw it."""

from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, Float

from ganjax.gan import Number, Regularizer, Turn
from ganjax.regularizers.terms import weighed


Distance = Callable[[Array, Array], Array]  # ([n, h, w, c], the same) -> [n]


def absolute(
    image: Float[Array, "n h w c"], other: Float[Array, "n h w c"]
) -> Float[Array, " n"]:
    """The mean absolute difference."""
    return jnp.abs(image - other).mean((1, 2, 3))


def reconstruction(weight: Number = 1.0, distance: Distance = absolute) -> Regularizer:
    """D's redrawings of a real image keep near to what it was shown (2021, equation 4).

    Liu et al. measure by LPIPS, `released.lpips.distance`, which needs its weights;
    `absolute` stands in for it.
    The distances of an image's redrawings are added up and averaged over the batch; in
    the authors' code the sum is over the batch, too, which is their 8 images as `weight`.
    Needs a D that tells "redrawn" and "shown", as `models.fastgan`'s does.
    """

    def value(turn: Turn):
        redrawn, shown = (turn.real.heads[name] for name in ("redrawn", "shown"))
        rows = lambda images: images.reshape(-1, *images.shape[2:])
        return distance(rows(redrawn), rows(shown)).sum() / len(shown)

    return weighed(weight, value)
