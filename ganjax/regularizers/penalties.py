"""Gradient penalties: on the gradient of D's logit with respect to the image.

They differ in where the gradient is taken: at real images (`r1`), generated ones (`r2`),
between the two (`gradient_penalty`, `max_gradient_penalty`) or around real ones (`dragan`).
All are for D, and differentiate through its augmentation.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ganjax.core import Number, Regularizer, Turn
from ganjax.regularizers.terms import expand_like, per_row, weighted


def r1(gamma: Number) -> Regularizer:
    """R1: gamma/2 E |grad D|^2 on real images (Mescheder et al., 2018, eq. 9).

    Args:
        gamma: the coefficient.
    """

    def value(turn):
        return _squared_norms(turn.real.input_gradients()).mean() / 2

    return weighted(gamma, value)


def r2(gamma: Number) -> Regularizer:
    """R2: gamma/2 E |grad D|^2 on generated images (Mescheder et al., 2018, eq. 10).

    Args:
        gamma: the coefficient.
    """

    def value(turn):
        return _squared_norms(turn.fake.input_gradients()).mean() / 2

    return weighted(gamma, value)


def gradient_penalty(
    weight: Number = 10.0, target: float = 1.0, pack: int = 1
) -> Regularizer:
    """WGAN-GP: weight E (|grad D| - target)^2 (Gulrajani et al., 2017, eq. 3).

    It is taken at a random point between the real and the generated image of each row.

    Args:
        weight: the coefficient.
        target: the norm that the gradient should have.
        pack: how many rows D judges together. They are at one point between the two, and
            have one gradient (CTGAN; Xu et al., 2019, algorithm 1).
    """

    def value(turn):
        gradients = _gradients(turn, _interpolate(turn, pack))
        return _norm_penalty(gradients.reshape(len(gradients) // pack, -1), target)

    return weighted(weight, value)


def max_gradient_penalty(weight: Number = 1.0) -> Regularizer:
    """MaxGP: weight max |grad D|^2, where `gradient_penalty` is taken (Zhou et al., 2019).

    The maximum is over the rows at hand: under `pmap`, over those of each device.

    Args:
        weight: the coefficient.
    """

    def value(turn):
        return _squared_norms(_gradients(turn, _interpolate(turn))).max()

    return weighted(weight, value)


def dragan(weight: Number = 10.0, target: float = 1.0, c: float = 0.5) -> Regularizer:
    """DRAGAN: the gradient penalty around real images (Kodali et al., 2017, eq. 3).

    As in the released code, it is taken at a random point between each image and the image
    plus uniform noise.

    Args:
        weight: the coefficient.
        target: the norm that the gradient should have.
        c: the noise's largest value, in standard deviations of the batch's pixels.
    """

    def value(turn):
        image = turn.real.x
        uniform = lambda key: jax.random.uniform(key, image.shape[1:])
        noise = per_row(turn, "dragan_noise", uniform)
        share = per_row(turn, "dragan_share", jax.random.uniform)
        share = expand_like(share, image)
        # The deviation over all devices: squares are about a common mean.
        mean = turn.on.mean(image.mean())
        deviation = jnp.sqrt(turn.on.mean(jnp.mean((image - mean) ** 2)))
        perturbed = image + share * c * deviation * noise
        return _norm_penalty(_gradients(turn, perturbed), target)

    return weighted(weight, value)


def _interpolate(turn: Turn, pack: int = 1) -> Float[Array, "b *s"]:
    """Returns a random point between the real and the generated image of each row.

    It is the same point for each `pack` of rows.
    """
    share = per_row(turn, "interpolation", jax.random.uniform)
    share = share if pack == 1 else share[::pack].repeat(pack)
    share = expand_like(share, turn.real.x)
    return share * turn.real.x + (1 - share) * turn.fake.x


def _gradients(turn: Turn, image: Float[Array, "b *s"]) -> Float[Array, "b *s"]:
    """Returns the gradient of each logit with respect to its image.

    D has the augmentation that the real images had, and their labels.
    """
    return jax.grad(lambda image: turn.real.d(image).sum())(image)


def _squared_norms(gradients: Float[Array, "b *s"]) -> Float[Array, " b"]:
    return jnp.sum(gradients.reshape(len(gradients), -1) ** 2, axis=-1)


def _norm_penalty(gradients: Float[Array, "b *s"], target: float) -> Float[Array, ""]:
    """Returns the mean of (|gradient| - target)^2 over the batch."""
    # The square root has no derivative at 0, where a constant D would be.
    norms = jnp.sqrt(_squared_norms(gradients) + 1e-12)
    return jnp.mean((norms - target) ** 2)
