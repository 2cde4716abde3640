"""Adversarial losses: what each player minimises, from D's logits on real and fake.

Each is a `Loss` of two functions ([b] real logits, [b] fake logits) -> scalar mean.
"""

import jax
import jax.numpy as jnp

from ganjax.gan import Loss


def minimax() -> Loss:
    """The value function V(D, G) itself (Goodfellow et al., 2014, eq. 1).

    D minimises -V; G minimises the part of V that it can move. D's probability is the
    sigmoid of its logit. G's gradient fades when D is sure: see `non_saturating`.
    """
    softplus = jax.nn.softplus
    return Loss(
        d=lambda real, fake: softplus(-real).mean() + softplus(fake).mean(),
        g=lambda real, fake: -softplus(fake).mean(),
    )


def non_saturating() -> Loss:
    """G raises log D(G(z)) instead (Goodfellow et al., 2014, section 3)."""
    return minimax()._replace(g=lambda real, fake: jax.nn.softplus(-fake).mean())


def hinge() -> Loss:
    """Geometric GAN's margin of 1 (Lim & Ye, 2017; Miyato et al., 2018, eq. 16-17)."""
    relu = jax.nn.relu
    return Loss(
        d=lambda real, fake: relu(1 - real).mean() + relu(1 + fake).mean(),
        g=lambda real, fake: -fake.mean(),
    )


def wasserstein() -> Loss:
    """The Kantorovich dual, for a Lipschitz D (Arjovsky et al., 2017, eq. 2-3)."""
    return Loss(
        d=lambda real, fake: fake.mean() - real.mean(),
        g=lambda real, fake: -fake.mean(),
    )


def least_squares() -> Loss:
    """Targets 1 for real, 0 for fake, 1 for G (Mao et al., 2017, eq. 2 and 9)."""
    return Loss(
        d=lambda real, fake: (jnp.mean((real - 1) ** 2) + jnp.mean(fake**2)) / 2,
        g=lambda real, fake: jnp.mean((fake - 1) ** 2) / 2,
    )


def relativistic() -> Loss:
    """Each real is judged against the fake of the same row (Jolicoeur-Martineau, 2019).

    With R1 and R2 on D it is R3GAN's objective (Huang et al., 2024, eq. 2).
    """
    softplus = jax.nn.softplus
    return Loss(
        d=lambda real, fake: softplus(fake - real).mean(),
        g=lambda real, fake: softplus(real - fake).mean(),
    )
