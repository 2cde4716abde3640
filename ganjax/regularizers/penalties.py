"""Penalties on the slope of D, the gradient of its logit by the image."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ganjax.gan import Number, Regularizer, Turn
from ganjax.regularizers.terms import against, per_row, weighed


def r1(gamma: Number) -> Regularizer:
    """gamma/2 E |grad D|^2 on real images (Mescheder et al., 2018, eq. 9)."""
    return weighed(gamma, lambda turn: _squares(turn.real.slopes()).mean() / 2)


def r2(gamma: Number) -> Regularizer:
    """gamma/2 E |grad D|^2 on generated images (Mescheder et al., 2018, eq. 10)."""
    return weighed(gamma, lambda turn: _squares(turn.fake.slopes()).mean() / 2)


def gradient_penalty(weight: Number = 10.0, target: float = 1.0) -> Regularizer:
    """weight E (|grad D| - target)^2 (Gulrajani et al., 2017, eq. 3).

    It is taken a uniform share of the way from each row's fake to its real image.
    """
    return weighed(weight, lambda turn: _bend(_slopes(turn, _between(turn)), target))


def max_gradient_penalty(weight: Number = 1.0) -> Regularizer:
    """weight max |grad D|^2 over the same points (Zhou et al., 2019).

    The largest of the rows at hand: on several devices under `pmap`, of each one's own.
    """
    return weighed(weight, lambda turn: _squares(_slopes(turn, _between(turn))).max())


def dragan(weight: Number = 10.0, target: float = 1.0, c: float = 0.5) -> Regularizer:
    """The gradient penalty around the real images alone (Kodali et al., 2017, eq. 3).

    As in the released code, each row lies a uniform share of the way to its image plus
    uniform noise of up to `c` standard deviations of the batch.
    """

    def value(turn):
        image = turn.real.image
        noise = per_row(turn, 2, lambda key: jax.random.uniform(key, image.shape[1:]))
        share = against(per_row(turn, 1, jax.random.uniform), image)
        mean = turn.on.mean(image.mean())
        deviation = jnp.sqrt(turn.on.mean(jnp.mean((image - mean) ** 2)))
        return _bend(_slopes(turn, image + share * c * deviation * noise), target)

    return weighed(weight, value)


def _between(turn: Turn) -> Float[Array, "b *s"]:
    share = against(per_row(turn, 0, jax.random.uniform), turn.real.image)
    return share * turn.real.image + (1 - share) * turn.fake.image


def _slopes(turn: Turn, image: Float[Array, "b *s"]) -> Float[Array, "b *s"]:
    return jax.grad(lambda image: turn.real.d(image).sum())(image)


def _squares(slopes: Float[Array, "b *s"]) -> Float[Array, " b"]:
    return jnp.sum(slopes.reshape(len(slopes), -1) ** 2, axis=-1)


def _bend(slopes: Float[Array, "b *s"], target: float) -> Float[Array, ""]:
    return jnp.mean((jnp.sqrt(_squares(slopes) + 1e-12) - target) ** 2)
