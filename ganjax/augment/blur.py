"""A blur that fades, as D sees images through it when StyleGAN3-R begins to train."""

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ganjax.augment.transform import Transform


def blur(largest: float = 10.0) -> Transform:
    """Both axes under a bell 2^-(x/s)^2, cut off at 3s pixels; s is p times `largest`.

    Beyond the border are zeros. With p falling to 0 over the first images it is that of
    Karras et al. (2021, appendix B; the released code's 10 pixels and 200,000 images).
    """

    def apply(key, image, p):
        rows, columns = (
            _smoothing(side, p * largest, largest) for side in image.shape[:2]
        )
        exactly = partial(jnp.einsum, precision=jax.lax.Precision.HIGHEST)
        return exactly("ij,jkc,lk->ilc", rows, image, columns).astype(image.dtype)

    return apply


def _smoothing(side: int, width: Array, largest: float) -> Float[Array, "n n"]:
    """The matrix that smooths one axis."""

    def bell(x):
        inside = jnp.abs(x) <= jnp.floor(3 * width)
        return jnp.where(inside, jnp.exp2(-((x / jnp.maximum(width, 1e-6)) ** 2)), 0.0)

    place, reach = jnp.arange(side), int(3 * largest)
    total = bell(jnp.arange(-reach, reach + 1)).sum()
    return bell(place[:, None] - place[None]) / total
