"""Holes filled from ever coarser means of what is known: push-pull, without learning."""

from math import ceil, log2

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def fill(
    image: Float[Array, "b h w c"], mask: Float[Array, "b h w 1"], sweeps: int = 0
) -> Float[Array, "b h w c"]:
    """Of masks 1 where hidden: the image, and in its holes a smooth surface.

    What is hidden has no part in it. Known pixels are kept to the bit. An image of which
    nothing is known is 0 (Gortler et al., 1996, The Lumigraph, section 3.4.2). On each
    scale, hidden pixels become the mean of their four neighbours `sweeps` times: with a
    few the surface is the harmonic one, whose edges the means do not show.
    """
    h, w = image.shape[1:3]
    side = 2 ** ceil(log2(max(h, w)))
    square = (0, 0), (0, side - h), (0, side - w), (0, 0)
    seen, known = jnp.where(mask > 0, 0.0, image), 1 - mask
    smooth = _pushed(jnp.pad(seen, square), jnp.pad(known, square), sweeps)
    return jnp.where(mask > 0, smooth[:, :h, :w], image)


def _pushed(seen: Array, known: Array, sweeps: int) -> Array:
    """Of images times how well each pixel is known, 0..1: the whole of them."""
    if seen.shape[1] == 1:
        return seen
    means = [nn.avg_pool(x, (2, 2), (2, 2)) for x in (seen, known)]
    sure = jnp.minimum(4 * means[1], 1)  # one known pixel of four will do
    surer = sure / jnp.maximum(means[1], 1e-6)
    coarse = _pushed(means[0] * surer, sure, sweeps)
    whole = seen + (1 - known) * jax.image.resize(coarse, seen.shape, "linear")
    sweep = lambda _, whole: jnp.where(known > 0, seen, _around(whole))
    return jax.lax.fori_loop(0, sweeps, sweep, whole)


def _around(image: Array) -> Array:
    """The mean of each pixel's four neighbours, the border repeated."""
    x = jnp.pad(image, ((0, 0), (1, 1), (1, 1), (0, 0)), "edge")
    rows = x[:, :-2, 1:-1] + x[:, 2:, 1:-1]
    return (rows + x[:, 1:-1, :-2] + x[:, 1:-1, 2:]) / 4
