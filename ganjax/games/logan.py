"""LOGAN (Wu et al., 2019): G is shown latents that D already likes better.

Before each turn z takes a step z + a g / (b + |g|^2), where g is the gradient of D(G(z)):
natural gradient descent with a damped Fisher matrix of rank one (section 3.1). Both
players' gradients pass through this step. The prior is to be `gan.uniform`, whose bounds z
keeps.
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from ganjax.gan import GAN, Number, Player, Regularizer
from ganjax.regularizers import moved


def logan(
    gan: GAN,
    alpha: float = 0.9,
    beta: float = 0.1,
    share: float = 0.8,
    weight: Number = 0.1,
) -> GAN:
    """The GAN whose latents are optimised by one step while it trains.

    Only a `share` of them are, and how far these move costs both players `weight` times
    the mean square of it. The defaults are those that StudioGAN has for CIFAR-10. Images
    are sampled from z as drawn.
    """
    term = moved(weight)
    return gan._replace(
        g=_paying(gan.g, term),
        d=_paying(gan.d, term),
        steer=partial(uphill, alpha, beta, share),
    )


def uphill(
    alpha: float,
    beta: float,
    share: float,
    keys: Key[Array, " b"],
    z: Float[Array, "b z"],
    liking: Callable[[Array], Array],
) -> Float[Array, "b z"]:
    """A share of the rows of z, each up its own logit by a damped natural gradient."""
    g = jax.grad(lambda z: liking(z).sum())(z)
    step = alpha * g / (beta + jnp.sum(g**2, axis=1, keepdims=True))
    chosen = jax.vmap(partial(jax.random.bernoulli, p=share))(keys)
    return jnp.clip(z + chosen[:, None] * step, -1, 1)


def _paying(player: Player, term: Regularizer) -> Player:
    return player._replace(regularizers={**player.regularizers, "moved": term})
