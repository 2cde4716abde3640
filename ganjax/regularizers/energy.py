"""Terms for a D that is an energy: the logit is the energy with the opposite sign."""

import jax.numpy as jnp

from ganjax.gan import Number, Regularizer
from ganjax.regularizers.terms import Pair, stateless, weighed


def pulling_away(weight: Number = 0.1) -> Regularizer:
    """For G: the mean squared cosine of two fakes' features (Zhao et al., 2017, eq. 4)."""

    def value(turn):
        h = turn.fake.heads["features"]
        unit = h / jnp.linalg.norm(h, axis=1, keepdims=True)
        squares, n = (unit @ unit.T) ** 2, len(h)
        return (squares.sum() - jnp.trace(squares)) / (n * (n - 1))

    return weighed(weight, value)


def boundary_equilibrium(gamma: float = 0.5, rate: float = 1e-3) -> Pair:
    """BEGAN: D minimises E(x) - k E(G(z)), and G E(G(z)) (Berthelot et al., 2017).

    The memory is k, which moves by `rate` (gamma E(x) - E(G(z))) after each turn and stays
    within 0..1. The logits have no loss of their own, `losses.nothing()`.
    """

    def apply(turn, k):
        real, fake = -turn.real.logits.mean(), -turn.fake.logits.mean()
        balance = turn.on.mean(gamma * real - fake)
        return real - k * fake, jnp.clip(k + rate * balance, 0.0, 1.0)

    d = Regularizer(init=lambda: jnp.zeros(()), apply=apply)
    return Pair(d, stateless(lambda turn: -turn.fake.logits.mean()))
