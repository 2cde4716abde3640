"""Adversarial losses: what each player minimises, from D's logits on real and fake.

Each is a `Loss` of two functions ([b] real logits, [b] fake logits) -> scalar mean. The
last three make one of another. A game may also take a schedule, step -> `Loss`.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array

from ganjax.gan import Loss


def nothing() -> Loss:
    """No loss of the logits: all that the players want is in their regularizers."""
    return Loss(d=lambda real, fake: jnp.zeros(()), g=lambda real, fake: jnp.zeros(()))


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


def smooth_hinge(softness: float = 0.2) -> Loss:
    """The hinge's mean over margins in 1 - `softness`..1, which FastGAN draws anew.

    Liu et al. (2021), in the authors' code: one uniform margin for each of D's logits.
    """

    def cost(x):
        low = 1 - softness
        bent = (1 - jnp.clip(x, low, 1)) ** 2 / (2 * softness)
        return jnp.mean(bent + jax.nn.relu(low - x))

    return hinge()._replace(d=lambda real, fake: cost(real) + cost(-fake))


def wasserstein() -> Loss:
    """The Kantorovich dual, for a Lipschitz D (Arjovsky et al., 2017, eq. 2-3)."""
    return Loss(
        d=lambda real, fake: fake.mean() - real.mean(),
        g=lambda real, fake: -fake.mean(),
    )


def least_squares(a: float = 0.0, b: float = 1.0, c: float = 1.0) -> Loss:
    """D wants a for fakes and b for real images, G c (Mao et al., 2017, eq. 2 and 9).

    With -1, 1 and 0 it is Pearson's chi-square divergence (equation 8).
    """
    square = lambda x, target: jnp.mean((x - target) ** 2) / 2
    return Loss(
        d=lambda real, fake: square(real, b) + square(fake, a),
        g=lambda real, fake: square(fake, c),
    )


def energy(margin: float = 10.0) -> Loss:
    """EBGAN, of logits that are energies with the opposite sign (Zhao et al., 2017).

    D brings real images' energy down and fakes' up to `margin`, equations 1 and 2.
    """
    return Loss(
        d=lambda real, fake: -real.mean() + jax.nn.relu(margin + fake).mean(),
        g=lambda real, fake: -fake.mean(),
    )


def relativistic(
    little: Callable[[Array], Array] = lambda gap: jax.nn.softplus(-gap),
) -> Loss:
    """Each real is judged against the fake of the same row (Jolicoeur-Martineau, 2019).

    `little` is what D pays for a gap of real above fake: by default log(1 + exp(-gap)),
    which with R1 and R2 on D is R3GAN's objective (Huang et al., 2024, eq. 2).
    """
    return Loss(
        d=lambda real, fake: little(real - fake).mean(),
        g=lambda real, fake: little(fake - real).mean(),
    )


def relative_to_mean(loss: Loss) -> Loss:
    """Each logit is judged against the other side's mean (Jolicoeur-Martineau, 2019).

    RaSGAN is that of `non_saturating`, RaHingeGAN of `hinge`, RaLSGAN of
    `least_squares(-1, 1)` but for a factor of two. G plays D's part with the sides
    exchanged.
    """
    return Loss(
        d=lambda real, fake: loss.d(real - fake.mean(), fake - real.mean()),
        g=lambda real, fake: loss.d(fake - real.mean(), real - fake.mean()),
    )


def weighed(loss: Loss, d: float = 1.0, g: float = 1.0) -> Loss:
    """`d` times what D minimises, `g` times what G does.

    CycleGAN's and CUT's is `weighed(least_squares(), g=2)`, pix2pix's
    `weighed(non_saturating(), d=0.5)`: there D learns half as fast as G.
    """
    return Loss(
        d=lambda real, fake: d * loss.d(real, fake),
        g=lambda real, fake: g * loss.g(real, fake),
    )


def top_k(loss: Loss, share: float | Array) -> Loss:
    """G learns from that `share` of the fakes which D likes best (Sinha et al., 2020).

    Of a batch of b it is the whole number below share b, but one at least. The share
    falls in the paper, hence `lambda step: top_k(hinge(), share(step))`.
    """

    def g(real, fake):
        each = jax.vmap(lambda real, fake: loss.g(real[None], fake[None]))(real, fake)
        liking = fake.reshape(len(fake), -1).mean(1)  # of all of an image's logits
        rank = jnp.argsort(jnp.argsort(-liking))
        count = jnp.maximum(jnp.floor(share * len(fake) + 1e-6), 1)
        return jnp.sum(jnp.where(rank < count, each, 0.0)) / count

    return loss._replace(g=g)
