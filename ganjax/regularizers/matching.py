"""Terms on features, images or latents: feature matching, mode seeking, LOGAN's step."""

from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array

from ganjax.core import Number, Regularizer
from ganjax.regularizers.terms import weighted


def feature_matching(
    weight: Number = 1.0, penalty: Callable[[Array], Array] = jnp.square
) -> Regularizer:
    """For G: generated images should have the mean features of real ones.

    The features are those of D's last layer. Salimans et al. (2016, section 3.1) sum over
    the features; here it is the mean.

    Args:
        weight: the coefficient.
        penalty: an elementwise function of the differences between the means [c]: the
            square, or `jnp.abs` in MHGAN.
    """

    def value(turn):
        real_mean = turn.real.heads["features"].mean(0)
        fake_mean = turn.fake.heads["features"].mean(0)
        return penalty(fake_mean - real_mean).mean()

    return weighted(weight, value)


def mode_seeking(weight: Number = 1.0, epsilon: float = 1e-5) -> Regularizer:
    """For G: weight / (|G(z1) - G(z2)| / |z1 - z2| + epsilon) (Mao et al., 2019, eq. 2).

    Images of different latents should differ, which counters mode collapse. Distances are
    mean absolute differences over the batch, as in the authors' code.

    Args:
        weight: the coefficient.
        epsilon: bounds the term where G has collapsed to one image.
    """

    def value(turn):
        # z2 is the z of another row, with the label of z1: one more pass through G.
        z = jnp.roll(turn.z, 1, axis=0)
        image_distance = jnp.abs(turn.g(z, turn.fake.label) - turn.fake.x).mean()
        z_distance = jnp.abs(z - turn.z).mean()
        return 1 / (image_distance / z_distance + epsilon)

    return weighted(weight, value)


def latent_step_penalty(weight: Number = 1.0) -> Regularizer:
    """LOGAN: weight E |z' - z|^2, where `GAN.steer` changes z to z' (Wu et al., 2019).

    `games.logan` adds it to both players.

    Args:
        weight: the coefficient.
    """

    def value(turn):
        return jnp.sum((turn.z - turn.z_drawn) ** 2, axis=1).mean()

    return weighted(weight, value)
