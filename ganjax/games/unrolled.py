"""Unrolled GANs (Metz et al., 2017): G plays against D as D would answer.

G's loss is that against a D which has moved k more times, and G's gradient passes
through these moves and their optimizer (equations 7 to 10). D itself then moves as ever.
"""

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp

from ganjax.gan import GAN, ONE, Devices, Game, PyTree, State, check_turns
from ganjax.step import d_turn, game, train_step


def unrolled(gan: GAN, k: int = 5) -> Game:
    """The game of a GAN whose G looks `k` of D's moves ahead, all on G's batch."""
    return game(gan)._replace(step=partial(unrolled_step, gan, k))


def unrolled_step(
    gan: GAN, k: int, state: State, turns: PyTree, on: Devices = ONE
) -> tuple[State, PyTree]:
    """D's turns, then G's against the D that is `k` turns ahead."""

    check_turns(turns)

    def ahead(state):
        key = jax.random.fold_in(jax.random.fold_in(state.key, state.step), 1000)
        draws = jax.random.split(key, k), jax.tree.map(partial(repeated, k), turns.g)
        later, _ = jax.lax.scan(partial(d_turn, gan, on), state, draws)
        return replace(state, d=replace(state.d, params=later.d.params))

    return train_step(gan, state, turns, on, ahead)


def repeated(k: int, x: jax.Array) -> jax.Array:
    """[...] as [k, ...], the same k times."""
    return jnp.broadcast_to(x, (k, *x.shape))
