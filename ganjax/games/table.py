"""Games of any number of players, who move one after another or several at once.

A game's file says who sits at the table and what each `turn` is about; `turn` moves them.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import NamedTuple

import flax.struct
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from ganjax.gan import Devices, Logs, Player, PlayerState, PyTree
from ganjax.step import bind, move


@flax.struct.dataclass
class Table:
    """All that changes while they play."""

    step: PyTree  # int32 scalar
    key: PyTree  # one, never advanced: every step folds its own number in
    players: PyTree  # name -> PlayerState
    memory: PyTree = ()  # what the game remembers besides


class Stake(NamedTuple):
    """What a turn costs those who move."""

    terms: Logs  # name -> scalar; they pay the sum
    seen: PyTree = ()  # anything else that came of it, by row
    stats: Mapping[str, PyTree] = {}  # name -> statistics that a network noticed


Players = Mapping[str, Player]
Nets = Mapping[str, Callable]  # name -> (inputs -> (output, statistics))


def seat(
    players: Players,
    key: Key[Array, ""],
    inputs: Mapping[str, tuple],
    memory: PyTree = (),
) -> Table:
    """The table before the first step; of the `inputs` only the shapes matter."""
    seated = {}
    for i, (name, player) in enumerate(players.items()):
        own = jax.random.fold_in(key, i)
        stats = dict(player.net.init(own, *inputs[name], train=False))
        params = stats.pop("params")
        seated[name] = PlayerState(params, stats, {}, player.optim.init(params))
    return Table(jnp.zeros((), jnp.int32), key, seated, memory)


def turn(
    players: Players,
    on: Devices,
    table: Table,
    key: Key[Array, ""],
    movers: tuple[str, ...],
    stake: Callable[[Nets], Stake],
) -> tuple[Table, Logs, PyTree]:
    """The `movers` move at once, each by its own optimizer, so that `stake` costs less.

    Gives the table, the terms averaged over the devices, and what was `seen` on this one.
    """
    keys = dict(zip(players, jax.random.split(key, len(players)), strict=True))

    def cost(params):
        def net(name):
            own = jax.random.fold_in(keys[name], on.index())
            state = table.players[name]
            state = replace(state, params=params.get(name, state.params))
            return bind(players[name], state, own)

        found = stake({name: net(name) for name in players})
        total = sum(found.terms.values(), jnp.zeros(()))
        return total, (found.terms, dict(found.stats), found.seen)

    params = {name: table.players[name].params for name in movers}
    grads, (terms, stats, seen) = jax.grad(cost, has_aux=True)(params)
    grads, terms, stats = on.mean((grads, terms, stats))
    moved = {}
    for name in movers:
        state = table.players[name]
        noticed = stats.get(name, state.stats)
        moved[name] = move(players[name], state, grads[name], noticed, {})
    return replace(table, players={**table.players, **moved}), terms, seen


def everyone(on: Devices, rows: Float[Array, "b *s"]) -> Float[Array, "n *s"]:
    """The rows of all devices, in their order: the whole batch on each of them."""
    if on.count == 1:
        return rows
    places = jnp.zeros((on.count, *rows.shape), rows.dtype)
    filled = on.mean(places.at[on.index()].set(rows)) * on.count
    return filled.reshape(-1, *rows.shape[1:])


def own(on: Devices, rows: Float[Array, "n *s"]) -> Float[Array, "b *s"]:
    """Of the whole batch, the rows of this device."""
    if on.count == 1:
        return rows
    return rows.reshape(on.count, -1, *rows.shape[1:])[on.index()]


def l1(a: Float[Array, "*s"], b: Float[Array, "*s"]) -> Float[Array, ""]:
    """The mean absolute difference."""
    return jnp.abs(a - b).mean()
