"""LOGAN (Wu et al., 2019): latents are optimized by one step before they are used.

Before each turn z takes a step z + a g / (b + |g|^2), where g is the gradient of D(G(z)) by
z: natural gradient ascent with a damped Fisher matrix of rank one (section 3.1). Both
players' gradients pass through this step. It needs the prior `core.uniform`, as the new z
is clipped to -1..1.
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from ganjax.core import GAN, Number, Player, Regularizer
from ganjax.regularizers import latent_step_penalty


def logan(
    gan: GAN,
    alpha: float = 0.9,
    beta: float = 0.1,
    fraction: float = 0.8,
    weight: Number = 0.1,
) -> GAN:
    """Makes the GAN whose latents are optimized by one step while it trains.

    Images are sampled from z as drawn. The defaults are StudioGAN's for CIFAR-10.

    Args:
        gan: the GAN, whose prior is `core.uniform`.
        alpha: the step size, a in the formula above.
        beta: the damping, b in the formula above.
        fraction: the fraction of latents that take the step, chosen at random.
        weight: the weight of |z - z as drawn|^2, a term of both players' objectives.
    """
    term = latent_step_penalty(weight)
    return gan._replace(
        g=_with_term(gan.g, term),
        d=_with_term(gan.d, term),
        steer=partial(optimize_latents, alpha, beta, fraction),
    )


def optimize_latents(
    alpha: float,
    beta: float,
    fraction: float,
    keys: Key[Array, " b"],
    z: Float[Array, "b z"],
    score: Callable[[Array], Array],
) -> Float[Array, "b z"]:
    """Moves a fraction of the rows of z up their logits by a damped natural gradient."""
    # Rows are independent, so the gradient of the sum has each row's own.
    g = jax.grad(lambda z: score(z).sum())(z)
    step = alpha * g / (beta + jnp.sum(g**2, axis=1, keepdims=True))
    chosen = jax.vmap(partial(jax.random.bernoulli, p=fraction))(keys)
    return jnp.clip(z + chosen[:, None] * step, -1, 1)


def _with_term(player: Player, term: Regularizer) -> Player:
    return player._replace(regularizers={**player.regularizers, "moved": term})
