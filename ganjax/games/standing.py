"""Standing statistics: batch norm statistics of the averaged generator itself.

The statistics that training accumulates are of past weights, not of the averaged ones that
are sampled. For evaluation, Brock et al. (2019, section 3.1) and StudioGAN replace them by
the mean over many fresh batches.
"""

from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, Key

from ganjax.core import GAN, Game, Modality, PyTree, State, generate, latents
from ganjax.games.two_player import game
from ganjax.modalities import IMAGES


COLLECTION = "batch_stats"


def standing(
    gan: GAN,
    classes: int = 0,
    batches: int = 16,
    rows: int = 64,
    modality: Modality = IMAGES,
) -> Game:
    """Makes the game of a GAN that is sampled with standing statistics.

    They are the same for every sample of a state. Training is the usual one.

    Args:
        gan: the two players.
        classes: how many classes the batches cycle through; 0 where there are none.
        batches: how many batches the statistics are the mean of.
        rows: how many images a batch has.
        modality: the kind of data.
    """
    label = jnp.arange(batches * rows, dtype=jnp.int32) % max(classes, 1)

    def generate_with_statistics(state, z, condition, key):
        state = standing_statistics(gan, state, label.reshape(batches, rows))
        return generate(gan, state, z, condition, key)

    return game(gan, modality)._replace(generate=generate_with_statistics)


def standing_statistics(gan: GAN, state: State, label: Int[Array, "n b"]) -> State:
    """Returns the state with the mean statistics of batches of these classes in `ema`.

    The state of a G without batch norm is returned as it is.
    """
    stats = state.ema.get(COLLECTION, {})
    others = {name: x for name, x in state.ema.items() if name != COLLECTION}
    if not stats:
        return state

    def add(total, batch):
        number, label = batch
        # Of the state's own key, so that two samples of a state have the same statistics.
        key = jax.random.fold_in(state.key, number)
        statistics = batch_statistics(gan, others, stats, key, label)
        return jax.tree.map(jnp.add, total, statistics), None

    zeros = jax.tree.map(jnp.zeros_like, stats)
    total, _ = jax.lax.scan(add, zeros, (jnp.arange(len(label)), label))
    mean = jax.tree.map(lambda x: x / len(label), total)
    return replace(state, ema=others | {COLLECTION: mean})


def batch_statistics(
    gan: GAN,
    others: PyTree,
    stats: PyTree,
    key: Key[Array, ""],
    label: Int[Array, " b"],
) -> PyTree:
    """Returns the batch norm statistics of one batch alone.

    A batch norm with momentum m moves its statistics from s to m s + (1 - m) t, where t are
    the batch's. Two passes, from s = 0 and s = 1, give (1 - m) t and m + (1 - m) t, and so
    m and t, without access to the momentum of each layer.
    """
    z_key, noise = jax.random.split(key)
    z = latents(gan, z_key, len(label))
    rngs = {"noise": noise, "dropout": noise}
    # In training mode spectral norm writes its own collection, too; that is discarded.
    mutable = [COLLECTION, *(set(others) - {"params"})]
    apply: Any = partial(gan.g.net.apply, train=True, rngs=rngs, mutable=mutable)

    def statistics_from(start):
        variables = others | {COLLECTION: jax.tree.map(start, stats)}
        return apply(variables, z, label)[1][COLLECTION]

    from_0, from_1 = statistics_from(jnp.zeros_like), statistics_from(jnp.ones_like)
    return jax.tree.map(lambda a, b: a / (1 - (b - a)), from_0, from_1)
