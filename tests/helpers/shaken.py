"""A GAN of points with draws for each row: latents, noise, real against fake."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

from ganjax import GAN, Batch, Player, augment, losses
from ganjax.core import Turns, uniform
from ganjax.models import mlp


RNG, SGD = np.random.default_rng(0), optax.sgd(0.1)


def made(width=8, terms=None, g_terms=None):
    """A game with draws for each row: latents, noise, and between real and fake."""
    shaken = lambda key, x, p: x + p * jax.random.normal(key, x.shape)
    g = mlp.Generator(shape=(2,), width=width, depth=1, output=mlp.linear)
    return GAN(
        g=Player(g, SGD, g_terms or {}),
        d=Player(mlp.Discriminator(width=width, depth=1), SGD, terms or {}),
        loss=losses.relativistic(),
        augment=augment.fixed(shaken, 0.3),
        prior=uniform(3),
        ema=optax.constant_schedule(0.9),
    )


def turns(n=1, d=8, g=16):
    batch = lambda *rows: Batch(
        jnp.asarray(RNG.normal(size=(*rows, 2)), jnp.float32),
        jnp.zeros(rows, jnp.int32),
    )
    return Turns(batch(n, d), batch(g))
