"""StyleGAN2's game: regularizers have optimizer steps of their own, now and then.

Karras et al. (2020, appendix B, "lazy regularization"), in the order of the released
StyleGAN2-ADA: G's loss, G's regularizers, D's loss, D's. Its optimizer is
`optim.lazy_adam`.
"""

from dataclasses import replace
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from ganjax.errors import Mistake
from ganjax.gan import (
    GAN,
    ONE,
    Devices,
    Draw,
    Game,
    Logs,
    PyTree,
    State,
    check_turns,
)
from ganjax.losses import nothing
from ganjax.regularizers.terms import times
from ganjax.step import d_turn, g_turn, game, play


TURN = {"d": d_turn, "g": g_turn}


class Rests(NamedTuple):
    """In how many steps each player pays for its regularizers once."""

    g: int
    d: int


def lazy(gan: GAN, g_every: int = 4, d_every: int = 16, shrink: int = 2) -> Game:
    """The game of a GAN whose regularizers are paid once in so many steps.

    Then they count as many times. G pays for a batch of `shrink` times fewer images. D has
    one turn in a step; more are a `Mistake`.
    """
    step = partial(train_step, gan, Rests(g_every, d_every), shrink)
    return game(gan)._replace(step=step)


def train_step(
    gan: GAN, rests: Rests, shrink: int, state: State, turns: PyTree, on: Devices = ONE
) -> tuple[State, PyTree]:
    """G's two moves on `turns.g` [b_g, ...], D's two on `turns.d` [1, b_d, ...]."""
    check_turns(turns)
    if len(turns.d.label) != 1:
        raise Mistake("In this game D has one turn in a step: leave its turns at 1.")
    keys = jax.random.split(jax.random.fold_in(state.key, state.step), 4)
    batch = jax.tree.map(lambda x: x[0], turns.d)
    few = jax.tree.map(lambda x: x[: max(1, len(x) // shrink)], turns.g)

    state, g_logs = g_turn(free(gan), on, state, (keys[0], turns.g))
    state, g_paid = pay(gan, "g", rests.g, on, state, (keys[1], few))
    noticed = notice(gan, on, state, (keys[2], batch))
    state, d_logs = d_turn(free(gan), on, state, (keys[2], batch))
    state, d_paid = pay(gan, "d", rests.d, on, state, (keys[3], batch))

    state = replace(state, g=replace(state.g, stats=noticed))
    params = optax.incremental_update(
        state.g.params, state.ema["params"], 1 - gan.ema(state.step)
    )
    ema = {"params": params, **noticed}  # averages are not averaged again
    logs = {"d": d_logs | d_paid, "g": g_logs | g_paid}
    return replace(state, step=state.step + 1, ema=ema), logs


def notice(gan: GAN, on: Devices, state: State, draw: Draw) -> PyTree:
    """G's statistics after it was played on D's batch."""

    def board(stats, on, draw):
        shown = replace(state, g=replace(state.g, stats=stats))
        return play(gan, on, shown, draw).g_stats, ()

    return on.mean(on.parts(board, state.g.stats, on, draw)[0])


def free(gan: GAN) -> GAN:
    """The same without regularizers."""
    return gan._replace(
        g=gan.g._replace(regularizers={}), d=gan.d._replace(regularizers={})
    )


def pay(
    gan: GAN, who: str, every: int, on: Devices, state: State, draw: Draw
) -> tuple[State, Logs]:
    """The player's regularizers alone, once in `every` steps."""
    player = getattr(gan, who)
    if not player.regularizers:
        return state, {}
    dear = {name: times(every, term) for name, term in player.regularizers.items()}
    deaf = gan.augment._replace(update=lambda state, sign, step: state)
    terms = {who: player._replace(regularizers=dear)}
    alone = gan._replace(loss=nothing(), augment=deaf, **terms)

    def move(state):
        state, logs = TURN[who](alone, on, state, draw)
        return state, {name: logs[name] / every for name in dear}

    def rest(state):
        return state, {name: jnp.zeros(()) for name in dear}

    return jax.lax.cond(state.step % every == 0, move, rest, state)
