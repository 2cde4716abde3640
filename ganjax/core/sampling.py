"""What a trained GAN computes: latents, images of the averaged generator, D's logits."""

from typing import Any

import jax
import jax.numpy as jnp
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
    image: Any = gan.g.net.apply(
        state.ema, z, jnp.asarray(label), train=False, rngs={"noise": key}
    )
    return image


def discriminate(
    gan: GAN, state: State, x: Float[Array, "n *x"], label: Int[ArrayLike, " n"]
) -> Float[Array, "n *logits"]:
    """Returns D's logits on images, without augmentation and dropout.

    Args:
        gan: the GAN that was trained.
        state: its state, of which D's own weights are used.
        x: images as networks see them, in -1..1.
        label: the classes.
    """
    variables = {"params": state.d.params, **state.d.stats}
    logits: Any = gan.d.net.apply(variables, x, jnp.asarray(label), train=False)
    return logits
