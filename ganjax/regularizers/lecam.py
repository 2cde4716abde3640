"""LeCam: D's logits are not to run away from where the other side's used to be."""

import jax
import jax.numpy as jnp

from ganjax.gan import Number, Regularizer, at


def lecam(weight: Number = 0.3, decay: float = 0.99, start: int = 1000) -> Regularizer:
    """weight (E (D(x) - a_F)+^2 + E (a_R - D(G(z)))+^2), with a_R, a_F moving averages.

    Tseng et al. (2021, eq. 5), who leave out what the authors' code has, that only the
    positive part counts. The memory is a_R and a_F, which move by 1 - `decay` before they
    are compared. Until the step `start` they are the last batch's and nothing is paid.
    """

    def apply(turn, memory):
        logits = turn.real.logits, turn.fake.logits
        keep = jnp.where(turn.step < start, 0.0, decay)
        follow = lambda old, x: keep * old + (1 - keep) * turn.on.mean(x.mean())
        memory = jax.lax.stop_gradient(jax.tree.map(follow, memory, logits))
        (real, fake), (real_anchor, fake_anchor) = logits, memory
        square = lambda x: jnp.mean(jax.nn.relu(x) ** 2)
        value = square(real - fake_anchor) + square(real_anchor - fake)
        return jnp.where(turn.step > start, at(weight, turn.step), 0.0) * value, memory

    return Regularizer(init=lambda: (jnp.zeros(()), jnp.zeros(())), apply=apply)
