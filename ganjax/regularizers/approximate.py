"""R1 and R2 by finite differences: how much noise on an image changes its logit.

They need one more forward pass of D in place of a second derivative, which some fused
attention kernels do not have (Lin et al., 2025).
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from ganjax.core import DiscriminatorOutputs, Number, Regularizer, Turn, at
from ganjax.regularizers.terms import normal, weighted


def approximate_r1(gamma: Number, sigma: Number = 0.01) -> Regularizer:
    """Approximate R1: gamma/2 E (D(x + sigma n) - D(x))^2 / sigma^2, n ~ N(0, I).

    It is taken on real images. Its mean over n is R1 up to terms in sigma^2, so gamma has
    the meaning that it has in `r1`. Lin et al. (2025, eq. 9) do not divide by sigma^2;
    their weight of 100 at a sigma of 0.01 is a gamma of 0.02.

    Args:
        gamma: the coefficient.
        sigma: the standard deviation of the noise. If D computes in bfloat16, the
            difference also contains rounding errors, which dominate at 0.001. A piecewise
            linear unit that switches between the two points makes the gradient jump by
            1/sigma, so that two runs which differ by rounding diverge sooner than with the
            exact penalty.
    """

    def value(turn):
        return _squared_slope(turn, turn.real, "approximate_r1", sigma) / 2

    return weighted(gamma, value)


def approximate_r2(gamma: Number, sigma: Number = 0.01) -> Regularizer:
    """Approximate R2: the same on generated images (Lin et al., 2025b, appendix, eq. 3).

    Args:
        gamma: the coefficient, that of `r2`.
        sigma: the standard deviation of the noise, as in `approximate_r1`.
    """

    def value(turn):
        return _squared_slope(turn, turn.fake, "approximate_r2", sigma) / 2

    return weighted(gamma, value)


def _squared_slope(
    turn: Turn, outputs: DiscriminatorOutputs, stream: str, sigma: Number
) -> Float[Array, ""]:
    """Returns the mean of ((D(x + sigma n) - D(x)) / sigma)^2 over the batch."""
    # `outputs.d` is the pass that gave the logits, with its augmentation and dropout, so
    # that the noise is all that differs.
    scale = at(sigma, turn.step)
    noisy = outputs.x + scale * normal(turn, stream, outputs.x)
    return jnp.mean(((outputs.d(noisy) - outputs.logits) / scale) ** 2)
