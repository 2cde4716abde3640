"""Gradient accumulation: plays batches that are too large for the memory piece by piece.

The optimizer takes one step by the mean of their gradients. A game does not know of
it: it takes its gradients by `Devices.average`, whose `accumulate` this file replaces.
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp

from ganjax.core import ONE, Devices, Draw, Game, PyTree
from ganjax.errors import UsageError


def accumulated(game: Game, microbatches: int) -> Game:
    """Makes the same game with every turn's batch divided into equal microbatches.

    One of them is in the memory at a time. A row has the latent and the noise that it has
    in the whole batch, so that networks and losses which treat rows independently train as
    without microbatches. Batch norm, and whatever else compares rows, sees one microbatch.
    Statistics, and what regularizers remember, are handed from one to the next.

    Args:
        game: a game that takes its gradients by `Devices.average`, as a `GAN`'s does.
        microbatches: how many there are of each batch.

    Raises:
        UsageError: when a step is traced, if a batch cannot be divided so, or if the game
            takes its gradients in another way.
    """
    return game._replace(step=partial(accumulated_step, game, microbatches))


def accumulated_step(
    game: Game, microbatches: int, state: PyTree, turns: PyTree, on: Devices = ONE
) -> tuple[PyTree, PyTree]:
    """Plays one step of `game`, with its turns in microbatches."""
    # Filled while the step is traced: it stays empty if the game never calls
    # `on.accumulate`, and would then have trained on whole batches without a word.
    played = []

    def divided(play, kept, on, draw):
        played.append(play)
        return in_microbatches(microbatches, play, kept, on, draw)

    after = game.step(state, turns, on._replace(accumulate=divided))
    if not played:
        raise UsageError(
            "This game takes its gradients of whole batches only: leave --microbatches at "
            "1."
        )
    return after


def in_microbatches(
    microbatches: int, play: Callable, kept: PyTree, on: Devices, draw: Draw
) -> tuple[PyTree, PyTree]:
    """Plays the microbatches of a batch one after another.

    Args:
        microbatches: how many there are.
        play: (kept, on, draw) -> (kept, numbers to be averaged), of one microbatch.
        kept: what the first one is given; each other has what the one before it returned.
        on: the devices that share the batch.
        draw: the turn's key, the same for all of them, and its batch.

    Returns:
        The last `kept`, and the means of the numbers.
    """
    key, batch = draw

    def cut(x):
        if len(x) % microbatches:
            raise UsageError(
                f"A batch of {len(x)} rows cannot be divided into {microbatches} parts; "
                "give --microbatches a number that divides it."
            )
        # Each one is divided over all devices of a mesh, not given to some of them.
        return jax.vmap(on.place)(x.reshape(microbatches, -1, *x.shape[1:]))

    def one(kept, number, batch):
        # A microbatch is one more replica to `Devices.rows`, which so numbers its rows as
        # in the whole batch. Within it nothing is divided again.
        place = lambda: on.index() * microbatches + number
        here = on._replace(
            index=place, count=on.count * microbatches, accumulate=ONE.accumulate
        )
        return play(kept, here, (key, batch))

    def add(carry, part):
        kept, total = carry
        kept, found = one(kept, *part)
        return (kept, jax.tree.map(jnp.add, total, found)), None

    numbered = jnp.arange(microbatches), jax.tree.map(cut, batch)
    first = jax.tree.map(lambda x: x[0], numbered)
    # The shapes of gradients and logs, to start the sum from zero; nothing is computed.
    _, shapes = jax.eval_shape(one, kept, *first)
    zeros = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)
    # An unrolled game differentiates through this loop. Without `checkpoint` it would then
    # keep the activations of all microbatches.
    (kept, total), _ = jax.lax.scan(jax.checkpoint(add), (kept, zeros), numbered)
    return kept, jax.tree.map(lambda x: x / microbatches, total)
