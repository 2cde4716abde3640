"""Helpers to write a regularizer, and to make one from another.

Most regularizers remember nothing: `weighted` makes one of a coefficient and a function of
the `Turn`. Random numbers for each row come from `per_row` or `normal`, under a stream
name that is used nowhere else.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from ganjax.core import Number, Regularizer, Turn, at


class PerPlayer(NamedTuple):
    """The terms of one method for each player."""

    d: Regularizer
    g: Regularizer


def stateless(value: Callable[[Turn], Array]) -> Regularizer:
    """Makes a regularizer without memory of a function from the turn to a scalar."""
    return Regularizer(
        init=lambda: (), apply=lambda turn, memory: (value(turn), memory)
    )


def weighted(weight: Number, value: Callable[[Turn], Array]) -> Regularizer:
    """Makes a regularizer without memory, times a weight that may be scheduled."""
    return stateless(lambda turn: at(weight, turn.step) * value(turn))


def add_stateless(first: Regularizer, second: Regularizer) -> Regularizer:
    """Adds two regularizers without memory."""
    return stateless(lambda turn: first.apply(turn, ())[0] + second.apply(turn, ())[0])


def times(factor: float, term: Regularizer) -> Regularizer:
    """Multiplies a regularizer by a constant; its memory is unchanged."""

    def apply(turn, memory):
        value, memory = term.apply(turn, memory)
        return factor * value, memory

    return term._replace(apply=apply)


def lazily(every: int, term: Regularizer) -> Regularizer:
    """Applies `term` once in `every` steps, `every` times as strong (Karras et al., 2020).

    In the steps between, nothing is computed and its memory stays. The term is added to the
    loss of its step. In the released StyleGAN2, regularizers have optimizer steps of their
    own: that is `games.lazy`.

    Args:
        every: the number of steps from one application to the next.
        term: the regularizer.
    """
    strengthened = times(every, term)

    def apply(turn, memory):
        return jax.lax.cond(
            turn.step % every == 0,
            lambda memory: strengthened.apply(turn, memory),
            lambda memory: (jnp.zeros(()), memory),
            memory,
        )

    return term._replace(apply=apply)


def per_row(turn: Turn, stream: str, draw: Callable[[Key[Array, ""]], Array]) -> Array:
    """Draws random numbers for each row, the same on any number of devices.

    Args:
        turn: the turn.
        stream: the name of the random stream (`core.stream`), which is used nowhere else.
        draw: key -> what is drawn for one row.

    Returns:
        What is drawn for all rows, [b, ...].
    """
    return jax.vmap(draw)(turn.keys(stream))


def normal(turn: Turn, stream: str, like: Float[Array, "n *s"]) -> Float[Array, "b *s"]:
    """Draws N(0, I) for each row, in the shape and type of one row of `like`.

    The other arguments are those of `per_row`. `like` may have fewer rows than the batch.
    """
    return per_row(
        turn, stream, lambda key: jax.random.normal(key, like.shape[1:], like.dtype)
    )


def expand_like(rows: Float[Array, " b"], image: Float[Array, "b *s"]) -> Array:
    """Reshapes [b] to [b, 1, ..., 1], to broadcast with images."""
    return jnp.expand_dims(rows, tuple(range(1, image.ndim)))
