"""Numbers that may change while a GAN trains, as functions of the step."""

from typing import Any

import jax.numpy as jnp
import optax
from jaxtyping import Array, Int

from ganjax.core.types import Number


def at(number: Any, step: Int[Array, ""]) -> Any:
    """Returns the value at a step of a number, or of anything that may be scheduled."""
    return number(step) if callable(number) else number


def half_life(images: Number, batch: int, ramp: float = 0.0) -> optax.Schedule:
    """Returns the schedule of an EMA's decay per step, from a half-life in images.

    The weight of a step in the average halves with every `images` images that G is trained
    on afterwards, so that the average does not depend on the batch size.

    Args:
        images: the half-life, in images.
        batch: how many images one step trains G on.
        ramp: the half-life is at most this share of the images seen so far, so that the
            random start is forgotten (Karras et al., 2020; the released code uses 0.05).
            With 0 it is constant.
    """

    def decay(step):
        seen, life = jnp.asarray(step, jnp.float32) * batch, at(images, step)
        life = jnp.minimum(life, seen * ramp if ramp else life)
        # In the first step of a ramp the half-life is 0, and so is the decay.
        return 0.5 ** (batch / jnp.maximum(life, 1e-8))

    return decay
