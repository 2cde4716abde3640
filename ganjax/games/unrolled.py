"""Unrolled GANs (Metz et al., 2017): G trains against D's future responses.

G's loss is that against a D which has taken k more updates, and G's gradient passes through
these updates and their optimizer (equations 7 to 10). The k updates are then discarded: D
itself trains as usual.

In the paper G minimizes all that D maximizes. Its term on real examples depends on G by way
of the updates, and `losses.minimax`, in whose G it is left out, is not that game;
`experiments/unrolled.py` has the loss that is.
"""

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp

from ganjax.core import (
    GAN,
    ONE,
    Devices,
    Game,
    Modality,
    PyTree,
    State,
    d_turn,
    stream,
    train_step,
)
from ganjax.games.two_player import game
from ganjax.modalities import IMAGES


def unrolled(gan: GAN, k: int = 5, modality: Modality = IMAGES) -> Game:
    """Makes the game of a GAN whose G looks `k` updates of D ahead, all on G's batch."""
    return game(gan, modality)._replace(step=partial(unrolled_step, gan, k))


def unrolled_step(
    gan: GAN, k: int, state: State, turns: PyTree, on: Devices = ONE
) -> tuple[State, PyTree]:
    """Plays D's turns, then G's against the D that is `k` turns ahead."""

    # It is called within G's objective, which is differentiated through this scan.
    def ahead(state):
        key = stream(jax.random.fold_in(state.key, state.step), "unrolled")
        draws = jax.random.split(key, k), jax.tree.map(partial(repeated, k), turns.g)
        later, _ = jax.lax.scan(partial(d_turn, gan, on), state, draws)
        # Only D's weights: its statistics and p of the augmentation stay those of now.
        return replace(state, d=replace(state.d, params=later.d.params))

    return train_step(gan, state, turns, on, ahead)


def repeated(k: int, x: jax.Array) -> jax.Array:
    """Returns x [...] as [k, ...], the same k times."""
    return jnp.broadcast_to(x, (k, *x.shape))
