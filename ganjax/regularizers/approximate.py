"""R1 and R2 without a second derivative: how much noise on an image moves its logit."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from ganjax.gan import Look, Number, Regularizer, Turn, at
from ganjax.regularizers.terms import normal, weighed


def approximate_r1(gamma: Number, sigma: Number = 0.01) -> Regularizer:
    """gamma/2 E (D(x + sigma n) - D(x))^2 / sigma^2 on real images, n ~ N(0, I).

    Its mean is R1's but for terms in sigma^2, so gamma is R1's, too. Lin et al. (2025,
    eq. 9) do not divide; their weight of 100 at a sigma of 0.01 is a gamma of 0.02. Where
    D computes in bfloat16 its rounding is a part of the difference, and most of it at a
    sigma of 0.001. A unit that crosses its kink between the two makes the gradient jump
    by 1/sigma, so that rounding grows over the steps.
    """
    return weighed(gamma, lambda turn: _rise(turn, turn.real, 3, sigma) / 2)


def approximate_r2(gamma: Number, sigma: Number = 0.01) -> Regularizer:
    """R2 in the same way, on generated images (Lin et al., 2025b, appendix, eq. 3)."""
    return weighed(gamma, lambda turn: _rise(turn, turn.fake, 4, sigma) / 2)


def _rise(turn: Turn, look: Look, number: int, sigma: Number) -> Float[Array, ""]:
    step = at(sigma, turn.step)
    moved = look.image + step * normal(turn, number, look.image)
    return jnp.mean(((look.d(moved) - look.logits) / step) ** 2)
