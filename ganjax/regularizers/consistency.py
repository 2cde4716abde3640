"""Consistency regularization: D's logits should be invariant to small changes of images."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from ganjax.core import DiscriminatorOutputs, Number, Regularizer, Turn, at
from ganjax.regularizers.terms import PerPlayer, normal, stateless, weighted


# (key, image, probability) -> image, like those of `ganjax.augment`.
Transform = Callable[[Key[Array, ""], Array, float], Array]


def consistency(transform: Transform, weight: Number = 10.0) -> Regularizer:
    """CR: weight E (D(T(x)) - D(x))^2 on real images (Zhang et al., 2020, eq. 3).

    T takes the place of the GAN's own augmentation, which is not applied to T(x). The
    second term is the logit that D's loss uses: if the GAN has an augmentation A, it is
    D(A(x)) rather than D(x).

    Args:
        transform: T; the paper's is `augment.chain(augment.flip(), augment.translation())`.
        weight: the coefficient.
    """

    return weighted(weight, lambda turn: _real_consistency(turn, transform))


def balanced_consistency(
    transform: Transform, weight: Number = 10.0, fake_weight: Number = 10.0
) -> Regularizer:
    """bCR: `consistency` on real and on generated images (Zhao et al., 2021, algorithm 1).

    As there, T(x) is compared with D(A(x)) if the GAN has an augmentation A.

    Args:
        transform: T, as in `consistency`.
        weight: the coefficient on real images.
        fake_weight: the coefficient on generated images.
    """

    def value(turn):
        real = _real_consistency(turn, transform)
        fake = _squared_change(turn, turn.fake, "fake_consistency", transform)
        return at(weight, turn.step) * real + at(fake_weight, turn.step) * fake

    return stateless(value)


def latent_consistency(
    d_weight: Number = 20.0, g_weight: Number = 0.5, sigma: Number = 0.05
) -> PerPlayer:
    """zCR: a small step in z should change D's logit little and G's image much.

    D minimizes d_weight E (D(G(z)) - D(G(z + sigma n)))^2 with n ~ N(0, I), and G maximizes
    g_weight E (G(z) - G(z + sigma n))^2, a mean over pixels (Zhao et al., 2021, algorithm
    2). If the GAN has an augmentation A, the first logit is D(A(G(z))). The defaults are
    StudioGAN's for BigGAN on CIFAR-10.

    Args:
        d_weight: the weight of D's term, lambda_dis in the paper.
        g_weight: the weight of G's term, lambda_gen in the paper.
        sigma: the standard deviation of the step.
    """

    def nearby_images(turn):
        step = at(sigma, turn.step) * normal(turn, "latent_consistency", turn.z)
        return turn.g(turn.z + step, turn.fake.label)

    def d(turn):
        logits = turn.d(nearby_images(turn), turn.fake.label)
        return jnp.mean((logits - turn.fake.logits) ** 2)

    def g(turn):
        return -jnp.mean((nearby_images(turn) - turn.fake.x) ** 2)

    return PerPlayer(weighted(d_weight, d), weighted(g_weight, g))


def _real_consistency(turn: Turn, transform: Transform) -> Float[Array, ""]:
    return _squared_change(turn, turn.real, "consistency", transform)


def _squared_change(
    turn: Turn, outputs: DiscriminatorOutputs, stream: str, transform: Transform
) -> Float[Array, ""]:
    """Returns the mean of (D(T(x)) - D(x))^2, where D(x) are the logits of `outputs`."""
    keys = turn.keys(stream)
    # With probability 1: every image is transformed.
    transformed = jax.vmap(transform, (0, 0, None))(keys, outputs.x, 1.0)
    logits = turn.d(transformed, outputs.label)
    return jnp.mean((logits - outputs.logits) ** 2)
