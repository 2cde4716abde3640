"""Layers that keep magnitudes (Karras et al., 2024, EDM2), as R3GAN2 has them.

Weights are of mean 0 and mean square 1 for each output however they are stored, biases
are weights of one more input, and activations keep the deviation of N(0, 1). `forced`
is what `optim.project` puts the stored weights back to.
"""

from math import pi, prod, sqrt

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ganjax.errors import Mistake
from ganjax.models.convolution import conv, same
from ganjax.models.equalized import NONE, NORMAL


DEVIATION = sqrt((1 + 0.2**2 - (1 - 0.2) ** 2 / pi) / 2)  # of a leaky ReLU of N(0, 1)
RGB = "rgb"  # names a layer from or to pixels, whose weights have any mean


def unit(w: Float[Array, "*n d"], centred: bool = True) -> Float[Array, "*n d"]:
    """Weights of mean square 1 for each output, the last axis, and of mean 0."""
    inputs = tuple(range(w.ndim - 1))
    if centred:
        w = w - w.mean(inputs, keepdims=True)
    return w / (jnp.sqrt(jnp.mean(w**2, inputs, keepdims=True)) + 1e-4)


def forced(path: str, w: Array) -> Array:
    """A stored weight as its layer makes it; what belongs to no such layer as it is.

    A weight that grew would turn ever less with each step of one length.
    """
    return unit(w, RGB not in path) if "Unit_" in path else w


def lrelu(x: Float[Array, "b ..."]) -> Float[Array, "b ..."]:
    """The leaky ReLU, of deviation 1 on N(0, 1)."""
    return nn.leaky_relu(x, 0.2) / DEVIATION


class Unit(nn.Module):
    """The weights of a layer, `unit` whatever is stored; drawn from N(0, 1)."""

    shape: tuple[int, ...]  # the last axis counts outputs
    centred: bool = True
    init: nn.initializers.Initializer = NORMAL

    @nn.compact
    def __call__(self) -> Float[Array, "..."]:
        return unit(self.param("kernel", self.init, self.shape), self.centred)


class Conv(nn.Module):
    """A convolution without bias, which keeps magnitudes but for `gain`."""

    features: int
    size: int = 1
    groups: int = 1
    centred: bool = True

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], gain: Float[Array, "1 1 #c #d"] | float = 1.0
    ) -> Float[Array, "b h w d"]:
        shape = self.size, self.size, x.shape[-1] // self.groups, self.features
        kernel = gain * Unit(shape, self.centred)() / sqrt(prod(shape[:3]))
        padding = same(self.size), same(self.size)
        return conv(x, kernel.astype(x.dtype), padding, groups=self.groups)


class Biased(nn.Module):
    """A 1x1 convolution of gain * x and of an input that is 1, the bias.

    With `noise` one more input is N(0, 1) for each pixel, from the rng "noise".
    """

    features: int
    noise: bool = False

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], gain: Float[Array, " c"]
    ) -> Float[Array, "b h w d"]:
        inputs = x.shape[-1] + 1 + self.noise
        w = Unit((1, 1, inputs, self.features))() / sqrt(inputs)
        kernel = w[:, :, : x.shape[-1]] * gain.reshape(1, 1, -1, 1)
        y = conv(x, kernel.astype(x.dtype), NONE) + w[:, :, -1:].astype(x.dtype)
        if not self.noise:
            return y
        noise = jax.random.normal(self.make_rng("noise"), (*x.shape[:3], 1))
        return y + (noise * w[:, :, -2:-1]).astype(x.dtype)


class Linear(nn.Module):
    """A fully connected layer without bias, which keeps magnitudes."""

    features: int

    @nn.compact
    def __call__(self, x: Float[Array, "b c"]) -> Float[Array, "b d"]:
        return x @ Unit((x.shape[-1], self.features))() / sqrt(x.shape[-1])


class Embed(nn.Module):
    """A vector of mean square 1 for each class, at first the same for all."""

    classes: int
    features: int

    @nn.compact
    def __call__(self, label: Int[Array, " b"]) -> Float[Array, "b c"]:
        def alike(key, shape, dtype=jnp.float32):
            one = unit(NORMAL(key, (shape[0], 1), dtype))
            return jnp.repeat(one, shape[1], axis=1)

        shape = self.features, self.classes
        return jnp.take(Unit(shape, init=alike)(), label, axis=1).T


class Spread(nn.Module):
    """Each group of channels, as one learned pattern of 4x4 for each of them."""

    group: int

    @nn.compact
    def __call__(self, h: Float[Array, "b c"]) -> Float[Array, "b 4 4 c"]:
        w = _by_group(h.shape[-1], self.group) / sqrt(self.group)
        h = h.reshape(len(h), -1, self.group)
        return jnp.einsum("bgc,hwcgo->bhwgo", h, w).reshape(len(h), 4, 4, -1)


class Gathered(nn.Module):
    """Each group of channels of a 4x4 image, as seen by one pattern for each of them."""

    group: int

    @nn.compact
    def __call__(self, x: Float[Array, "b 4 4 c"]) -> Float[Array, "b c"]:
        w = _by_group(x.shape[-1], self.group) / sqrt(16 * self.group)
        x = x.reshape(len(x), 4, 4, -1, self.group)
        return jnp.einsum("bhwgc,hwcgo->bgo", x, w).reshape(len(x), -1)


def _by_group(channels: int, group: int) -> Float[Array, "4 4 c g c"]:
    """A grouped 4x4 layer's weights, with the groups as an axis of their own."""
    shape = 4, 4, group, groups(channels, group), group
    return Unit((4, 4, group, channels))().reshape(shape)


def groups(channels: int, group: int) -> int:
    """How many groups of so many channels there are; a `Mistake` if some remain."""
    if channels % group:
        raise Mistake(f"{channels} channels cannot be divided into groups of {group}.")
    return channels // group
