"""Magnitude-preserving layers of EDM2 (Karras et al., 2024), as R3GAN2 has them.

Whatever weights are stored, they are used with mean 0 and mean square 1 for each output.
Biases are weights of one more input, which is 1. Activations of standard deviation 1 keep
it. After each step, `optim.project(forced_weight_normalization)` replaces the stored
weights by the normalized ones.

The names of the classes are part of the parameters' names, such as
`Biased_0/Unit_0/kernel`, by which released weights are loaded and
`forced_weight_normalization` finds the weights.
"""

from math import pi, prod, sqrt

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ganjax.errors import UsageError
from ganjax.layers.equalized import NORMAL
from ganjax.ops.convolution import NO_PADDING, conv, same_padding


# The standard deviation of a leaky ReLU of N(0, 1).
LRELU_STD = sqrt((1 + 0.2**2 - (1 - 0.2) ** 2 / pi) / 2)
RGB = "rgb"  # the name of a layer from or to pixels, whose weights may have any mean


def normalize_weight(
    w: Float[Array, "*n d"], centered: bool = True
) -> Float[Array, "*n d"]:
    """Scales weights to a mean square of 1, and a mean of 0, for each output.

    Args:
        w: Weights whose last axis counts outputs.
        centered: Whether the mean is subtracted.
    """
    input_axes = tuple(range(w.ndim - 1))
    if centered:
        w = w - w.mean(input_axes, keepdims=True)
    # As in EDM2's code, a small number keeps weights of zero from becoming NaN.
    return w / (jnp.sqrt(jnp.mean(w**2, input_axes, keepdims=True)) + 1e-4)


def forced_weight_normalization(path: str, w: Array) -> Array:
    """Returns a stored weight as its layer uses it (EDM2's configuration E).

    Without it the stored weights would grow, so that steps of the same length would change
    the normalized weights less and less.

    Args:
        path: The path of the parameter.
        w: The stored weight.

    Returns:
        The normalized weight; parameters of other layers than this file's are unchanged.
    """
    return normalize_weight(w, RGB not in path) if "Unit_" in path else w


def lrelu(x: Float[Array, "b ..."]) -> Float[Array, "b ..."]:
    """Computes the leaky ReLU, scaled to a standard deviation of 1 on N(0, 1)."""
    return nn.leaky_relu(x, 0.2) / LRELU_STD


class Unit(nn.Module):
    """The weights of a layer, which are normalized whenever they are used.

    Attributes:
        shape: The shape of the weights, whose last axis counts outputs.
        centered: Whether their mean is subtracted.
        init: The initializer of the stored weights.
    """

    shape: tuple[int, ...]
    centered: bool = True
    init: nn.initializers.Initializer = NORMAL

    @nn.compact
    def __call__(self) -> Float[Array, "..."]:
        return normalize_weight(
            self.param("kernel", self.init, self.shape), self.centered
        )


class Conv(nn.Module):
    """A convolution without a bias that keeps the sides of images.

    It is called as `conv(x, gain)`, where the kernel is multiplied by `gain`. With a gain
    of 1 the output has the magnitude of the input.

    Attributes:
        features: The number of output channels.
        size: The side of the kernel in pixels.
        groups: The number of groups of channels that are convolved by themselves.
        centered: Whether the mean of the kernel is subtracted.
    """

    features: int
    size: int = 1
    groups: int = 1
    centered: bool = True

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], gain: Float[Array, "1 1 #c #d"] | float = 1.0
    ) -> Float[Array, "b h w d"]:
        shape = (self.size, self.size, x.shape[-1] // self.groups, self.features)
        # Weights of mean square 1 over the root of the fan-in keep the magnitude of inputs
        # that are uncorrelated.
        kernel = gain * Unit(shape, self.centered)() / sqrt(prod(shape[:3]))
        padding = same_padding(self.size)
        kernel = kernel.astype(x.dtype)
        return conv(x, kernel, (padding, padding), groups=self.groups)


class Biased(nn.Module):
    """A 1x1 convolution of gain * x and of one more input, which is 1.

    The weights of that input are the bias.

    Attributes:
        features: The number of output channels.
        noise: Whether there is another input, N(0, 1) for each pixel, from the rng "noise".
    """

    features: int
    noise: bool = False

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], gain: Float[Array, " c"]
    ) -> Float[Array, "b h w d"]:
        # The weights of all inputs are normalized together: x, then noise, then 1.
        inputs = x.shape[-1] + 1 + self.noise
        w = Unit((1, 1, inputs, self.features))() / sqrt(inputs)
        kernel = w[:, :, : x.shape[-1]] * gain.reshape(1, 1, -1, 1)
        y = conv(x, kernel.astype(x.dtype), NO_PADDING) + w[:, :, -1:].astype(x.dtype)
        if not self.noise:
            return y
        noise = jax.random.normal(self.make_rng("noise"), (*x.shape[:3], 1))
        return y + (noise * w[:, :, -2:-1]).astype(x.dtype)


