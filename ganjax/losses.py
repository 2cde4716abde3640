"""Adversarial losses: what D and G minimize, as functions of D's logits.

A `Loss` (`ganjax.core.Loss`) is a pair of functions `d` and `g`, each from the logits on
real images and the logits on generated images to a scalar, the mean over the batch. Logits
are [b], or [b, ...] where D scores parts of an image; they are not passed through a
sigmoid. The functions here build such pairs. `relativistic_average`, `weighted` and `top_k`
change another loss.

A loss of one's own needs nothing from here::

    def mine():
        return Loss(d=lambda real, fake: ..., g=lambda real, fake: ...)

A game also takes a schedule, a function from the step to a `Loss`.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array

from ganjax.core import Loss


def zero() -> Loss:
    """A loss of zero, for games whose players only minimize regularizers.

    BEGAN and MHGAN are such games: `regularizers.boundary_equilibrium`, `multi_hinge`.
    """
    return Loss(d=lambda real, fake: jnp.zeros(()), g=lambda real, fake: jnp.zeros(()))


def minimax() -> Loss:
    """The original minimax game (Goodfellow et al., 2014, eq. 1).

    D maximizes V = E log D(x) + E log(1 - D(G(z))), where D(x) is the sigmoid of the logit,
    and G minimizes the second term. G's gradient vanishes when D is confident, which is why
    `non_saturating` is used in practice.
    """
    # -log sigmoid(x) = softplus(-x) and -log(1 - sigmoid(x)) = softplus(x).
    softplus = jax.nn.softplus
    return Loss(
        d=lambda real, fake: softplus(-real).mean() + softplus(fake).mean(),
        g=lambda real, fake: -softplus(fake).mean(),
    )


def non_saturating() -> Loss:
    """`minimax` for D; G maximizes E log D(G(z)) (Goodfellow et al., 2014, section 3)."""
    # -log sigmoid(fake) in place of log(1 - sigmoid(fake)).
    return minimax()._replace(g=lambda real, fake: jax.nn.softplus(-fake).mean())


def hinge() -> Loss:
    """The hinge loss with a margin of 1 (Lim & Ye, 2017; Miyato et al., 2018, eq. 16-17).

    D minimizes E max(0, 1 - D(x)) + E max(0, 1 + D(G(z))); G minimizes -E D(G(z)).
    """
    relu = jax.nn.relu
    return Loss(
        d=lambda real, fake: relu(1 - real).mean() + relu(1 + fake).mean(),
        g=lambda real, fake: -fake.mean(),
    )


def smooth_hinge(softness: float = 0.2) -> Loss:
    """FastGAN's hinge loss with a random margin, in expectation (Liu et al., 2021).

    The authors' code draws a margin from U(1 - softness, 1) for each of D's logits. This is
    the mean over the margins: quadratic where the logit lies among them, else the hinge.

    Args:
        softness: the width of the interval of margins, above 0.
    """

    def expected_hinge(x):
        low = 1 - softness
        # The integral of max(0, margin - x) over the margins, divided by their range.
        quadratic = (1 - jnp.clip(x, low, 1)) ** 2 / (2 * softness)
        return jnp.mean(quadratic + jax.nn.relu(low - x))

    def d(real, fake):
        return expected_hinge(real) + expected_hinge(-fake)

    return hinge()._replace(d=d)


def wasserstein() -> Loss:
    """The Wasserstein distance in its dual form (Arjovsky et al., 2017, eq. 2-3).

    It needs a Lipschitz D: combine it with a gradient penalty of `ganjax.regularizers`,
    with `ganjax.optim.clip_weights` or with spectral norm.
    """
    return Loss(
        d=lambda real, fake: fake.mean() - real.mean(),
        g=lambda real, fake: -fake.mean(),
    )


def least_squares(a: float = 0.0, b: float = 1.0, c: float = 1.0) -> Loss:
    """LSGAN: logits are regressed on targets (Mao et al., 2017, eq. 2 and 9).

    With a, b, c = -1, 1, 0 it minimizes Pearson's chi-square divergence (equation 8).

    Args:
        a: D's target for generated images.
        b: D's target for real images.
        c: G's target for generated images.
    """

    # The paper's halves, which implementations often leave out, scale the gradient.
    def half_square(logits, target):
        return jnp.mean((logits - target) ** 2) / 2

    return Loss(
        d=lambda real, fake: half_square(real, b) + half_square(fake, a),
        g=lambda real, fake: half_square(fake, c),
    )


def energy(margin: float = 10.0) -> Loss:
    """EBGAN's loss, where D's logits are negative energies (Zhao et al., 2017, eq. 1-2).

    D lowers the energy of real images and raises that of generated ones up to `margin`.
    """
    return Loss(
        d=lambda real, fake: -real.mean() + jax.nn.relu(margin + fake).mean(),
        g=lambda real, fake: -fake.mean(),
    )


def _logistic(gap: Array) -> Array:
    # -log sigmoid(gap), the cost of a real image that is not judged more real.
    return jax.nn.softplus(-gap)


def relativistic(cost: Callable[[Array], Array] = _logistic) -> Loss:
    """RpGAN: each real logit is paired with a generated one (Jolicoeur-Martineau, 2019).

    D minimizes E cost(D(x) - D(G(z))), over pairs of the same row, and G the same with the
    sides exchanged. With R1 and R2 on D it is R3GAN's objective (Huang et al., 2024, eq.
    2).

    Args:
        cost: the cost of a gap between two logits, elementwise and decreasing; the logistic
            log(1 + exp(-gap)) by default. `lambda gap: relu(1 - gap)` makes it a hinge.
    """
    return Loss(
        d=lambda real, fake: cost(real - fake).mean(),
        g=lambda real, fake: cost(fake - real).mean(),
    )


def relativistic_average(loss: Loss) -> Loss:
    """Ra*GAN: logits relative to the other side's mean (Jolicoeur-Martineau, 2019).

    The mean logit of the generated images is subtracted from each real logit, and the mean
    logit of the real images from each generated one. G minimizes D's loss with the sides
    exchanged.

    Args:
        loss: the loss to make relativistic, of which only `d` is used. `non_saturating()`
            gives RaSGAN, `hinge()` RaHingeGAN, and `least_squares(-1, 1)` half of RaLSGAN.
    """
    # Means are not constants: the gradient passes through them, as in the paper.
    return Loss(
        d=lambda real, fake: loss.d(real - fake.mean(), fake - real.mean()),
        g=lambda real, fake: loss.d(fake - real.mean(), real - fake.mean()),
    )


def weighted(loss: Loss, d: float = 1.0, g: float = 1.0) -> Loss:
    """Multiplies D's loss by `d` and G's by `g`.

    `weighted(least_squares(), g=2)` is the loss of CycleGAN's and CUT's code, which halves
    D's squares but not G's. `weighted(non_saturating(), d=0.5)` is pix2pix's, where D
    learns half as fast as G.
    """
    return Loss(
        d=lambda real, fake: d * loss.d(real, fake),
        g=lambda real, fake: g * loss.g(real, fake),
    )


def top_k(loss: Loss, fraction: float | Array) -> Loss:
    """Top-k training: G learns from its best images only (Sinha et al., 2020).

    D's loss is that of `loss`. G's is the mean over the images with the highest logits. In
    the paper the fraction falls during training, for which the game takes a schedule::

        lambda step: top_k(hinge(), fraction(step))

    Args:
        loss: the loss to restrict. Its `g` must be a mean over rows.
        fraction: the fraction of the batch that counts, 0 to 1, rounded down to whole
            images but at least one. It may be traced.
    """

    def g(real, fake):
        # Losses are means over a batch: of a batch of one, that is the row's own loss.
        per_row = jax.vmap(lambda real, fake: loss.g(real[None], fake[None]))
        each = per_row(real, fake)

        # The size of a selection cannot depend on a traced fraction: rank all images and
        # mask the loss instead.
        score = fake.reshape(len(fake), -1).mean(1)
        rank = jnp.argsort(jnp.argsort(-score))
        # The small number guards against products such as 0.29 * 100 = 28.999999.
        count = jnp.maximum(jnp.floor(fraction * len(fake) + 1e-6), 1)
        return jnp.sum(jnp.where(rank < count, each, 0.0)) / count

    return loss._replace(g=g)
