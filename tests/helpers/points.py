"""Players with one vector each, whose games can be followed by hand."""

import flax.linen as nn
import jax.numpy as jnp
import numpy as np

from ganjax import Batch
from ganjax.core import Turns


RATE, DIM = 0.1, 3


class Point(nn.Module):
    """A generator of one point, which it is, and which counts how often it was asked."""

    @nn.compact
    def __call__(self, z, label, *, train):
        calls = self.variable("stats", "calls", jnp.zeros, ())
        if train:
            calls.value += 1
        point = self.param("point", nn.initializers.normal(), (DIM,))
        return jnp.broadcast_to(point[None], (len(z), DIM))


class Slope(nn.Module):
    """D(x) = <slope, x>."""

    @nn.compact
    def __call__(self, image, label, *, train):
        return image @ self.param("slope", nn.initializers.normal(), (DIM,))


def turns(n=1):
    real = np.random.default_rng(0).normal(size=(n, 4, DIM)).astype(np.float32)
    label = jnp.zeros((n, 4), jnp.int32)
    both = (
        Batch(jnp.asarray(real), label),
        Batch(jnp.zeros((6, DIM)), jnp.zeros(6, int)),
    )
    return Turns(both[0], both[1]._replace(label=jnp.zeros(6, jnp.int32)))
