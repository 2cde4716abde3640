"""Filling of holes by push-pull interpolation (Gortler et al., 1996), without learning.

Images are averaged over 2x2 pixels again and again, of which only known ones count, until
one pixel remains. On the way back, each hidden pixel takes its value from the coarser
image.
"""

from math import ceil, log2

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def fill(
    image: Float[Array, "b h w c"], mask: Float[Array, "b h w 1"], sweeps: int = 0
) -> Float[Array, "b h w c"]:
    """Fills the hidden pixels of images with a smooth surface.

    This is the push-pull algorithm of "The Lumigraph", section 3.4.2. The values of hidden
    pixels have no influence, known pixels are unchanged, and an image of which nothing is
    known becomes 0.

    Args:
        image: Images.
        mask: 1 where a pixel is hidden, 0 where it is known.
        sweeps: How many times, at each scale, hidden pixels become the mean of their four
            neighbors (Jacobi's iteration for Laplace's equation). A few sweeps bring the
            surface close to the harmonic one and hide the edges of the blocks of 2x2.
    """
    h, w = image.shape[1:3]
    side = 2 ** ceil(log2(max(h, w)))
    padding = ((0, 0), (0, side - h), (0, side - w), (0, 0))
    # Hidden pixels may be anything, NaN included, so they are replaced, not multiplied.
    masked = jnp.where(mask > 0, 0.0, image)
    weight = 1 - mask
    smooth = _push_pull(jnp.pad(masked, padding), jnp.pad(weight, padding), sweeps)
    return jnp.where(mask > 0, smooth[:, :h, :w], image)


def _push_pull(
    weighted: Float[Array, "b n n c"], weight: Float[Array, "b n n 1"], sweeps: int
) -> Float[Array, "b n n c"]:
    """Fills square images whose side n is a power of 2.

    Args:
        weighted: The images times `weight`.
        weight: How much of each pixel is known, in 0..1.
        sweeps: As in `fill`.
    """
    if weighted.shape[1] == 1:
        return weighted
    # Pull: average what is known at half the resolution. Push: fill what is not known from
    # there.
    mean = nn.avg_pool(weighted, (2, 2), (2, 2))
    mean_weight = nn.avg_pool(weight, (2, 2), (2, 2))
    # One known pixel of the four is enough for the coarse pixel to be known, too.
    coarse_weight = jnp.minimum(4 * mean_weight, 1)
    scale = coarse_weight / jnp.maximum(mean_weight, 1e-6)
    coarse = _push_pull(mean * scale, coarse_weight, sweeps)
    fine = weighted + (1 - weight) * jax.image.resize(coarse, weighted.shape, "linear")

    def sweep(_, fine):
        return jnp.where(weight > 0, weighted, _mean_of_neighbors(fine))

    return jax.lax.fori_loop(0, sweeps, sweep, fine)


def _mean_of_neighbors(image: Array) -> Array:
    """Returns the mean of each pixel's four neighbors, with repeated borders."""
    x = jnp.pad(image, ((0, 0), (1, 1), (1, 1), (0, 0)), "edge")
    rows = x[:, :-2, 1:-1] + x[:, 2:, 1:-1]
    return (rows + x[:, 1:-1, :-2] + x[:, 1:-1, 2:]) / 4
