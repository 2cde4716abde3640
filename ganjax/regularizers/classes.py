"""What classes D sees and G is to show: terms on what D's head tells of them.

A `Measure` says how far images are from their classes, as a head of `models.heads` sees
it; `ac`, `tac` and `adc` are what the players do with it. D plays an ordinary loss on its
logits besides. AC-GAN is `ac(cross_entropy())`, ContraGAN `ac(contrastive())`, ReACGAN
`ac(data_to_data(), 0.5)`, TAC-GAN `tac(cross_entropy())`, ADC-GAN `adc(cross_entropy())`.
"""

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ganjax.gan import Number, at
from ganjax.regularizers.terms import Pair, stateless, weighed


Measure = Callable[[Mapping[str, Array], Int[Array, " b"]], Float[Array, ""]]
TWIN = "twin "


def ac(measure: Measure, weight: Number = 1.0, g_weight: Number | None = None) -> Pair:
    """Both players bring images near their classes, D real ones, G its own.

    Odena et al. (2017) with D's share of the fakes left out, as has become usual.
    `g_weight` is G's if it differs: 0.1 in Gulrajani et al. (2017).
    """
    return Pair(
        d=weighed(weight, lambda turn: measure(turn.real.heads, turn.real.label)),
        g=weighed(
            weight if g_weight is None else g_weight,
            lambda turn: measure(turn.fake.heads, turn.fake.label),
        ),
    )


def tac(measure: Measure, weight: Number = 1.0, twin_weight: Number = 1.0) -> Pair:
    """A twin learns the classes of the fakes, and G misleads it (Gong et al., 2019).

    So G makes up for what AC-GAN leaves out: how sure the class of a fake is. Needs a
    head with `twin`.
    """
    twin = lambda turn: measure(_twin(turn.fake.heads), turn.fake.label)
    both = ac(measure, weight)
    return Pair(
        d=_less(both.d, twin_weight, lambda turn: -twin(turn)),
        g=_less(both.g, twin_weight, twin),
    )


def adc(measure: Measure, weight: Number = 1.0) -> Pair:
    """Every class twice, first of real, then of generated images (Hou et al., 2022).

    D tells all of them apart; G comes nearer to the first of its class's and goes away
    from the second. Needs a head with `outputs=2`.
    """
    side = lambda look, i: measure(look.heads, 2 * look.label + i)
    return Pair(
        d=weighed(weight, lambda turn: side(turn.real, 0) + side(turn.fake, 1)),
        g=weighed(weight, lambda turn: side(turn.fake, 0) - side(turn.fake, 1)),
    )


def cross_entropy() -> Measure:
    """-log of the class's softmax; for a `Classifier`."""

    def measure(heads, label):
        logs = jax.nn.log_softmax(heads["classes"])
        return -jnp.take_along_axis(logs, label[:, None], axis=1).mean()

    return measure


def contrastive(temperature: float = 1.0) -> Measure:
    """ContraGAN's 2C: near the class's proxy and others of the class, far from the rest.

    Kang & Park (2020). For a `Contrastive`. The rest are the rows at hand: on several
    devices under `pmap`, those of each one. Here as below.
    """

    def measure(heads, label):
        proxy, others, like = _cosines(heads, label)
        proxy, others = jnp.exp(proxy / temperature), jnp.exp(others / temperature)
        others = others * (1 - jnp.eye(len(label)))
        near = proxy + jnp.sum(others * like, axis=1)
        return -jnp.log(near / (proxy + others.sum(1))).mean()

    return measure


def data_to_data(temperature: float = 0.5, margin: float = 0.98) -> Measure:
    """ReACGAN's D2D-CE: near the proxy, far from the data of other classes.

    Kang et al. (2021). Cosines above `margin` with the proxy, or below 1 - `margin` with
    others, cost nothing. As in the authors' code the largest similarity is taken from
    those of the others, though not from the proxy's. For a `Contrastive`; the defaults
    are CIFAR-10's.
    """

    def measure(heads, label):
        proxy, others, like = _cosines(heads, label)
        others = (others + margin - 1) / temperature
        rest, lowest = ~jnp.eye(len(label), dtype=bool), (margin - 2) / temperature
        largest = others.max(1, keepdims=True, where=rest, initial=lowest)
        far = jnp.exp(jax.nn.relu(others) - jax.lax.stop_gradient(largest))
        pull = jax.nn.relu((margin - proxy) / temperature)
        push = jnp.log(jnp.exp(-pull) + jnp.sum(far * (1 - like), axis=1))
        return jnp.mean(pull + push)

    return measure


def multi_hinge(g_weight: Number = 0.05) -> Pair:
    """MHGAN: the right class is to be above the best other by 1; one class is "fake".

    Kavalerov et al. (2021), after Crammer & Singer (2001). Needs `MultiHinge`; the logits
    have no loss of their own, `losses.nothing()`.
    """

    def d(turn):
        fake = turn.fake.heads["classes"]
        last = jnp.full_like(turn.fake.label, fake.shape[-1] - 1)
        return _margin(turn.real.heads["classes"], turn.real.label) + _margin(
            fake, last
        )

    g = lambda turn: _margin(turn.fake.heads["classes"], turn.fake.label)
    return Pair(stateless(d), weighed(g_weight, g))


def _less(term, weight, value):
    """A stateless term less a weighed value."""
    pay = lambda turn: term.apply(turn, ())[0] - at(weight, turn.step) * value(turn)
    return stateless(pay)


def _twin(heads: Mapping[str, Array]) -> Mapping[str, Array]:
    """What the twin tells, under the names of the first."""
    return {name.removeprefix(TWIN): x for name, x in heads.items() if TWIN in name}


def _cosines(heads, label):
    """Of each row: with its class's proxy [b], with the others, and if they are like."""
    unit = lambda x: x / jnp.linalg.norm(x, axis=-1, keepdims=True)
    embed, proxies = unit(heads["embed"]), unit(heads["proxies"])
    like = (label[:, None] == label[None]).astype(embed.dtype)
    return jnp.sum(embed * proxies[label], axis=1), embed @ embed.T, like


def _margin(classes: Float[Array, "b k"], label: Int[Array, " b"]) -> Float[Array, ""]:
    chosen = jax.nn.one_hot(label, classes.shape[-1], dtype=bool)
    right = jnp.sum(classes, axis=1, where=chosen)
    wrong = jnp.max(classes, axis=1, where=~chosen, initial=-jnp.inf)
    return jax.nn.relu(1 + wrong - right).mean()
