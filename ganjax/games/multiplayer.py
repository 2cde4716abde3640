"""Games of any number of players, who take turns one after another or several at once.

A game's file names the players and writes each turn's objective as a function of all
networks; `turn` updates those whose turn it is. CycleGAN has four players, two generators
and two discriminators, and each pair moves at once.

Of a `Player` only the network and the optimizer are used; regularizers and gradient rules
of its own are refused, and further terms belong in the objective. Gradients are of the
complete batch, so `accumulated` refuses these games.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import NamedTuple

import flax.struct
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from ganjax.core import (
    Devices,
    Logs,
    Player,
    PyTree,
    bind,
    init_player,
    update,
)
from ganjax.core.brief import brief_state
from ganjax.core.types import gradient
from ganjax.errors import UsageError


@flax.struct.dataclass
class MultiplayerState:
    """All that changes while such a game trains."""

    step: PyTree  # int32 scalar
    key: PyTree  # one, never advanced: every step folds its own number in
    players: PyTree  # name -> PlayerState
    memory: PyTree = ()  # other arrays of the game, as CycleGAN's image pools

    def __repr__(self) -> str:
        return brief_state(self)


class Objective(NamedTuple):
    """The terms of a turn's objective, and other results of its forward pass."""

    # player -> name -> scalar. The movers minimize the sum of all; names are for the logs.
    terms: dict[str, Logs]
    # Arrays by row that the game goes on with, such as generated images for a later turn.
    rows: PyTree = ()
    # player -> statistics of its network afterwards; for movers that are missing they stay.
    stats: Mapping[str, PyTree] = {}


Players = Mapping[str, Player]
Nets = Mapping[str, Callable]  # name -> (inputs -> (output, statistics))


def init_players(
    players: Players,
    key: Key[Array, ""],
    inputs: Mapping[str, tuple],
    memory: PyTree = (),
) -> MultiplayerState:
    """Makes the state before the first step.

    Args:
        players: all players by name.
        key: the key of the initial weights, and of all that the run will draw.
        inputs: the arguments of each player's network, of which only the shapes matter.
        memory: the initial value of `MultiplayerState.memory`.

    Raises:
        UsageError: if a player has regularizers or a gradient rule, which have no effect.
    """
    states = {}
    for i, (name, player) in enumerate(players.items()):
        if player.regularizers or player.gradient is not gradient:
            raise UsageError(
                f"The player {name!r} has regularizers or a gradient rule of its own, "
                "which a game of several players does not use: add the terms to the "
                "game's objective instead."
            )
        states[name] = init_player(player, jax.random.fold_in(key, i), *inputs[name])
    return MultiplayerState(jnp.zeros((), jnp.int32), key, states, memory)


def turn(
    players: Players,
    on: Devices,
    state: MultiplayerState,
    key: Key[Array, ""],
    movers: tuple[str, ...],
    objective: Callable[[Nets], Objective],
) -> tuple[MultiplayerState, dict[str, Logs], PyTree]:
    """Updates the `movers` at once, each by its own optimizer.

    Args:
        players: all players of the game, by name.
        on: the devices that share the batch.
        state: the state of the game.
        key: what networks draw in this turn follows from it.
        movers: the names of those whose turn it is.
        objective: what is to be minimized, as a function of all networks.

    Returns:
        The state, the terms averaged over the devices, and the objective's `rows`, which
        are those of this device.
    """
    keys = dict(zip(players, jax.random.split(key, len(players)), strict=True))

    # `params` holds the movers' weights. Those of all others are constants of the state, so
    # that no gradient is computed for them.
    def total(params):
        def net(name):
            own = jax.random.fold_in(keys[name], on.index())
            player_state = state.players[name]
            player_state = replace(
                player_state, params=params.get(name, player_state.params)
            )
            return bind(players[name], player_state, own)

        found = objective({name: net(name) for name in players})
        total = sum(jax.tree.leaves(found.terms), jnp.zeros(()))
        return total, (found.terms, dict(found.stats), found.rows)

    params = {name: state.players[name].params for name in movers}
    grads, (terms, stats, rows) = jax.grad(total, has_aux=True)(params)
    # Rows are not averaged: they stay those of this device.
    grads, terms, stats = on.mean((grads, terms, stats))
    moved = {}
    for name in movers:
        before = state.players[name]
        new_stats = stats.get(name, before.stats)
        moved[name] = update(players[name], before, grads[name], new_stats, {})
    return replace(state, players={**state.players, **moved}), terms, rows


def variables(state: MultiplayerState, name: str) -> dict[str, PyTree]:
    """Returns the variables of one player's network, for `net.apply`."""
    player = state.players[name]
    return {"params": player.params, **player.stats}


def all_rows(on: Devices, rows: Float[Array, "b *s"]) -> Float[Array, "n *s"]:
    """Returns the rows of all devices, in their order: the whole batch on each of them."""
    if on.count == 1:
        return rows
    # An all-gather by means of the mean: each device fills in its own rows among zeros.
    places = jnp.zeros((on.count, *rows.shape), rows.dtype)
    filled = on.mean(places.at[on.index()].set(rows)) * on.count
    return filled.reshape(-1, *rows.shape[1:])


def rows_of_device(on: Devices, rows: Float[Array, "n *s"]) -> Float[Array, "b *s"]:
    """Returns the rows of this device from the whole batch, as `all_rows` orders it."""
    if on.count == 1:
        return rows
    return rows.reshape(on.count, -1, *rows.shape[1:])[on.index()]


def l1(a: Float[Array, "*s"], b: Float[Array, "*s"]) -> Float[Array, ""]:
    """Returns the mean absolute difference."""
    return jnp.abs(a - b).mean()
