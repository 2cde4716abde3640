"""Regularizers for energy-based GANs, EBGAN and BEGAN.

D computes an energy, such as an autoencoder's error, which is low on real images. Its logit
is the negative energy, so that a high logit means a real image as everywhere else.
"""

import jax.numpy as jnp

from ganjax.core import Number, Regularizer
from ganjax.regularizers.terms import PerPlayer, stateless, weighted


def pulling_away(weight: Number = 0.1) -> Regularizer:
    """EBGAN's pulling-away term, for G (Zhao et al., 2017, eq. 4).

    It is the mean squared cosine of the features of two generated images, over all pairs.
    """

    def value(turn):
        h = turn.fake.heads["features"]
        unit = h / jnp.linalg.norm(h, axis=1, keepdims=True)
        squared_cosines = (unit @ unit.T) ** 2
        # The diagonal, of each image with itself, does not count.
        total = squared_cosines.sum() - jnp.trace(squared_cosines)
        n = len(h)
        return total / (n * (n - 1))

    return weighted(weight, value)


def boundary_equilibrium(gamma: float = 0.5, rate: float = 1e-3) -> PerPlayer:
    """BEGAN: D minimizes E(x) - k E(G(z)), G minimizes E(G(z)) (Berthelot et al., 2017).

    E is the energy. After each turn of D, `rate` (gamma E(x) - E(G(z))) is added to k,
    which stays within 0..1 and starts at 0. Needs `losses.zero()` as the loss, since it
    takes the place of a loss on logits.

    Args:
        gamma: the ratio E(G(z)) / E(x) that k maintains; lower means less diverse images.
        rate: the learning rate of k.
    """

    def apply(turn, k):
        real_energy = -turn.real.logits.mean()
        fake_energy = -turn.fake.logits.mean()
        # The mean over all devices, as k is part of the state, which is the same on all.
        balance = turn.on.mean(gamma * real_energy - fake_energy)
        next_k = jnp.clip(k + rate * balance, 0.0, 1.0)
        return real_energy - k * fake_energy, next_k

    d = Regularizer(init=lambda: jnp.zeros(()), apply=apply)
    return PerPlayer(d, stateless(lambda turn: -turn.fake.logits.mean()))
