"""What else a player must respect: terms of its objective, functions of its `Turn`.

A coefficient is a `Number`: a constant, or an Optax schedule of the step.
"""

from collections.abc import Callable
from functools import partial
from math import prod, sqrt

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ganjax.gan import Look, Number, Regularizer, Turn, at


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
        lambda turn: at(gamma, turn.step) / 2 * _energy(turn.real.slopes())
    )


def r2(gamma: Number) -> Regularizer:
    """gamma/2 E |grad D|^2 on generated images (Mescheder et al., 2018, eq. 10)."""
    return stateless(
        lambda turn: at(gamma, turn.step) / 2 * _energy(turn.fake.slopes())
    )


def approximate_r1(gamma: Number, sigma: Number = 0.01) -> Regularizer:
    """R1 without a second derivative: gamma/2 E (D(x + sigma n) - D(x))^2 / sigma^2.

    With n ~ N(0, I) its mean is R1's but for terms in sigma^2, so gamma is R1's, too.
    Lin et al. (2025, eq. 9) do not divide; their weight of 100 at a sigma of 0.01 is a
    gamma of 0.02. Where D computes in bfloat16 its rounding is a part of the difference,
    and most of it at a sigma of 0.001. A unit that crosses its kink between the two makes
    the gradient jump by 1/sigma, so that rounding grows over the steps.
    """
    return stateless(
        lambda turn: at(gamma, turn.step) / 2 * _rise(turn, turn.real, 3, sigma)
    )


def approximate_r2(gamma: Number, sigma: Number = 0.01) -> Regularizer:
    """R2 in the same way, on generated images (Lin et al., 2025b, appendix, eq. 3)."""
    return stateless(
        lambda turn: at(gamma, turn.step) / 2 * _rise(turn, turn.fake, 4, sigma)
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


def path_length(
    weight: Number = 2.0, decay: Number = 0.01, shrink: int = 1
) -> Regularizer:
    """weight E (|J^T y| - a)^2 with y ~ N(0, I) (Karras et al., 2020, eq. 4).

    J is the slope of G's `synthesis` at w = `mapping` of z, [b, n, w_dim], in G's own
    noise. As in the released code the length is the root mean square over the n layers,
    y is divided by the root of the number of pixels, and a, the memory, moves towards
    the mean length by `decay` before it is compared. Only one row in `shrink` pays, in
    that code one in two.
    """

    def apply(turn, mean):
        z, label = turn.z[::shrink], turn.fake.label[::shrink]
        w = turn.g(z, label, method="mapping")
        image, back = jax.vjp(partial(turn.g, method="synthesis"), w)
        y = _normal(turn, 5, image)[::shrink] / sqrt(prod(image.shape[1:-1]))
        (slope,) = back(y)
        length = jnp.sqrt(jnp.sum(slope**2, axis=2).mean(1) + 1e-12)
        mean += at(decay, turn.step) * (turn.on.mean(length.mean()) - mean)
        return at(weight, turn.step) * jnp.mean((length - mean) ** 2), mean

    return Regularizer(init=lambda: jnp.zeros(()), apply=apply)


def _per_row(turn: Turn, key: Array, draw: Callable) -> Array:
    return jax.vmap(draw)(turn.on.keys(key, len(turn.real.label)))


def _normal(turn: Turn, number: int, image: Float[Array, "n *s"]) -> Array:
    draw = partial(jax.random.normal, shape=image.shape[1:], dtype=image.dtype)
    return _per_row(turn, jax.random.fold_in(turn.key, number), draw)


def _against(rows: Float[Array, " b"], image: Float[Array, "b *s"]) -> Array:
    return rows.reshape(-1, *(1,) * (image.ndim - 1))


def _energy(slopes: Float[Array, "b *s"]) -> Float[Array, ""]:
    return jnp.sum(slopes.reshape(len(slopes), -1) ** 2, axis=-1).mean()


def _rise(turn: Turn, look: Look, draw: int, sigma: Number) -> Float[Array, ""]:
    step = at(sigma, turn.step)
    moved = look.image + step * _normal(turn, draw, look.image)
    return jnp.mean(((look.d(moved) - look.logits) / step) ** 2)


def _bend(d: Callable, image: Float[Array, "b *s"], target: float) -> Float[Array, ""]:
    slopes = jax.grad(lambda image: d(image).sum())(image).reshape(len(image), -1)
    norm = jnp.sqrt(jnp.sum(slopes**2, axis=-1) + 1e-12)
    return jnp.mean((norm - target) ** 2)
