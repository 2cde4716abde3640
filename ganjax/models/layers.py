"""The layers that several networks share.

A layer with a state, or one that needs the classes, is called with `train` as the last
keyword; normalisations are called as `norm(x, label, train=train)`.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Shaped

from ganjax.errors import Mistake
from ganjax.models.convolution import conv, conv_transpose


HALF = ((1, 1), (1, 1)), (2, 2)  # the padding and stride that halve an image's sides


def up(
    x: Float[Array, "b h w c"], kernel: Float[Array, "4 4 c d"]
) -> Float[Array, "b H W d"]:
    """The 4x4 stride-2 transposed convolution, [b, h, w, c] to [b, 2h, 2w, d].

    It equals `jax.lax.conv_transpose(x, kernel, (2, 2), "SAME")`.
    """
    return conv_transpose(x, kernel[::-1, ::-1].swapaxes(2, 3), *HALF)


def down(
    x: Float[Array, "b h w c"], kernel: Float[Array, "k k c d"]
) -> Float[Array, "b H W d"]:
    """The 3x3 or 4x4 stride-2 convolution, padding 1: [b, 2h, 2w, c] to [b, h, w, d]."""
    return conv(x, kernel, *HALF)


class Resample(nn.Module):
    """A bias-free 4x4 convolution that halves or doubles an image's sides."""

    features: int
    by: Callable[[Array, Array], Array]  # up or down
    kernel_init: Callable[..., Array] = nn.initializers.lecun_normal()

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b H W d"]:
        shape = (4, 4, x.shape[-1], self.features)
        return self.by(x, self.param("kernel", self.kernel_init, shape))


Up = partial(Resample, by=up)
Down = partial(Resample, by=down)


class BatchNorm(nn.Module):
    """Batch normalisation, with a gain and a bias for each class where there are any.

    The gain is stored as its difference from one (conditional: Dumoulin et al., 2017).
    `momentum` is the share of the old average that is kept, as in Chainer, Keras and
    Flax; PyTorch's is one minus this. No bias belongs before it, as the mean takes it
    away and its gradient is mere rounding noise, which Adam amplifies.
    """

    classes: int = 0
    momentum: float = 0.9
    epsilon: float = 1e-5
    gain_init: Callable[..., Array] = nn.initializers.zeros

    @nn.compact
    def __call__(
        self, x: Float[Array, "b *n c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b *n c"]:
        shape = (max(self.classes, 1), x.shape[-1])
        row = _row(label, self.classes)
        gain = 1 + self.param("gain", self.gain_init, shape)[row]
        bias = self.param("bias", nn.initializers.zeros, shape)[row]
        x = nn.BatchNorm(
            use_running_average=not train,
            momentum=self.momentum,
            epsilon=self.epsilon,
            use_bias=False,
            use_scale=False,
        )(x)
        return x * _over(gain, x) + _over(bias, x)


def _row(label: Array, classes: int) -> Array:
    """Where a label stands in a table of the classes; without classes there is one."""
    return label if classes else jnp.zeros_like(label)


def _over(rows: Array, x: Array) -> Array:
    """[b, c] seen as [b, 1, ..., 1, c], to go with an x [b, ..., c]."""
    return jnp.expand_dims(rows, tuple(range(1, x.ndim - 1)))


class Shift(nn.Module):
    """What batch norm leaves when it does not normalise: a bias, for each class."""

    classes: int = 0

    @nn.compact
    def __call__(
        self, x: Float[Array, "b *n c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b *n c"]:
        shape = (max(self.classes, 1), x.shape[-1])
        bias = self.param("bias", nn.initializers.zeros, shape)
        return x + _over(bias[_row(label, self.classes)], x)


class SpectralNorm(nn.Module):
    """A layer whose every matrix is divided by its largest singular value.

    One step of power iteration per call (Miyato et al., 2018, algorithm 1), from the
    vector u in collection "spectral", which only `train` replaces; convolutions count
    as matrices [h w c, d] and u is as long as the output, of an embedding as long as the
    table. The gradient passes through sigma, not through u and v
    (equations 11-12). As in the authors' code the step is taken at evaluation too, so
    the same variables give the same output whatever `train` is.
    """

    layer: nn.Module
    epsilon: float = 1e-12

    @nn.compact
    def __call__(self, *args: Any, train: bool) -> Any:
        def call(layer):
            return layer(*args)

        def normalise(params):
            divide = partial(self._divide, train)
            return jax.tree_util.tree_map_with_path(divide, params)

        if self.is_initializing():
            call(self.layer)  # else its weights would be stored already divided
        return nn.map_variables(call, "params", normalise)(self.layer)

    def _divide(self, train: bool, path: tuple, weight: Array) -> Array:
        if weight.ndim < 2:
            return weight
        matrix = weight.reshape(-1, weight.shape[-1])
        matrix = matrix.T if path[-1].key == "embedding" else matrix
        name = ".".join(entry.key for entry in path if entry.key != "params")
        u = self.variable("spectral", name, self._random, matrix.shape[-1:])
        fixed = jax.lax.stop_gradient(matrix)
        right = jax.lax.stop_gradient(u.value)
        left = self._unit(fixed @ right)
        right = self._unit(left @ fixed)
        if train:
            u.value = right
        return weight / (left @ matrix @ right).astype(weight.dtype)

    def _random(self, shape: tuple[int, ...]) -> Array:
        return jax.random.normal(self.make_rng("params"), shape)

    def _unit(self, x: Array) -> Array:
        return x / (jnp.linalg.norm(x) + self.epsilon)


def plain(layer: nn.Module) -> Callable[..., Any]:
    """The layer as it is, called as `SpectralNorm(layer)` would be."""
    return lambda *args, train: layer(*args)


def instance_norm(x: Float[Array, "b *n c"], epsilon: float) -> Float[Array, "b *n c"]:
    """Each channel of each image with a mean of 0 and a variance of 1.

    `Mistake` for vectors, of which nothing is left.
    """
    if x.ndim < 3:
        raise Mistake(
            "Instance norm leaves nothing of a vector: give it to a network whose norms "
            "all see images, as resnet's do."
        )
    pixels = tuple(range(1, x.ndim - 1))
    mean, variance = (f(x, pixels, keepdims=True) for f in (jnp.mean, jnp.var))
    return (x - mean) * jax.lax.rsqrt(variance + epsilon)


class InstanceNorm(nn.Module):
    """Instance normalisation (Ulyanov et al., 2017), which alone has no weights.

    Classes choose a gain, stored as its difference from one, and a bias (Dumoulin et al.,
    2017). No bias belongs before it, as before a batch norm.
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
        shape, zeros = (self.classes, x.shape[-1]), nn.initializers.zeros
        gain, bias = (self.param(k, zeros, shape)[label] for k in ("gain", "bias"))
        return x * (1 + _over(gain, x)) + _over(bias, x)


class AdaIN(nn.Module):
    """Instance norm whose gain and bias a style gives (Huang & Belongie, 2017, eq. 8).

    The style is each image's class, or a vector [b, e] of which both are linear, as of
    StyleGAN's w (Karras et al., 2019, eq. 1). The gain is given as its difference from
    one. Nothing is kept, so training and evaluation do not differ.
    """

    classes: int = 0
    epsilon: float = 1e-5
    wrap: Callable[[nn.Module], Callable[..., Any]] = plain

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

        return x * (1 + _over(style("gain"), x)) + _over(style("bias"), x)
