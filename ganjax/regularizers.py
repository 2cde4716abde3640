"""What else a player must respect: terms of its objective, functions of its `Turn`.

A coefficient is a `Number`: a constant, or an Optax schedule of the step.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ganjax.gan import Number, Regularizer, Turn, at


def stateless(value: Callable[[Turn], Array]) -> Regularizer:
    """A term that remembers nothing, from a function of the turn to a scalar."""
    return Regularizer(
        init=lambda: (), apply=lambda turn, memory: (value(turn), memory)
    )


def lazily(every: int, term: Regularizer) -> Regularizer:
    """Pays `term` once in `every` steps, `every` times as much (StyleGAN2, 2020).

    The memory stands still on the steps between. Merged with the loss in one optimizer
    step, this is not NVIDIA's separate regularization step.
    """

    def pay(turn, memory):
        value, memory = term.apply(turn, memory)
        return every * value, memory

    def apply(turn, memory):
        return jax.lax.cond(
            turn.step % every == 0,
            lambda memory: pay(turn, memory),
            lambda memory: (jnp.zeros(()), memory),
            memory,
        )

    return term._replace(apply=apply)


def r1(gamma: Number) -> Regularizer:
    """gamma/2 E |grad D|^2 on real images (Mescheder et al., 2018, eq. 9)."""
    return stateless(
        lambda turn: at(gamma, turn.step) / 2 * _slopes(turn.real.d, turn.real.image)
    )


def r2(gamma: Number) -> Regularizer:
    """gamma/2 E |grad D|^2 on generated images (Mescheder et al., 2018, eq. 10)."""
    return stateless(
        lambda turn: at(gamma, turn.step) / 2 * _slopes(turn.fake.d, turn.fake.image)
    )


def gradient_penalty(weight: Number = 10.0, target: float = 1.0) -> Regularizer:
    """weight E (|grad D| - target)^2 (Gulrajani et al., 2017, eq. 3).

    It is taken a uniform share of the way from each row's fake to its real image.
    """

    def value(turn):
        share = _per_row(turn, jax.random.fold_in(turn.key, 0), jax.random.uniform)
        share = _against(share, turn.real.image)
        between = share * turn.real.image + (1 - share) * turn.fake.image
        return at(weight, turn.step) * _bend(turn.real.d, between, target)

    return stateless(value)


def dragan(weight: Number = 10.0, target: float = 1.0, c: float = 0.5) -> Regularizer:
    """The same penalty around the real images alone (Kodali et al., 2017, eq. 3).

    As in the released code, each row lies a uniform share of the way to its image plus
    uniform noise of up to `c` standard deviations of the batch.
    """

    def value(turn):
        image = turn.real.image
        move = lambda key: jax.random.uniform(key, image.shape[1:])
        share = _per_row(turn, jax.random.fold_in(turn.key, 1), jax.random.uniform)
        noise = _per_row(turn, jax.random.fold_in(turn.key, 2), move)
        mean = turn.on.mean(image.mean())
        deviation = jnp.sqrt(turn.on.mean(jnp.mean((image - mean) ** 2)))
        around = image + _against(share, image) * c * deviation * noise
        return at(weight, turn.step) * _bend(turn.real.d, around, target)

    return stateless(value)


def _per_row(turn: Turn, key: Array, draw: Callable) -> Array:
    return jax.vmap(draw)(turn.on.keys(key, len(turn.real.label)))


def _against(rows: Float[Array, " b"], image: Float[Array, "b *s"]) -> Array:
    return rows.reshape(-1, *(1,) * (image.ndim - 1))


def _grads(d: Callable, image: Float[Array, "b *s"]) -> Float[Array, "b f"]:
    return jax.grad(lambda image: d(image).sum())(image).reshape(len(image), -1)


def _slopes(d: Callable, image: Float[Array, "b *s"]) -> Float[Array, ""]:
    return jnp.sum(_grads(d, image) ** 2, axis=-1).mean()


def _bend(d: Callable, image: Float[Array, "b *s"], target: float) -> Float[Array, ""]:
    norm = jnp.sqrt(jnp.sum(_grads(d, image) ** 2, axis=-1) + 1e-12)
    return jnp.mean((norm - target) ** 2)
