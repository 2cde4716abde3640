"""StyleGAN2's game, where regularizers have optimizer steps of their own, now and then.

This is lazy regularization (Karras et al., 2020, appendix B) in the order of the released
StyleGAN2-ADA: G's loss, G's regularizers, D's loss, D's regularizers. Its optimizer is
`optim.lazy_adam`. `regularizers.lazily` is the simpler form, where a regularizer is added
to the loss of some steps.
"""

from dataclasses import replace
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from ganjax.core import (
    GAN,
    ONE,
    Devices,
    Draw,
    Game,
    Logs,
    Modality,
    PyTree,
    State,
    check_turns,
    d_turn,
    g_turn,
    make_turn,
)
from ganjax.errors import UsageError
from ganjax.games.two_player import game
from ganjax.losses import zero
from ganjax.modalities import IMAGES
from ganjax.regularizers.terms import times


TURN = {"d": d_turn, "g": g_turn}


class Intervals(NamedTuple):
    """The interval, in steps, between two updates by each player's regularizers."""

    g: int
    d: int


def lazy(
    gan: GAN,
    g_every: int = 4,
    d_every: int = 16,
    batch_shrink: int = 2,
    modality: Modality = IMAGES,
) -> Game:
    """Makes the game of a GAN with lazy regularization.

    A step with several turns of D is a `UsageError`, as the released code has one.

    Args:
        gan: the two players. All their regularizers are lazy.
        g_every: the interval in steps between updates by G's regularizers, which then weigh
            this many times as much, so that their mean strength is that of every step.
        d_every: the same for D.
        batch_shrink: G's regularizers see a batch this many times smaller, as path-length
            regularization needs much memory.
        modality: the kind of data.
    """
    step = partial(train_step, gan, Intervals(g_every, d_every), batch_shrink)
    return game(gan, modality)._replace(step=step)


def train_step(
    gan: GAN,
    intervals: Intervals,
    batch_shrink: int,
    state: State,
    turns: PyTree,
    on: Devices = ONE,
) -> tuple[State, PyTree]:
    """Plays G's two updates on `turns.g` [b_g, ...], then D's two on `turns.d`."""
    check_turns(turns)
    if len(turns.d.label) != 1:
        raise UsageError("In this game D has one turn in a step: leave its turns at 1.")
    keys = jax.random.split(jax.random.fold_in(state.key, state.step), 4)
    batch = jax.tree.map(lambda x: x[0], turns.d)
    smaller = jax.tree.map(lambda x: x[: max(1, len(x) // batch_shrink)], turns.g)

    # Phases Gmain, Greg, Dmain and Dreg of the released training loop.
    state, g_logs = g_turn(without_regularizers(gan), on, state, (keys[0], turns.g))
    state, g_reg_logs = regularizer_turn(
        gan, "g", intervals.g, on, state, (keys[1], smaller)
    )
    # There G's statistics, such as w_avg, also move when it generates for D. `d_turn` drops
    # them. With D's own key and batch, XLA can share the forward pass with that turn.
    g_stats = stats_after(gan, on, state, (keys[2], batch))
    state, d_logs = d_turn(without_regularizers(gan), on, state, (keys[2], batch))
    state, d_reg_logs = regularizer_turn(
        gan, "d", intervals.d, on, state, (keys[3], batch)
    )

    # Not before D's turns, which start from the same statistics as `stats_after` did.
    state = replace(state, g=replace(state.g, stats=g_stats))
    params = optax.incremental_update(
        state.g.params, state.ema["params"], 1 - gan.ema(state.step)
    )
    # Statistics are averages already, and are copied, as in the released code.
    ema = {"params": params, **g_stats}
    logs = {"d": d_logs | d_reg_logs, "g": g_logs | g_reg_logs}
    return replace(state, step=state.step + 1, ema=ema), logs


def stats_after(gan: GAN, on: Devices, state: State, draw: Draw) -> PyTree:
    """Returns G's statistics after it has generated for D's batch."""

    def forward(stats, on, draw):
        shown = replace(state, g=replace(state.g, stats=stats))
        return make_turn(gan, on, shown, draw).g_stats, ()

    return on.mean(on.accumulate(forward, state.g.stats, on, draw)[0])


def without_regularizers(gan: GAN) -> GAN:
    """Returns the same GAN without regularizers."""
    return gan._replace(
        g=gan.g._replace(regularizers={}), d=gan.d._replace(regularizers={})
    )


def regularizer_turn(
    gan: GAN, who: str, every: int, on: Devices, state: State, draw: Draw
) -> tuple[State, Logs]:
    """Updates a player by its regularizers alone, once in `every` steps."""
    player = getattr(gan, who)
    if not player.regularizers:
        return state, {}
    scaled = {name: times(every, term) for name, term in player.regularizers.items()}
    # ADA adapts p in the turns with the loss only.
    fixed = gan.augment._replace(update=lambda state, sign, step: state)
    terms = {who: player._replace(regularizers=scaled)}
    regularized = gan._replace(loss=zero(), augment=fixed, **terms)

    def move(state):
        state, logs = TURN[who](regularized, on, state, draw)
        # The logs have each term at its own weight.
        return state, {name: logs[name] / every for name in scaled}

    def rest(state):
        return state, {name: jnp.zeros(()) for name in scaled}

    return jax.lax.cond(state.step % every == 0, move, rest, state)
