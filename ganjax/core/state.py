"""Makes the state before the first step."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Key

from ganjax.core.batches import as_turns, check_turns
from ganjax.core.types import GAN, Player, PlayerState, PyTree, State


def init(gan: GAN, key: Key[Array, ""], turns: PyTree) -> State:
    """Makes the state before the first step.

    Args:
        gan: the two players.
        key: the key of the initial weights, and of all that the run will draw.
        turns: the `Turns` of one step, or a batch as `core.turns` takes it. Only the
            shapes of G's batch matter.

    Raises:
        UsageError: if the turns are not of the form that a step takes.
    """
    turns = as_turns(turns)
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
