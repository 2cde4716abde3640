"""What a term is made of, and how one is made of another."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from ganjax.gan import Number, Regularizer, Turn, at


class Pair(NamedTuple):
    """What one method asks of each player."""

    d: Regularizer
    g: Regularizer


def stateless(value: Callable[[Turn], Array]) -> Regularizer:
    """A term that remembers nothing, from a function of the turn to a scalar."""
    return Regularizer(
        init=lambda: (), apply=lambda turn, memory: (value(turn), memory)
    )


def weighed(weight: Number, value: Callable[[Turn], Array]) -> Regularizer:
    """The same, times a weight that may be scheduled."""
    return stateless(lambda turn: at(weight, turn.step) * value(turn))


def times(factor: float, term: Regularizer) -> Regularizer:
    """`factor` times as much of a term."""

    def apply(turn, memory):
        value, memory = term.apply(turn, memory)
        return factor * value, memory

    return term._replace(apply=apply)


def lazily(every: int, term: Regularizer) -> Regularizer:
    """Pays `term` once in `every` steps, `every` times as much (StyleGAN2, 2020).

    The memory stands still on the steps between. It is merged with the loss in one
    optimizer step; with steps of its own, as NVIDIA has it, the game is `games.lazy`.
    """
    dear = times(every, term)

    def apply(turn, memory):
        return jax.lax.cond(
            turn.step % every == 0,
            lambda memory: dear.apply(turn, memory),
            lambda memory: (jnp.zeros(()), memory),
            memory,
        )

    return term._replace(apply=apply)


def per_row(turn: Turn, number: int, draw: Callable[[Key[Array, ""]], Array]) -> Array:
    """One draw for each row, the same on any devices; each use has its own `number`."""
    key = jax.random.fold_in(turn.key, number)
    return jax.vmap(draw)(turn.on.keys(key, len(turn.real.label)))


def normal(turn: Turn, number: int, like: Float[Array, "n *s"]) -> Float[Array, "b *s"]:
    """N(0, I) for each row, in the shape of one row of `like`."""
    return per_row(
        turn, number, lambda key: jax.random.normal(key, like.shape[1:], like.dtype)
    )


def against(rows: Float[Array, " b"], image: Float[Array, "b *s"]) -> Array:
    """[b] seen as [b, 1, ..., 1], to go with images."""
    return rows.reshape(-1, *(1,) * (image.ndim - 1))
