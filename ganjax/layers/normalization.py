"""Normalization layers, all called as `norm(x, label, train=train)`.

With `classes` the gain and the bias are looked up by the label (conditional normalization,
Dumoulin et al., 2017); without, there is one of each and the label is ignored. Gains are
stored as their difference from 1. The shared signature lets a network take any of them as
its field `norm`.

Fields that several layers have:

- `classes`: The number of classes; 0 if the label is ignored.
- `epsilon`: Added to the variance, so that no channel is divided by 0.
"""

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Shaped

from ganjax.errors import UsageError
from ganjax.layers.spectral_norm import Wrap, identity_wrap


# The field `norm` of networks: a function () -> a layer, of which an argument may also be
# the layer's name. The layer is called as `layer(x, label, train=train)`.
Norm = Callable[..., Callable[..., Array]]


class BatchNorm(nn.Module):
    """Batch normalization, with a gain and a bias for each class where there are classes.

    The layer before it should have no bias: subtracting the mean removes it, and its
    gradient is mere rounding noise, which Adam amplifies.

    Attributes:
        momentum: The share of the old average that is kept, as in Chainer, Keras and Flax;
            PyTorch's momentum is 1 minus this.
        gain_init: The initializer of the gains' difference from 1, [classes or 1, c].
    """

    classes: int = 0
    momentum: float = 0.9
    epsilon: float = 1e-5
    gain_init: nn.initializers.Initializer = nn.initializers.zeros

    @nn.compact
    def __call__(
        self, x: Float[Array, "b *n c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b *n c"]:
        shape = (max(self.classes, 1), x.shape[-1])
        row = _row(label, self.classes)
        gain = 1 + self.param("gain", self.gain_init, shape)[row]
        bias = self.param("bias", nn.initializers.zeros, shape)[row]
        # Flax's layer keeps the statistics; its own gain and bias do not depend on classes.
        x = nn.BatchNorm(
            use_running_average=not train,
            momentum=self.momentum,
            epsilon=self.epsilon,
            use_bias=False,
            use_scale=False,
        )(x)
        return x * _expand(gain, x) + _expand(bias, x)


class Shift(nn.Module):
    """A bias for each class, without normalization, for use in place of a `BatchNorm`."""

    classes: int = 0

    @nn.compact
    def __call__(
        self, x: Float[Array, "b *n c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b *n c"]:
        shape = (max(self.classes, 1), x.shape[-1])
        bias = self.param("bias", nn.initializers.zeros, shape)
        return x + _expand(bias[_row(label, self.classes)], x)


def instance_norm(x: Float[Array, "b *n c"], epsilon: float) -> Float[Array, "b *n c"]:
    """Normalizes each channel of each image to mean 0 and variance 1.

    Raises:
        UsageError: if x is a batch of vectors, which would become zeros.
    """
    if x.ndim < 3:
        raise UsageError(
            "Instance norm leaves nothing of a vector: use it in a network that normalizes "
            "images only, such as `models.resnet`."
        )
    # All axes but those of the batch and the channels: images, signals and volumes.
    pixels = tuple(range(1, x.ndim - 1))
    mean = jnp.mean(x, pixels, keepdims=True)
    variance = jnp.var(x, pixels, keepdims=True)
    return (x - mean) * jax.lax.rsqrt(variance + epsilon)


class InstanceNorm(nn.Module):
    """Instance normalization (Ulyanov et al., 2017); it has weights only with classes.

    The layer before it should have no bias, as before a batch normalization.
    """

    classes: int = 0
    epsilon: float = 1e-5

    @nn.compact
    def __call__(
        self, x: Float[Array, "b *n c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b *n c"]:
        x = instance_norm(x, self.epsilon)
        if not self.classes:
            return x
        shape = (self.classes, x.shape[-1])
        gain = self.param("gain", nn.initializers.zeros, shape)[label]
        bias = self.param("bias", nn.initializers.zeros, shape)[label]
        return x * (1 + _expand(gain, x)) + _expand(bias, x)


class AdaIN(nn.Module):
    """Adaptive instance normalization (Huang & Belongie, 2017, equation 8).

    The gain and the bias depend on a style, which is passed in place of the label. It is
    either the class of each image, [b], or a vector for each image, [b, e], of which both
    are linear functions, as with StyleGAN's w (Karras et al., 2019, equation 1). There are
    no statistics, so training and evaluation do not differ.

    Attributes:
        wrap: What the two linear functions are wrapped in.
    """

    classes: int = 0
    epsilon: float = 1e-5
    wrap: Wrap = identity_wrap

    @nn.compact
    def __call__(
        self, x: Float[Array, "b *n c"], label: Shaped[Array, "b *e"], *, train: bool
    ) -> Float[Array, "b *n c"]:
        x = instance_norm(x, self.epsilon)

        def style(name):
            if label.ndim == 2:
                dense = nn.Dense(x.shape[-1], name=name)
                return self.wrap(dense)(label, train=train)
            shape = (max(self.classes, 1), x.shape[-1])
            table = self.param(name, nn.initializers.zeros, shape)
            return table[_row(label, self.classes)]

        return x * (1 + _expand(style("gain"), x)) + _expand(style("bias"), x)


def _row(label: Array, classes: int) -> Array:
    """Returns each label's row in a table of classes, or row 0 if there are no classes."""
    return label if classes else jnp.zeros_like(label)


def _expand(rows: Array, x: Array) -> Array:
    """Returns rows [b, c] as [b, 1, ..., 1, c], to broadcast with an x of [b, ..., c]."""
    return jnp.expand_dims(rows, tuple(range(1, x.ndim - 1)))
