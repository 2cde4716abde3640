"""Conditioning by auxiliary classifiers: terms on D's outputs about classes.

A method has two parts. A `ClassLoss` is a classification loss, on what a head of
`layers.heads` sowed: `cross_entropy`, `contrastive` or `data_to_data`. A scheme says which
player minimizes it on which images: `ac_gan`, `tac_gan` or `adc_gan`. Both players also
have an ordinary loss on D's logits.

| method | terms | head |
|---|---|---|
| AC-GAN | `ac_gan(cross_entropy())` | `Classifier` |
| TAC-GAN | `tac_gan(cross_entropy())` | `Classifier` with `twin=True` |
| ADC-GAN | `adc_gan(cross_entropy())` | `Classifier` with `outputs_per_class=2` |
| ContraGAN | `ac_gan(contrastive())` | `Contrastive` |
| ReACGAN | `ac_gan(data_to_data(), 0.5)` | `Contrastive` |
| MHGAN | `multi_hinge()`, with the loss `losses.zero()` | `MultiHinge` |
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ganjax.core import DiscriminatorOutputs, Number
from ganjax.regularizers.terms import PerPlayer, add_stateless, stateless, weighted


# (what the head sowed, labels) -> the mean classification loss.
ClassLoss = Callable[[Mapping[str, Array], Int[Array, " b"]], Float[Array, ""]]
TWIN = "twin "  # precedes the names of what the twin of a classifier sows


def ac_gan(
    class_loss: ClassLoss, weight: Number = 1.0, g_weight: Number | None = None
) -> PerPlayer:
    """Auxiliary classifier: D learns to classify real images, and G to have its classified.

    This is AC-GAN (Odena et al., 2017) without D's loss on generated images, which most
    later work leaves out.

    Args:
        class_loss: the classification loss.
        weight: the weight of both players' terms.
        g_weight: G's weight if it differs: 0.1 in Gulrajani et al. (2017).
    """

    def d(turn):
        return class_loss(turn.real.heads, turn.real.label)

    def g(turn):
        return class_loss(turn.fake.heads, turn.fake.label)

    g_weight = weight if g_weight is None else g_weight
    return PerPlayer(weighted(weight, d), weighted(g_weight, g))


def tac_gan(
    class_loss: ClassLoss, weight: Number = 1.0, twin_weight: Number = 1.0
) -> PerPlayer:
    """Twin auxiliary classifiers (Gong et al., 2019). Needs a head with `twin=True`.

    The first classifier is AC-GAN's. A second one, the twin, learns the classes of
    generated images, and G maximizes its loss. AC-GAN alone rewards samples whose class is
    too easy to tell; this term cancels that.

    Args:
        class_loss: the classification loss of both classifiers.
        weight: the weight of the first classifier's loss, for both players.
        twin_weight: the weight of the twin's loss, for both players.
    """

    def twin_loss(turn):
        return class_loss(_twin_heads(turn.fake.heads), turn.fake.label)

    def minus_twin_loss(turn):
        return -twin_loss(turn)

    first = ac_gan(class_loss, weight)
    return PerPlayer(
        d=add_stateless(first.d, weighted(twin_weight, twin_loss)),
        g=add_stateless(first.g, weighted(twin_weight, minus_twin_loss)),
    )


def adc_gan(class_loss: ClassLoss, weight: Number = 1.0) -> PerPlayer:
    """Auxiliary discriminative classifier (Hou et al., 2022).

    Each class has two outputs, one for its real images and one for generated ones. D tells
    all of them apart; G is drawn to the real output of its class and away from the
    generated one. Needs a head with `outputs_per_class=2`.

    Args:
        class_loss: the classification loss, over twice as many classes.
        weight: the weight of both players' terms.
    """

    # The output 2 k is that of real images of class k, 2 k + 1 that of generated ones.
    def loss_as_real(outputs: DiscriminatorOutputs):
        return class_loss(outputs.heads, 2 * outputs.label)

    def loss_as_fake(outputs: DiscriminatorOutputs):
        return class_loss(outputs.heads, 2 * outputs.label + 1)

    def d(turn):
        return loss_as_real(turn.real) + loss_as_fake(turn.fake)

    def g(turn):
        return loss_as_real(turn.fake) - loss_as_fake(turn.fake)

    return PerPlayer(weighted(weight, d), weighted(weight, g))


def cross_entropy() -> ClassLoss:
    """Returns softmax cross entropy, for the head `Classifier`."""

    def class_loss(heads, label):
        log_probabilities = jax.nn.log_softmax(heads["classes"])
        return -jnp.take_along_axis(log_probabilities, label[:, None], axis=1).mean()

    return class_loss


def contrastive(temperature: float = 1.0) -> ClassLoss:
    """Returns ContraGAN's 2C loss (Kang & Park, 2020), for the head `Contrastive`.

    It draws embeddings to the proxy of their class and to images of the same class, away
    from other images. These are the rows at hand: under `pmap`, those of each device.

    Args:
        temperature: divides the cosines.
    """

    def class_loss(heads, label):
        cosines = _cosines(heads, label)
        proxy = jnp.exp(cosines.proxy / temperature)
        images = jnp.exp(cosines.images / temperature)
        # An image does not form a pair with itself.
        images = images * (1 - jnp.eye(len(label)))
        same_class = proxy + jnp.sum(images * cosines.same_class, axis=1)
        return -jnp.log(same_class / (proxy + images.sum(1))).mean()

    return class_loss


def data_to_data(temperature: float = 0.5, margin: float = 0.98) -> ClassLoss:
    """Returns ReACGAN's D2D-CE loss (Kang et al., 2021), for the head `Contrastive`.

    It draws embeddings to the proxy of their class, away from images of other classes.
    These are the rows at hand: under `pmap`, those of each device. The defaults are the
    paper's for CIFAR-10.

    Args:
        temperature: divides the cosines.
        margin: cosines above `margin` with the proxy, or below 1 - `margin` with other
            images, cost nothing.
    """

    def class_loss(heads, label):
        cosines = _cosines(heads, label)
        images = (cosines.images + margin - 1) / temperature
        # The authors' code subtracts the largest similarity from those of the images, as
        # for a stable softmax, but not from the proxy's: that is a part of the loss here.
        # An image alone in its batch has the lowest similarity, that of a cosine of -1.
        is_other = ~jnp.eye(len(label), dtype=bool)
        lowest = (margin - 2) / temperature
        largest = images.max(1, keepdims=True, where=is_other, initial=lowest)
        negatives = jnp.exp(jax.nn.relu(images) - jax.lax.stop_gradient(largest))
        negatives = jnp.sum(negatives * (1 - cosines.same_class), axis=1)
        pull = jax.nn.relu((margin - cosines.proxy) / temperature)
        push = jnp.log(jnp.exp(-pull) + negatives)
        return jnp.mean(pull + push)

    return class_loss


def multi_hinge(g_weight: Number = 0.05) -> PerPlayer:
    """MHGAN: a multi-class hinge loss with one more class for generated images.

    The score of the correct class is to exceed the best other one by 1 (Kavalerov et al.,
    2021, after Crammer & Singer, 2001). Needs the head `MultiHinge`, and `losses.zero()`
    as the loss, since it takes the place of a loss on logits.

    Args:
        g_weight: the weight of G's term; D's is 1.
    """

    def d(turn):
        fake = turn.fake.heads["classes"]
        fake_class = jnp.full_like(turn.fake.label, fake.shape[-1] - 1)
        real_hinge = _hinge(turn.real.heads["classes"], turn.real.label)
        return real_hinge + _hinge(fake, fake_class)

    def g(turn):
        return _hinge(turn.fake.heads["classes"], turn.fake.label)

    return PerPlayer(stateless(d), weighted(g_weight, g))


class Cosines(NamedTuple):
    """Cosines of each image's embedding with others.

    Attributes:
        proxy: with the proxy of its class.
        images: with the embeddings of all images, itself included.
        same_class: 1 where two images are of the same class, 0 elsewhere.
    """

    proxy: Float[Array, " b"]
    images: Float[Array, "b b"]
    same_class: Float[Array, "b b"]


def _cosines(heads: Mapping[str, Array], label: Int[Array, " b"]) -> Cosines:
    embed = _unit(heads["embed"])
    proxies = _unit(heads["proxies"])
    same_class = (label[:, None] == label[None]).astype(embed.dtype)
    return Cosines(
        proxy=jnp.sum(embed * proxies[label], axis=1),
        images=embed @ embed.T,
        same_class=same_class,
    )


def _unit(x: Float[Array, "n c"]) -> Float[Array, "n c"]:
    """Scales vectors to length 1."""
    return x / jnp.linalg.norm(x, axis=-1, keepdims=True)


def _twin_heads(heads: Mapping[str, Array]) -> Mapping[str, Array]:
    """Returns what the twin sowed, under the names of the first classifier."""
    return {name.removeprefix(TWIN): x for name, x in heads.items() if TWIN in name}


def _hinge(classes: Float[Array, "b k"], label: Int[Array, " b"]) -> Float[Array, ""]:
    """Returns the multi-class hinge loss of Crammer & Singer (2001)."""
    is_label = jax.nn.one_hot(label, classes.shape[-1], dtype=bool)
    correct = jnp.sum(classes, axis=1, where=is_label)
    best_other = jnp.max(classes, axis=1, where=~is_label, initial=-jnp.inf)
    return jax.nn.relu(1 + best_other - correct).mean()
