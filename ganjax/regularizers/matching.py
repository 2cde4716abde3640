"""What is to match or to keep apart, beside deceiving D."""

from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array

from ganjax.gan import Number, Regularizer
from ganjax.regularizers.terms import weighed


def feature_matching(
    weight: Number = 1.0, size: Callable[[Array], Array] = jnp.square
) -> Regularizer:
    """For G: the mean features of fakes are to be those of real images.

    Salimans et al. (2016, section 3.1) have the sum, here it is the mean, of the squares
    over the features of D's last layer; MHGAN's `size` is `jnp.abs`.
    """

    def value(turn):
        real, fake = turn.real.heads["features"], turn.fake.heads["features"]
        return size(fake.mean(0) - real.mean(0)).mean()

    return weighed(weight, value)


def mode_seeking(weight: Number = 1.0, epsilon: float = 1e-5) -> Regularizer:
    """For G: weight / (|G(z1) - G(z2)| / |z1 - z2| + epsilon) (Mao et al., 2019, eq. 2).

    Distances are mean absolute differences over everything, as in the authors' code; z2
    is the next row's z, under the label of z1.
    """

    def value(turn):
        z = jnp.roll(turn.z, 1, axis=0)
        gap = jnp.abs(turn.g(z, turn.fake.label) - turn.fake.image).mean()
        return 1 / (gap / jnp.abs(z - turn.z).mean() + epsilon)

    return weighed(weight, value)


def moved(weight: Number = 1.0) -> Regularizer:
    """weight |z - z as drawn|^2 of a GAN that steers its latents (Wu et al., 2019)."""
    return weighed(weight, lambda turn: jnp.sum((turn.z - turn.start) ** 2, 1).mean())
