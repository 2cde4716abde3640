"""Likelihoods log p(x | z) of autoencoders, as functions of the decoder's output and of x.

A `Likelihood` says how probable an example is by what a decoder made of z, and what is
shown as a sample. The functions here build such values; one of a user's own needs nothing
from here. Images are in -1..1, as networks see them, so that the generator of a GAN, which
ends in a tanh, is a decoder: its output is the mean.

Most distributions have a scale besides their mean. Where it is learned, the decoder is
wrapped in `layers.autoencoders.LearnedScale`; `fixed` makes a likelihood of the mean alone.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from ganjax.core import PyTree


LEVELS = 256  # of an image that is stored in bytes
MIN_LOG_SCALE = -7.0  # of a logistic distribution, where the levels are 2 / 255 apart
MIN_PROBABILITY = 1e-6  # of a pixel that is black or white


class Scaled(NamedTuple):
    """What a decoder makes of z where the scale of the distribution is learned.

    Attributes:
        mean: the mean, or what it follows from, [b, ...].
        log_scale: the logarithm of the scale: one number, or one for each column of a
            table.
    """

    mean: Any
    log_scale: Any


class Likelihood(NamedTuple):
    """A distribution p(x | z) of examples.

    Attributes:
        log_prob: (the decoder's output, x) -> log p(x | z) of each example in nats, [b].
        generate: (the decoder's output, key) -> what is shown as a sample. Of images it is
            the mean, as is usual, and no draw.
        is_discrete: whether p is a probability of the values that are stored, and not a
            density, so that it can be given in bits per dimension.
    """

    log_prob: Callable[[PyTree, Array], Float[Array, " b"]]
    generate: Callable[[PyTree, Key[Array, ""]], Array]
    is_discrete: bool = False


def fixed(likelihood: Likelihood, scale: float) -> Likelihood:
    """Makes a likelihood of the mean alone, with a constant scale.

    Args:
        likelihood: a likelihood of a `Scaled`.
        scale: its scale: the standard deviation of a Gaussian.

    Example:
        >>> fixed(gaussian(), 1.0)  # half the squared error, but for a constant
    """
    log_scale = jnp.log(jnp.float32(scale))
    return likelihood._replace(
        log_prob=lambda mean, x: likelihood.log_prob(Scaled(mean, log_scale), x),
        generate=lambda mean, key: likelihood.generate(Scaled(mean, log_scale), key),
    )


def gaussian() -> Likelihood:
    """Independent Gaussians (Kingma & Welling, 2014, appendix C.2), of a `Scaled`.

    It is a density, so that log p grows without bound as the scale falls where examples are
    reproduced exactly.
    """

    def log_prob(output: Scaled, x: Float[Array, "b *s"]) -> Float[Array, " b"]:
        return _sum(_log_normal(x, output.mean, output.log_scale))

    return Likelihood(log_prob, _mean)


def bernoulli() -> Likelihood:
    """Independent pixels that are black or white (the same, appendix C.1).

    The decoder's output is the mean in -1..1, of which 1 is a white pixel for certain.
    Pixels of x that are gray count as a share of white ones, as in most reported results on
    MNIST; log p is then the log-likelihood of no distribution.
    """

    def log_prob(mean: Array, x: Float[Array, "b *s"]) -> Float[Array, " b"]:
        share, p = (x + 1) / 2, (mean + 1) / 2
        p = jnp.clip(p, MIN_PROBABILITY, 1 - MIN_PROBABILITY)
        return _sum(share * jnp.log(p) + (1 - share) * jnp.log1p(-p))

    return Likelihood(log_prob, lambda mean, key: mean)


def discretized_logistic(levels: int = LEVELS) -> Likelihood:
    """A logistic distribution in the bins of stored pixels, of a `Scaled`.

    The probability of a pixel is that of its bin, of which the first and the last reach to
    infinity (Kingma et al., 2016, section 5.2; Salimans et al., 2017, equation 2).

    Args:
        levels: the number of values that a pixel can have, evenly from -1 to 1.
    """
    half = 1 / (levels - 1)  # of the width of a bin

    def log_prob(output: Scaled, x: Float[Array, "b *s"]) -> Float[Array, " b"]:
        log_scale = jnp.maximum(output.log_scale, MIN_LOG_SCALE)
        inverse = jnp.exp(-log_scale)
        above = (x - output.mean + half) * inverse
        below = (x - output.mean - half) * inverse
        # Of a > b, sigmoid(a) - sigmoid(b) = sigmoid(a) sigmoid(-b) (1 - exp(b - a)), each
        # factor of which has an exact logarithm, however far x is from the mean.
        left, right = jax.nn.log_sigmoid(above), jax.nn.log_sigmoid(-below)
        within = left + right + jnp.log(-jnp.expm1(-2 * half * inverse))
        found = jnp.where(x > 1 - half, right, within)
        return _sum(jnp.where(x < -1 + half, left, found))

    return Likelihood(log_prob, _mean, is_discrete=True)


def rows(layout: Sequence[tuple[bool, int]], argmax: bool = True) -> Likelihood:
    """Rows of a table, as of TVAE (Xu et al., 2019, section 4.5), of a `Scaled`.

    The decoder's outputs are those of all columns, one after another: of a continuous one
    its position, before a tanh, then the logits of its modes; of a discrete one the logits
    of its values. A position is Gaussian, and there is one scale for each continuous
    column.

    Args:
        layout: of each column, whether it is continuous, and the number of its modes or of
            its values; `ganjax.data.schema.Schema.layout`.
        argmax: whether a sample has the most probable mode and value, as in the authors'
            package, or draws them. Positions are drawn in either case.
    """

    def parts(outputs: Array) -> list[tuple[bool, Array]]:
        """Of each span, whether it is a position, and its part of rows [b, d]."""
        found, start = [], 0
        for is_continuous, width in layout:
            if is_continuous:
                found.append((True, outputs[:, start : start + 1]))
            start += is_continuous
            found.append((False, outputs[:, start : start + width]))
            start += width
        return found

    def log_prob(output: Scaled, x: Float[Array, "b d"]) -> Float[Array, " b"]:
        total, place = jnp.zeros(len(x)), 0
        for (is_position, made), (_, real) in zip(
            parts(output.mean), parts(x), strict=True
        ):
            if is_position:
                scale = output.log_scale[place]
                total += _sum(_log_normal(real, jnp.tanh(made), scale))
                place += 1
            else:
                total += _sum(real * jax.nn.log_softmax(made))
        return total

    def generate(output: Scaled, key: Key[Array, ""]) -> Float[Array, "b d"]:
        drawn, place = [], 0
        for i, (is_position, made) in enumerate(parts(output.mean)):
            span_key = jax.random.fold_in(key, i)
            if is_position:
                noise = jax.random.normal(span_key, made.shape)
                scale = jnp.exp(output.log_scale[place])
                drawn.append(jnp.clip(jnp.tanh(made) + scale * noise, -1, 1))
                place += 1
            else:
                # The largest of logits with Gumbel noise is a draw of their softmax.
                gumbel = jax.random.gumbel(span_key, made.shape)
                chosen = (made if argmax else made + gumbel).argmax(-1)
                drawn.append(jax.nn.one_hot(chosen, made.shape[-1]))
        return jnp.concatenate(drawn, axis=-1)

    return Likelihood(log_prob, generate)


def _mean(output: Scaled, key: Key[Array, ""]) -> Array:
    return output.mean


def _log_normal(x: Array, mean: Array, log_scale: Array) -> Array:
    """log N(x; mean, scale^2), of each number."""
    distance = (x - mean) * jnp.exp(-log_scale)
    return -0.5 * distance**2 - log_scale - 0.5 * jnp.log(2 * jnp.pi)


def _sum(x: Float[Array, "b *s"]) -> Float[Array, " b"]:
    """The sum over all numbers of each example."""
    return x.reshape(len(x), -1).sum(axis=1)
