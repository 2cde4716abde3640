"""The training step of a GAN: Algorithm 1 of Goodfellow et al. (2014) as one pure function.

`train_step` maps a state and the data of one step to the next state. It is the same on one
device and on a thousand: compilers (`ganjax.parallel`) wrap it, and what differs between
devices enters through `Devices` alone. The six steps of the algorithm are, for D, to draw
latents, to draw real examples and to ascend D's gradient, n times; then, for G, to draw
latents, to generate and to descend G's gradient.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import optax

from ganjax.core.parts import loss_of
from ganjax.core.schedules import at
from ganjax.core.state import check_turns
from ganjax.core.turn import add_regularizers, make_turn, monitor, update
from ganjax.core.types import (
    GAN,
    ONE,
    Devices,
    Draw,
    Logs,
    PlayerState,
    PyTree,
    State,
)


# Moves the state that G plays against, by default not at all. An unrolled GAN plays
# against a D some turns ahead (Metz et al., 2017).
Ahead = Callable[[State], State]
NOW: Ahead = lambda state: state

# A turn of D, (state, draw) -> (the next state, logs), and what is played in its place, by
# default itself. ASGAN leaves turns out (Baas & Kamper, 2023).
PlayD = Callable[[State, Draw], tuple[State, Logs]]
InPlaceOfD = Callable[[PlayD], PlayD]
ITSELF: InPlaceOfD = lambda play: play


def train_step(
    gan: GAN,
    state: State,
    turns: PyTree,
    on: Devices = ONE,
    ahead: Ahead = NOW,
    in_place_of_d: InPlaceOfD = ITSELF,
) -> tuple[State, PyTree]:
    """Trains D once on each batch of `turns.d`, then G once on `turns.g`.

    Args:
        gan: the two players and what they play for.
        state: the state after the last step.
        turns: the data, a `Turns`: for D a `Batch` of [n, b_d, ...], for G one of
            [b_g, ...], with examples as networks see them.
        on: the devices that share the batches.
        ahead: state -> the state that G plays against, and that its gradient passes
            through (`games.unrolled`). The next state does not keep it.
        in_place_of_d: a turn of D -> the turn that is played (`games.skipping`).

    Returns:
        The next state, and logs {"d": ..., "g": ...} of scalars, D's averaged over its
        turns.
    """
    check_turns(turns)
    # Randomness is a function of the step. Nothing is advanced, so a resumed run goes on
    # exactly, and no turn shares its key with another.
    d_key, g_key = jax.random.split(jax.random.fold_in(state.key, state.step))
    d_keys = jax.random.split(d_key, len(turns.d.label))

    # D's turns, each from the state that the one before left, then one turn of G.
    play_d = in_place_of_d(partial(d_turn, gan, on))
    state, d_logs = jax.lax.scan(play_d, state, (d_keys, turns.d))
    state, g_logs = g_turn(gan, on, state, (g_key, turns.g), ahead)

    # Samples are drawn from an exponential moving average of G's weights (Karras et al.,
    # 2018), and of its statistics, which belong to them.
    weights = {"params": state.g.params, **state.g.stats}
    ema = optax.incremental_update(weights, state.ema, 1 - gan.ema(state.step))
    logs = {"d": jax.tree.map(jnp.mean, d_logs), "g": g_logs}
    return replace(state, step=state.step + 1, ema=ema), logs


def d_turn(gan: GAN, on: Devices, state: State, draw: Draw) -> tuple[State, Logs]:
    """Updates D, and the state of its augmentation, on one key and batch.

    Returns:
        The next state, and D's terms and `monitor` by name.
    """

    # The gradient is taken by the first argument alone, D's weights: G's are no argument,
    # so D's gradient does not reach them.
    def objective(params, stats, memory, on, draw):
        d = PlayerState(params, stats, memory, state.d.opt)
        turn = make_turn(gan, on, replace(state, d=d), draw)
        loss = loss_of("D", at(gan.loss, state.step).d, turn)
        total, memory, logs = add_regularizers(gan.d, loss, turn, memory)
        return total, ((turn.d_stats, memory), logs | monitor(turn))

    gradient = gan.d.gradient(objective)
    kept, grads, logs = on.average(gradient, state.d, draw)
    d = update(gan.d, state.d, grads, *kept)
    # ADA adapts its p to D's mean sign on real images (Karras et al., 2020b, section 3).
    augment = gan.augment.update(state.augment, logs["sign"], state.step)
    return replace(state, d=d, augment=augment), logs


def g_turn(
    gan: GAN, on: Devices, state: State, draw: Draw, ahead: Ahead = NOW
) -> tuple[State, Logs]:
    """Updates G against D, moved `ahead` if so, on one key and batch.

    G's logs are its terms. D's statistics of this forward pass are dropped: D's state
    changes on its own turns only.
    """

    def objective(params, stats, memory, on, draw):
        g = PlayerState(params, stats, memory, state.g.opt)
        turn = make_turn(gan, on, ahead(replace(state, g=g)), draw)
        loss = loss_of("G", at(gan.loss, state.step).g, turn)
        total, memory, logs = add_regularizers(gan.g, loss, turn, memory)
        return total, ((turn.g_stats, memory), logs)

    gradient = gan.g.gradient(objective)
    kept, grads, logs = on.average(gradient, state.g, draw)
    return replace(state, g=update(gan.g, state.g, grads, *kept)), logs
