"""ASGAN's game: where D overfits, its updates are left out at random.

ADA measures how much D overfits, and sets a probability p. As often as p says, D's turn
leaves no trace, neither in D nor in what ADA has observed: a D that is too sure learns more
slowly (Baas & Kamper, 2023, "updating the discriminator"). Its augmentation, with the same
p, is another value of the `GAN`.
"""

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp

from ganjax.augment.probability import AdaptiveState, FixedState
from ganjax.core import (
    GAN,
    ONE,
    Devices,
    Game,
    Modality,
    PyTree,
    State,
    stream,
    train_step,
)
from ganjax.errors import UsageError
from ganjax.games.two_player import game
from ganjax.modalities import IMAGES


def skipping(gan: GAN, every: int = 16, modality: Modality = IMAGES) -> Game:
    """Makes the game of a GAN whose D rests with the probability of its augmentation.

    Args:
        gan: the two players, whose augmentation is `augment.adaptive` or `augment.fixed`.
        every: the steps between turns that D plays in any case.
        modality: the kind of data.

    Raises:
        UsageError: the augmentation has no probability.
    """
    if not isinstance(gan.augment.init(), FixedState | AdaptiveState):
        raise UsageError(
            "D rests with the probability of its augmentation, and this one has none: give "
            "augment.adaptive(transform, batch)."
        )
    return game(gan, modality)._replace(step=partial(skipping_step, gan, every))


def skipping_step(
    gan: GAN, every: int, state: State, turns: PyTree, on: Devices = ONE
) -> tuple[State, PyTree]:
    """Plays D's turns, each of which may be left out, then G's.

    The logs have D's terms of all turns, and under "rests" the share that was left out.
    """

    def resting(play):
        def turn(state, draw):
            moved, logs = play(state, draw)
            # The same on all devices: it is drawn from the key of the turn.
            drawn = jax.random.uniform(stream(draw[0], "rests"))
            rests = (drawn < state.augment.p) & (state.step % every != 0)
            kept = jax.tree.map(
                partial(jnp.where, rests), state_of(state), state_of(moved)
            )
            state = replace(state, d=kept[0], augment=kept[1])
            return state, logs | {"rests": rests.astype(jnp.float32)}

        return turn

    return train_step(gan, state, turns, on, in_place_of_d=resting)


def state_of(state: State) -> tuple[PyTree, PyTree]:
    """Returns what D's turn changes: D, and its augmentation."""
    return state.d, state.augment
