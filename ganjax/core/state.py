"""Makes the state before the first step, and checks the data of a step."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key

from ganjax.core.modality import dtype_of
from ganjax.core.types import GAN, Player, PlayerState, PyTree, State
from ganjax.errors import UsageError


def init(gan: GAN, key: Key[Array, ""], turns: PyTree) -> State:
    """Makes the state before the first step.

    Args:
        gan: the two players.
        key: the key of the initial weights, and of all that the run will draw.
        turns: the `Turns` of one step, of which only the shapes of G's batch matter.

    Raises:
        UsageError: if the turns are not of the form that a step takes.
    """
    check_turns(turns, ("g",))
    key, z_key, g_key, d_key = jax.random.split(key, 4)
    batch = turns.g
    z = jax.vmap(gan.prior)(jax.random.split(z_key, len(batch.label)))
    g = init_player(gan.g, g_key, z, batch.label)
    d = init_player(gan.d, d_key, batch.x, batch.label)
    # A copy, as a step donates its state, and no buffer can be donated twice.
    ema = jax.tree.map(jnp.copy, {"params": g.params, **g.stats})
    step = jnp.zeros((), jnp.int32)
    return State(step, key, g, d, ema, gan.augment.init())


def init_player(player: Player, key: Array, *inputs: PyTree) -> PlayerState:
    """Makes the state of one player, whose network is initialized on these inputs."""
    # "params" is what the optimizer updates; every other collection is the network's own.
    stats = dict(player.net.init(key, *inputs, train=False))
    params = stats.pop("params")
    memory = {name: term.init() for name, term in player.regularizers.items()}
    return PlayerState(params, stats, memory, player.optim.init(params))


def check_turns(turns: Any, players: tuple[str, ...] = ("d", "g")) -> None:
    """Raises a `UsageError` unless these are the turns of one step, as `Turns` has them.

    Only types and shapes are looked at, when the step is traced, so that a compiled program
    does not pay for it.

    Args:
        turns: what a caller has given as the turns.
        players: whose data is checked.
    """
    wanted = (
        "a step takes Turns(d, g), where d is a Batch of [turns, rows, ...] with labels "
        "[turns, rows] and g one of [rows, ...] with labels [rows]"
    )
    for name in players:
        if not hasattr(turns, name):
            raise UsageError(f"This is a {type(turns).__name__}, and {wanted}.")
        # D plays on several batches in a step, G on one.
        batch, axes = getattr(turns, name), {"d": 2, "g": 1}[name]
        if not hasattr(batch, "label"):
            raise UsageError(f"Turns.{name} is a {type(batch).__name__}, and {wanted}.")
        rows = np.shape(batch.label)
        if len(rows) != axes:
            raise UsageError(
                f"The labels of Turns.{name} are of shape {rows}, and {wanted}."
            )
        if not np.issubdtype(dtype_of(batch.label), np.integer):
            raise UsageError(
                f"The labels of Turns.{name} are {dtype_of(batch.label)}: give the "
                "number of each example's class as an integer, or zeros where there are no "
                "classes."
            )
        for leaf in jax.tree.leaves(batch.x):
            if not jnp.issubdtype(dtype_of(leaf), jnp.floating):
                raise UsageError(
                    f"Turns.{name} has examples of {dtype_of(leaf)}, and a step takes them "
                    "as networks see them: `core.decoded(modality, turns)` makes them of "
                    "stored ones."
                )
            if np.shape(leaf)[:axes] != rows:
                raise UsageError(
                    f"Turns.{name} has examples of shape {np.shape(leaf)} and labels of "
                    f"shape {rows}: give one label for each example."
                )
