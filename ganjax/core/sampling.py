"""Sampling of a GAN: z from the prior, and images of the averaged generator."""

from typing import Any

import jax
from jaxtyping import Array, Float, Int, Key

from ganjax.core.types import GAN, ONE, ArrayLike, State


def latents(gan: GAN, key: Key[Array, ""], n: int) -> Float[Array, "n *z"]:
    """Draws `n` latents from the prior; row i follows from (key, i), whatever `n` is."""
    return jax.vmap(gan.prior)(ONE.keys(key, n))


def generate(
    gan: GAN,
    state: State,
    z: Float[Array, "n *z"],
    label: Int[ArrayLike, " n"],
    key: Key[Array, ""],
) -> Array:
    """Generates one image for each z and label by the averaged generator.

    Args:
        gan: the GAN that was trained.
        state: its state, of which `ema` is used.
        z: latents, as drawn from the prior.
        label: the classes.
        key: the key of the noise that G draws itself, as StyleGAN's does.

    Returns:
        Samples [n, ...] as networks see them: images in -1..1.
    """
    image: Any = gan.g.net.apply(state.ema, z, label, train=False, rngs={"noise": key})
    return image
