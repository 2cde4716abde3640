"""LeCam regularization, for training on few images (Tseng et al., 2021).

It keeps D's logits on real images near a moving average of those on generated images, and
the other way around.
"""

import jax
import jax.numpy as jnp

from ganjax.core import Number, Regularizer, at


def lecam(weight: Number = 0.3, decay: float = 0.99, start: int = 1000) -> Regularizer:
    """LeCam: weight (E max(0, D(x) - a_F)^2 + E max(0, a_R - D(G(z)))^2), for D.

    a_R and a_F are moving averages of the logits on real and generated images. Equation 5
    of Tseng et al. (2021) is the same without max, which is in the authors' code.

    Args:
        weight: the coefficient.
        decay: the decay of the averages, which are updated before they are compared.
        start: up to this step the term is 0, and the averages are those of the last batch.
    """

    def apply(turn, memory):
        current_decay = jnp.where(turn.step < start, 0.0, decay)

        def update(average, logits):
            batch_mean = turn.on.mean(logits.mean())
            average = current_decay * average + (1 - current_decay) * batch_mean
            # It includes this batch's logits, but no gradient passes through it.
            return jax.lax.stop_gradient(average)

        real = turn.real.logits
        fake = turn.fake.logits
        real_average = update(memory[0], real)
        fake_average = update(memory[1], fake)
        real_excess = jnp.mean(jax.nn.relu(real - fake_average) ** 2)
        fake_deficit = jnp.mean(jax.nn.relu(real_average - fake) ** 2)
        current_weight = jnp.where(turn.step > start, at(weight, turn.step), 0.0)
        value = current_weight * (real_excess + fake_deficit)
        return value, (real_average, fake_average)

    return Regularizer(init=lambda: (jnp.zeros(()), jnp.zeros(())), apply=apply)
