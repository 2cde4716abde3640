"""How a GAN moves: one pure step, the same on one device or a thousand."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Key

from ganjax.gan import (
    GAN,
    ONE,
    Devices,
    Draw,
    Game,
    Logs,
    Look,
    Player,
    PlayerState,
    PyTree,
    State,
    Turn,
    at,
    check_turns,
    classes_of,
    init,
    sample,
)


Ahead = Callable[[State], State]  # how far D has come when G plays against it
NOW: Ahead = lambda state: state


def game(gan: GAN) -> Game:
    """The four functions by which everything else knows a GAN."""
    bound = partial(init, gan), partial(train_step, gan), partial(sample, gan)
    classes = classes_of(gan.g, gan.d)
    return Game(*bound, decode=gan.decode, classes=classes)


def train_step(
    gan: GAN, state: State, turns: PyTree, on: Devices = ONE, ahead: Ahead = NOW
) -> tuple[State, PyTree]:
    """One turn for D on each batch of `turns.d` [n, b_d, ...], then one for G on `turns.g`.

    This is Algorithm 1 of Goodfellow et al. (2014) with k = n. The logs are scalars,
    D's averaged over its turns. G plays against D as it will be `ahead`, if not now.
    """
    check_turns(turns)
    d_key, g_key = jax.random.split(jax.random.fold_in(state.key, state.step))
    d_keys = jax.random.split(d_key, len(turns.d.label))
    state, d_logs = jax.lax.scan(partial(d_turn, gan, on), state, (d_keys, turns.d))
    state, g_logs = g_turn(gan, on, state, (g_key, turns.g), ahead)

    average = {"params": state.g.params, **state.g.stats}
    ema = optax.incremental_update(average, state.ema, 1 - gan.ema(state.step))
    logs = {"d": jax.tree.map(jnp.mean, d_logs), "g": g_logs}
    return replace(state, step=state.step + 1, ema=ema), logs


def d_turn(gan: GAN, on: Devices, state: State, draw: Draw) -> tuple[State, Logs]:
    """D moves, and with it its augmentation; `draw` is the turn's key and batch."""

    def objective(params, stats, memory, on, draw):
        board = replace(state, d=PlayerState(params, stats, memory, state.d.opt))
        turn = play(gan, on, board, draw)
        total, memory, logs = pay(gan.d, at(gan.loss, state.step).d, turn, memory)
        return total, ((turn.d_stats, memory), logs | watch(turn))

    kept, grads, logs = on.slope(objective, state.d, draw)
    augment = gan.augment.update(state.augment, logs["sign"], state.step)
    return replace(state, d=move(gan.d, state.d, grads, *kept), augment=augment), logs


def g_turn(
    gan: GAN, on: Devices, state: State, draw: Draw, ahead: Ahead = NOW
) -> tuple[State, Logs]:
    """G moves, against D as it is `ahead`; `draw` is the turn's key and batch."""

    def objective(params, stats, memory, on, draw):
        board = replace(state, g=PlayerState(params, stats, memory, state.g.opt))
        turn = play(gan, on, ahead(board), draw)
        total, memory, logs = pay(gan.g, at(gan.loss, state.step).g, turn, memory)
        return total, ((turn.g_stats, memory), logs)

    kept, grads, logs = on.slope(objective, state.g, draw)
    return replace(state, g=move(gan.g, state.g, grads, *kept)), logs


def play(gan: GAN, on: Devices, state: State, draw: Draw) -> Turn:
    """Sets out the whole board; what a turn leaves unread, XLA prunes."""
    key, batch = draw
    z_key, real_key, fake_key, g_key, d_key, key = jax.random.split(key, 6)
    show_key, again_key, steer_key = jax.random.split(jax.random.fold_in(key, 1000), 3)
    image, label = gan.decode(batch.image), batch.label
    keys = partial(on.keys, n=len(label))
    latents = lambda key: on.place(jax.vmap(gan.prior)(keys(key)))
    start = latents(z_key)
    g = bind(gan.g, state.g, jax.random.fold_in(g_key, on.index()))
    d = bind(gan.d, state.d, jax.random.fold_in(d_key, on.index()))

    def look(image, key, stats):
        augment = jax.vmap(partial(gan.augment.apply, state.augment))
        see = lambda image: d(augment(keys(key), image), label, stats=stats)
        logits, back, noticed = jax.vjp(see, image, has_aux=True)
        slopes = lambda: back(jnp.ones_like(logits))[0]
        said = jax.tree_util.tree_leaves_with_path(noticed.pop("heads", {}))
        heads = {path[-1].key: value for path, value in said}
        return Look(image, label, logits, output(see), slopes, heads), noticed

    z = gan.steer(keys(steer_key), start, lambda z: d(g(z, label)[0], label)[0])
    drawn, g_stats = g(z, label)
    others = lambda: output(g)(latents(again_key), label)
    image = gan.augment.present(state.augment, keys(show_key), image, others)
    real, d_stats = look(image, real_key, state.d.stats)
    fake, d_stats = look(drawn, fake_key, d_stats)
    nets, stats = (output(g), output(d)), (g_stats, d_stats)
    return Turn(*nets, start, z, real, fake, *stats, key, state.step, on)


def output(net: Callable) -> Callable:
    """A bound network without the statistics it returns."""
    return lambda *args, **kwargs: net(*args, **kwargs)[0]


def bind(player: Player, state: PlayerState, key: Key[Array, ""]) -> Callable:
    """The network with its weights in hand: inputs -> (output, new stats)."""
    dropout, noise = jax.random.split(key)

    def apply(*inputs, stats=state.stats, method=None):
        return player.net.apply(
            {"params": state.params, **stats},
            *inputs,
            train=True,
            rngs={"dropout": dropout, "noise": noise},
            mutable=[*stats, "heads"],
            method=method,
        )

    return apply


def pay(
    player: Player, loss: Callable, turn: Turn, memory: PyTree
) -> tuple[Array, PyTree, Logs]:
    """The player's side of the loss, plus each regularizer under its own name."""
    terms, kept = {"loss": loss(turn.real.logits, turn.fake.logits)}, {**memory}
    for name, term in player.regularizers.items():
        terms[name], kept[name] = term.apply(turn, memory[name])
    return sum(terms.values(), jnp.zeros(())), kept, terms


def watch(turn: Turn) -> Logs:
    """How sure D is: mean logits, and ADA's r_t, the mean sign on real images."""
    real, fake = turn.real.logits, turn.fake.logits
    return {"real": real.mean(), "fake": fake.mean(), "sign": jnp.sign(real).mean()}


def move(
    player: Player, state: PlayerState, grads: PyTree, stats: PyTree, memory: PyTree
) -> PlayerState:
    """One optimizer step, with the statistics and memory of the turn that led to it."""
    updates, opt = player.optim.update(grads, state.opt, state.params)
    return PlayerState(optax.apply_updates(state.params, updates), stats, memory, opt)
