"""A GAN whose networks count how often they were played and keep what they saw."""

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
import optax

from ganjax import GAN, Batch, Player, augment, losses
from ganjax.core import Regularizer, Turns, normal
from ganjax.regularizers import r1, stateless


class Counting(nn.Module):
    """A linear network that counts how often it was played and kept what it saw."""

    features: int

    @nn.compact
    def __call__(self, x, label, *, train):
        calls = self.variable("stats", "calls", jnp.zeros, ())
        last = self.variable("stats", "last", jnp.zeros, ())
        if train:
            calls.value, last.value = calls.value + 1, x.mean()
        x = nn.Dense(self.features)(x)
        return x if self.features > 1 else x[:, 0]


ROWS = stateless(lambda turn: jnp.float32(len(turn.z)))
PAID = Regularizer(
    init=lambda: jnp.zeros(()), apply=lambda turn, paid: (jnp.zeros(()), paid + 1)
)


def made(**parts):
    adam = optax.adam(1e-2)
    gan = GAN(
        g=Player(Counting(2), adam, {"rows": ROWS, "paid": PAID}),
        d=Player(Counting(1), adam, {"rows": ROWS, "paid": PAID, "r1": r1(1.0)}),
        loss=losses.non_saturating(),
        augment=augment.adaptive(
            lambda key, x, p: x + p, batch=4, target=-2, images=100, every=1
        ),
        prior=normal(2),
        ema=optax.constant_schedule(0.75),
    )
    return gan._replace(**parts)


def turns(n=3, d=4, g=6, seed=0):
    """D's batches and G's, of sizes that differ."""
    rng = np.random.default_rng(seed)
    batch = lambda *rows: Batch(
        jnp.asarray(rng.normal(size=(*rows, 2)), jnp.float32),
        jnp.zeros(rows, jnp.int32),
    )
    return Turns(batch(n, d), batch(g))
