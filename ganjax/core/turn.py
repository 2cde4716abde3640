"""The parts of one player's turn: the forward pass, the objective, the update.

`core.step` puts them together in the order of the paper. `make_turn` is the forward pass of
both networks, `add_regularizers` completes a player's objective, and `update` is its
optimizer's step.
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Key

from ganjax.core.parts import augmented, term_of
from ganjax.core.types import (
    GAN,
    Devices,
    DiscriminatorOutputs,
    Draw,
    Logs,
    Player,
    PlayerState,
    PyTree,
    State,
    Turn,
    stream,
)


def make_turn(gan: GAN, on: Devices, state: State, draw: Draw) -> Turn:
    """Runs both networks forward on one batch.

    D's turns and G's are made by this one function, so that a regularizer of either player
    finds the whole batch: real and generated examples, logits, and the networks. What a
    turn does not read, such as real logits where G's loss ignores them, XLA removes.

    Args:
        gan: the two players.
        on: the devices that share the batch.
        state: the state, with the weights that the gradient is taken by.
        draw: the key and the batch.
    """
    key, batch = draw
    # Each use of randomness has a key of its own; the last is left for regularizers.
    z_key, real_key, fake_key, g_key, d_key, key = jax.random.split(key, 6)
    label = batch.label
    # One key a row: what is drawn for a row does not depend on how many devices there are.
    keys = partial(on.keys, n=len(label))
    # Dropout and noise within networks are drawn for a whole batch at once, by one key:
    # each replica needs another one, or all would draw the same.
    g = bind(gan.g, state.g, jax.random.fold_in(g_key, on.index()))
    d = bind(gan.d, state.d, jax.random.fold_in(d_key, on.index()))

    def draw_latents(key):
        return on.place(jax.vmap(gan.prior)(keys(key)))

    def judge(x, key, stats):
        """D's outputs on one side of the batch, and its statistics after that."""

        def augmented_d(x):
            seen = augmented(gan.augment, state.augment, keys(key), x)
            return d(seen, label, stats=stats)

        # `jax.vjp` gives R1 and R2 the gradient by x without a second forward pass.
        logits, backward, new_stats = jax.vjp(augmented_d, x, has_aux=True)
        sown = jax.tree_util.tree_leaves_with_path(new_stats.pop("heads", {}))
        outputs = DiscriminatorOutputs(
            x=x,
            label=label,
            logits=logits,
            d=output(augmented_d),
            # The gradient of the sum of logits holds each row's own gradient.
            input_gradients=lambda: backward(jnp.ones_like(logits))[0],
            heads={path[-1].key: value for path, value in sown},
        )
        return outputs, new_stats

    # LOGAN's step in z, or none. Its score is D without augmentation.
    z_drawn = draw_latents(z_key)
    z = gan.steer(
        keys(stream(key, "steer")), z_drawn, lambda z: d(g(z, label)[0], label)[0]
    )
    generated, g_stats = g(z, label)

    # Images that are presented as real are drawn anew, independent of the fake side's.
    def more_generated():
        return output(g)(draw_latents(stream(key, "present_latents")), label)

    presented = gan.augment.present(
        state.augment, keys(stream(key, "present")), batch.x, more_generated
    )
    # Two passes through D, as usual with batch norm: a batch is all real or all fake. The
    # second starts from the statistics that the first one left.
    real, d_stats = judge(presented, real_key, state.d.stats)
    fake, d_stats = judge(generated, fake_key, d_stats)
    return Turn(
        g=output(g),
        d=output(d),
        z_drawn=z_drawn,
        z=z,
        real=real,
        fake=fake,
        g_stats=g_stats,
        d_stats=d_stats,
        key=key,
        step=state.step,
        on=on,
    )


def output(net: Callable) -> Callable:
    """Returns a bound network that gives its output without its statistics.

    Args:
        net: what `bind` returns.
    """
    return lambda *args, **kwargs: net(*args, **kwargs)[0]


def bind(player: Player, state: PlayerState, key: Key[Array, ""]) -> Callable:
    """Binds a player's network to its weights, in training mode.

    Returns:
        A function (*inputs, stats=state.stats, method=None) -> (output, new statistics).
        Every call draws the same dropout and noise, so that a regularizer which calls a
        network again compares two images under the same mask.
    """
    dropout, noise = jax.random.split(key)

    def apply(*inputs, stats=state.stats, method=None):
        return player.net.apply(
            {"params": state.params, **stats},
            *inputs,
            train=True,
            rngs={"dropout": dropout, "noise": noise},
            # "heads" is what D sows for regularizers; it is no part of its state.
            mutable=[*stats, "heads"],
            method=method,
        )

    return apply


def add_regularizers(
    player: Player, loss: Array, turn: Turn, memory: PyTree
) -> tuple[Array, PyTree, Logs]:
    """Adds the player's regularizers to its loss.

    Returns:
        The sum, the memories of the regularizers, and each term under its own name.
    """
    terms = {"loss": loss}
    memories = {**memory}
    for name, regularizer in player.regularizers.items():
        term = term_of(name, regularizer, turn, memory[name])
        terms[name], memories[name] = term
    return sum(terms.values(), jnp.zeros(())), memories, terms


def monitor(turn: Turn) -> Logs:
    """Returns how confident D is: its mean logits on both sides, and ADA's r_t.

    r_t is the mean sign of the logits on real examples (ADA; Karras et al., 2020b, eq. 1).
    """
    return {
        "real": turn.real.logits.mean(),
        "fake": turn.fake.logits.mean(),
        "sign": jnp.sign(turn.real.logits).mean(),
    }


def update(
    player: Player, state: PlayerState, grads: PyTree, stats: PyTree, memory: PyTree
) -> PlayerState:
    """Takes one optimizer step.

    Args:
        player: the player.
        state: its state before the turn.
        grads: the gradient of its objective.
        stats: its network's statistics after the turn's forward pass.
        memory: its regularizers' memories, likewise.

    Returns:
        Its state after the turn.
    """
    updates, opt = player.optim.update(grads, state.opt, state.params)
    return PlayerState(optax.apply_updates(state.params, updates), stats, memory, opt)
