"""Gradient accumulation: a batch that is too large for the memory, part after part.

The optimizers move by the mean of the parts' gradients, as if by the whole batch's.
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp

from ganjax.errors import Mistake
from ganjax.gan import ONE, Devices, Draw, Game, PyTree


def accumulated(game: Game, parts: int) -> Game:
    """The same game with every turn's batch in `parts`, one in the memory at a time.

    A row has the latent and the draws that it has in the whole batch, so that networks
    and losses which look at one row alone move as without parts. Batch norm and whatever
    else compares rows is of a part. Statistics, and what regularizers remember, go from
    part to part. Raises a `Mistake` where a batch is not a multiple of `parts`, and for
    a game that does not take its gradients by `on.slope`.
    """
    return game._replace(step=partial(accumulated_step, game, parts))


def accumulated_step(
    game: Game, parts: int, state: PyTree, turns: PyTree, on: Devices = ONE
) -> tuple[PyTree, PyTree]:
    """One step of `game` whose turns are played in parts."""
    played = []

    def divided(play, kept, on, draw):
        played.append(play)
        return in_parts(parts, play, kept, on, draw)

    after = game.step(state, turns, on._replace(parts=divided))
    if not played:
        raise Mistake(
            "This game takes its gradients of whole batches only: leave --parts at 1."
        )
    return after


def in_parts(
    parts: int, play: Callable, kept: PyTree, on: Devices, draw: Draw
) -> tuple[PyTree, PyTree]:
    """What `play` gives of one part after another: the last `kept`, and the means.

    `play(kept, on, draw)` gives (kept, numbers to be averaged).
    """
    key, batch = draw

    def cut(x):
        if len(x) % parts:
            raise Mistake(
                f"A batch of {len(x)} rows cannot be divided into {parts} parts; give "
                "--parts a number that divides it."
            )
        return jax.vmap(on.place)(x.reshape(parts, -1, *x.shape[1:]))

    def one(kept, number, batch):
        place = lambda: on.index() * parts + number
        here = on._replace(index=place, count=on.count * parts, parts=ONE.parts)
        return play(kept, here, (key, batch))

    def add(carry, part):
        kept, total = carry
        kept, found = one(kept, *part)
        return (kept, jax.tree.map(jnp.add, total, found)), None

    numbered = jnp.arange(parts), jax.tree.map(cut, batch)
    first = jax.tree.map(lambda x: x[0], numbered)
    _, shapes = jax.eval_shape(one, kept, *first)
    zeros = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)
    # A game that looks ahead differentiates through this, and is to keep no part either.
    (kept, total), _ = jax.lax.scan(jax.checkpoint(add), (kept, zeros), numbered)
    return kept, jax.tree.map(lambda x: x / parts, total)
