"""D is to say the same of images that ought to be the same to it."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from ganjax.gan import Look, Number, Regularizer, Turn, at
from ganjax.regularizers.terms import Pair, normal, weighed


Transform = Callable[[Key[Array, ""], Array, float], Array]  # one of `augment`'s


def consistency(transform: Transform, weight: Number = 10.0) -> Regularizer:
    """CR: weight E (D(T(x)) - D(x))^2 on real images (Zhang et al., 2020, eq. 3).

    The paper's T is `augment.chain(augment.flip(), augment.translation())`; the game's own
    augmentation does not touch T(x).
    """
    return weighed(weight, lambda turn: _moved(turn, turn.real, 6, transform))


def balanced_consistency(
    transform: Transform, weight: Number = 10.0, fake_weight: Number = 10.0
) -> Regularizer:
    """bCR: the same on generated images, too (Zhao et al., 2021, algorithm 1)."""

    def value(turn):
        fake = _moved(turn, turn.fake, 7, transform)
        return at(fake_weight, turn.step) * fake

    real = consistency(transform, weight)
    return weighed(1.0, lambda turn: real.apply(turn, ())[0] + value(turn))


def latent_consistency(
    weight: Number = 20.0, g_weight: Number = 0.5, sigma: Number = 0.05
) -> Pair:
    """zCR: a small step in z moves D's logit little and G's image much.

    Zhao et al. (2021, algorithm 2): D pays weight E (D(G(z)) - D(G(z + sigma n)))^2 with
    n ~ N(0, I), G is paid g_weight E (G(z) - G(z + sigma n))^2 of its pixels.
    """

    def near(turn):
        z = turn.z + at(sigma, turn.step) * normal(turn, 8, turn.z)
        return turn.g(z, turn.fake.label)

    def d(turn):
        return jnp.mean((turn.d(near(turn), turn.fake.label) - turn.fake.logits) ** 2)

    g = lambda turn: -jnp.mean((near(turn) - turn.fake.image) ** 2)
    return Pair(weighed(weight, d), weighed(g_weight, g))


def _moved(
    turn: Turn, look: Look, number: int, transform: Transform
) -> Float[Array, ""]:
    keys = turn.on.keys(jax.random.fold_in(turn.key, number), len(look.label))
    image = jax.vmap(transform, (0, 0, None))(keys, look.image, 1.0)
    return jnp.mean((turn.d(image, look.label) - look.logits) ** 2)
