"""The game of one player: a generator that maximizes the likelihood of the data.

It is no adversarial game, but the baseline that one is compared with, and where adversarial
training of texts begins (`--init-from RUN --init-parts g`). The generator's network has a
method `log_likelihood(x, label, train=...)`, as `ganjax.models.text.Generator` has.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from ganjax.core import (
    ONE,
    Devices,
    Game,
    Labels,
    Logs,
    Modality,
    Player,
    PlayerState,
    PyTree,
    Turns,
    bind,
    classes_of,
    init_player,
    update,
)


@flax.struct.dataclass
class LikelihoodState:
    """All that changes while such a game trains, named as in a GAN's state."""

    step: PyTree  # int32 scalar
    key: PyTree  # one, never advanced: every step folds its own number in
    g: PlayerState
    ema: PyTree  # G's variables, which are sampled; no average, but a GAN begins with them


def likelihood(
    g: Player,
    prior: Callable[[Key[Array, ""]], Float[Array, "..."]],
    modality: Modality,
) -> Game:
    """Makes the game of a generator that minimizes -log p(x) of the data.

    Args:
        g: the generator, whose network has a method `log_likelihood`. Its regularizers are
            refused.
        prior: a key -> one z, for samples.
        modality: the kind of data.

    Example:
        >>> likelihood(g, text.gumbel(24, size), texts("lines.txt", 24))
    """
    return Game(
        init=partial(_init, g, prior),
        step=partial(_step, g),
        latents=lambda key, n: jax.vmap(prior)(jax.random.split(key, n)),
        generate=partial(_generate, g),
        modality=modality,
        conditions=Labels(classes_of(g)),
    )


def _init(
    g: Player, prior: Callable, key: Key[Array, ""], turns: Turns
) -> LikelihoodState:
    label = turns.g.label
    z = jax.vmap(prior)(jax.random.split(key, len(label)))
    state = init_player(g, key, z, label)
    return LikelihoodState(jnp.zeros((), jnp.int32), key, state, _copy(state))


def _step(
    g: Player, state: LikelihoodState, turns: Turns, on: Devices = ONE
) -> tuple[LikelihoodState, dict[str, Logs]]:
    batch = turns.g
    key = jax.random.fold_in(jax.random.fold_in(state.key, state.step), on.index())

    def objective(params):
        net = bind(g, replace(state.g, params=params), key)
        found, stats = net(batch.x, batch.label, method="log_likelihood")
        # In nats a token, so that texts of other lengths can be compared.
        return -found.mean(), stats

    (loss, stats), grads = jax.value_and_grad(objective, has_aux=True)(state.g.params)
    loss, stats, grads = on.mean((loss, stats, grads))
    player = update(g, state.g, grads, stats, {})
    # What is sampled, and what a GAN begins with, are G's weights as they are.
    state = replace(state, step=state.step + 1, g=player, ema=_copy(player))
    return state, {"g": {"loss": loss}}


def _copy(player: PlayerState) -> dict[str, PyTree]:
    """Returns the variables of G; copies, since a state's arrays are donated once each."""
    return jax.tree.map(jnp.copy, {"params": player.params, **player.stats})


def _generate(
    g: Player, state: LikelihoodState, z: PyTree, label: Array, key: Key[Array, ""]
) -> Array:
    made: Any = g.net.apply(state.ema, z, label, train=False)
    return made