class Linear(nn.Module):
    """A fully connected layer without a bias that keeps the magnitude of vectors.

    Attributes:
        features: The number of outputs.
    """

    features: int

    @nn.compact
    def __call__(self, x: Float[Array, "b c"]) -> Float[Array, "b d"]:
        return x @ Unit((x.shape[-1], self.features))() / sqrt(x.shape[-1])


class Embed(nn.Module):
    """A vector of mean square 1 for each class, initialized to the same for all classes.

    Attributes:
        classes: The number of classes.
        features: The length of a vector.
    """

    classes: int
    features: int

    @nn.compact
    def __call__(self, label: Int[Array, " b"]) -> Float[Array, "b c"]:
        # `Unit` counts outputs last, so that it holds a column for each class.
        def init(key, shape, dtype=jnp.float32):
            one = normalize_weight(NORMAL(key, (shape[0], 1), dtype))
            return jnp.repeat(one, shape[1], axis=1)

        shape = self.features, self.classes
        return jnp.take(Unit(shape, init=init)(), label, axis=1).T


class Spread(nn.Module):
    """A grouped transposed convolution from vectors to 4x4 images.

    Each output channel is a weighted sum of 4x4 patterns, one for each input channel of its
    group.

    Attributes:
        group: The number of channels of a group.
    """

    group: int

    @nn.compact
    def __call__(self, h: Float[Array, "b c"]) -> Float[Array, "b 4 4 c"]:
        w = _grouped_weights(h.shape[-1], self.group) / sqrt(self.group)
        h = h.reshape(len(h), -1, self.group)
        # g counts groups, c and o the input and output channels of a group.
        return jnp.einsum("bgc,hwcgo->bhwgo", h, w).reshape(len(h), 4, 4, -1)


class Gathered(nn.Module):
    """A grouped convolution from 4x4 images to vectors.

    Attributes:
        group: The number of channels of a group.
    """

    group: int

    @nn.compact
    def __call__(self, x: Float[Array, "b 4 4 c"]) -> Float[Array, "b c"]:
        w = _grouped_weights(x.shape[-1], self.group) / sqrt(16 * self.group)
        x = x.reshape(len(x), 4, 4, -1, self.group)
        return jnp.einsum("bhwgc,hwcgo->bgo", x, w).reshape(len(x), -1)


def _grouped_weights(channels: int, group: int) -> Float[Array, "4 4 c g c"]:
    """Returns a grouped 4x4 layer's weights [4, 4, input channel, group, output channel].

    The channels are those of a group.
    """
    shape = (4, 4, group, group_count(channels, group), group)
    return Unit((4, 4, group, channels))().reshape(shape)


def group_count(channels: int, group: int) -> int:
    """Returns how many groups of `group` channels there are.

    Raises:
        UsageError: unless `group` divides the number of channels.
    """
    if channels % group:
        raise UsageError(
            f"{channels} channels cannot be divided into groups of {group}."
        )
    return channels // group
