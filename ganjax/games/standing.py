"""Standing statistics: batch norms that know the averaged generator's own batches.

The statistics that training gathers are those of weights that have moved on. Brock et al.
(2019, section 3.1) and StudioGAN take, for evaluation, the mean over many fresh batches.
"""

from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, Key

from ganjax.gan import GAN, ONE, Game, PyTree, State, sample
from ganjax.step import game


COLLECTION = "batch_stats"


def standing(gan: GAN, classes: int = 0, batches: int = 16, rows: int = 64) -> Game:
    """The game of a GAN that is sampled with standing statistics.

    They are of `batches` of `rows` images each, of all `classes` in turn, the same for
    every sample of a state. Training is the usual one.
    """
    label = jnp.arange(batches * rows, dtype=jnp.int32) % max(classes, 1)

    def draw(state, key, wanted):
        return sample(
            gan, settle(gan, state, label.reshape(batches, rows)), key, wanted
        )

    return game(gan)._replace(sample=draw)


def settle(gan: GAN, state: State, label: Int[Array, "n b"]) -> State:
    """The state whose average has the mean statistics of batches of these classes."""
    stats = state.ema.get(COLLECTION, {})
    others = {name: x for name, x in state.ema.items() if name != COLLECTION}
    if not stats:
        return state

    def add(total, batch):
        number, label = batch
        key = jax.random.fold_in(state.key, number)
        seen = of_batch(gan, others, stats, key, label)
        return jax.tree.map(jnp.add, total, seen), None

    zeros = jax.tree.map(jnp.zeros_like, stats)
    total, _ = jax.lax.scan(add, zeros, (jnp.arange(len(label)), label))
    mean = jax.tree.map(lambda x: x / len(label), total)
    return replace(state, ema=others | {COLLECTION: mean})


def of_batch(
    gan: GAN,
    others: PyTree,
    stats: PyTree,
    key: Key[Array, ""],
    label: Int[Array, " b"],
) -> PyTree:
    """The statistics of one batch alone.

    A batch norm moves its own from s to m s + (1 - m) t. What it makes of 0 and of 1
    gives m and with it the batch's t, whatever the momentum.
    """
    z_key, noise = jax.random.split(key)
    z = jax.vmap(gan.prior)(ONE.keys(z_key, len(label)))
    rngs = {"noise": noise, "dropout": noise}
    mutable = [COLLECTION, *(set(others) - {"params"})]
    apply: Any = partial(gan.g.net.apply, train=True, rngs=rngs, mutable=mutable)

    def moved(start):
        variables = others | {COLLECTION: jax.tree.map(start, stats)}
        return apply(variables, z, label)[1][COLLECTION]

    from_0, from_1 = moved(jnp.zeros_like), moved(jnp.ones_like)
    return jax.tree.map(lambda a, b: a / (1 - (b - a)), from_0, from_1)
