"""Projected GAN (Sauer et al., 2021): a D on the features of a frozen, pretrained network.

Images are projected in two steps that are not trained (section 3.2): the network's feature
maps of four resolutions are mixed by random 1x1 convolutions, first across the channels of
each map, then across scales, from the coarsest to the finest. A small discriminator on each
scale makes logits for patches of the image. Losses average over all logits, and no gradient
penalty is used.

Sizes follow the authors' code for FastGAN's G, without the biases that a batch norm
cancels. Any frozen network can be used; the authors' is in `pretrained.efficientnet`.
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from math import sqrt

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ganjax.core import PyTree
from ganjax.errors import UsageError
from ganjax.layers import resampling, sizes
from ganjax.layers.example import Example
from ganjax.layers.normalization import BatchNorm, Shift
from ganjax.layers.spectral_norm import SpectralNorm, Wrap
from ganjax.models.resnet import halve
from ganjax.ops.convolution import conv


INIT = nn.initializers.variance_scaling(1 / 3, "fan_in", "uniform")  # PyTorch's default
WIDTHS = (64, 128, 256, 512)
VALID = ((0, 0), (0, 0))  # the padding of a convolution that stays within the image


class Frozen(nn.Module):
    """A network whose weights are given and are not trained.

    They are in the collection "frozen", so they are part of the state and of checkpoints,
    but no optimizer sees them.

    Attributes:
        call: computes the feature maps, `(weights, image) -> maps`.
        weights: makes or reads the weights when the variables are initialized.
        pretrained: the name of the network, as features for scores are named; "" where its
            weights were not trained.
    """

    call: Callable[[PyTree, Array], Sequence[Array]]
    weights: Callable[[], PyTree]
    pretrained: str = ""

    @nn.compact
    def __call__(self, image: Float[Array, "b h w c"]) -> Sequence[Array]:
        weights = self.variable("frozen", "weights", self.weights)
        return self.call(weights.value, image)


class Discriminator(nn.Module):
    """Maps images [b, h, w, c] to logits [b, n], those of the finest scale first.

    Attributes:
        features: maps images to feature maps [b, h, w, c], each with half the sides of the
            one before it: a `Frozen` network or any function.
        classes: number of classes, which enter by projection at each patch.
        input_size: side to which smaller images are upsampled before `features`.
        projector_width: channels of the finest projected map; each coarser map has twice
            as many as the one before it.
        widths: channels of the halving blocks on the finest scale. Each coarser scale
            lacks the first block of the one before it.
        wrap: spectral norm, or `identity_wrap`.
        use_bias: whether convolutions have biases before batch norm, as in the authors'
            code.

    Raises:
        UsageError: If the feature maps do not halve from one to the next, or if one is too
            small for its blocks.
    """

    features: Callable[[Array], Sequence[Array]]
    classes: int = 0
    input_size: int = 224
    projector_width: int = 64
    widths: tuple[int, ...] = WIDTHS
    wrap: Wrap = SpectralNorm
    use_bias: bool = False

    @nn.compact
    def __call__(
        self, image: Float[Array, "b h w c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b n"]:
        size = self.input_size
        if max(sizes.sides_of("Projected GAN's D", image)) < size:
            shape = (len(image), size, size, image.shape[-1])
            image = jax.image.resize(image, shape, "bilinear")
        logits = []
        for i, x in enumerate(Projector(self.features, self.projector_width)(image)):
            # Coarser maps start further down, so they need fewer halvings to the same 4x4
            # patches.
            discriminate = ScaleDiscriminator(
                self.widths[i:],
                self.classes,
                self.wrap,
                self.use_bias,
                name=f"scale_{i}",
            )
            logits.append(discriminate(x, label, train=train))
        return jnp.concatenate(logits, axis=-1)


class Projector(nn.Module):
    """Projects images to random mixtures of features (section 3.2), finest map first.

    The maps have twice the sides of those of `features`.

    Attributes:
        features: maps images to feature maps, as in `Discriminator`.
        width: channels of the finest projected map.
    """

    features: Callable[[Array], Sequence[Array]]
    width: int

    @nn.compact
    def __call__(self, image: Float[Array, "b h w c"]) -> list[Array]:
        # Cross-channel mixing, of each map alone.
        maps = [
            Mixing(self.width << i, name=f"channels_{i}")(x)
            for i, x in enumerate(self.features(image))
        ]
        _check_halving(image, maps)

        # Cross-scale mixing: each coarser result is added to the next finer map. The 1x1
        # convolution and the upsampling commute; it is cheaper to convolve first.
        coarser = jnp.zeros((1, 1, 1, 1))
        projected = []
        for i in reversed(range(len(maps))):
            mixing = Mixing(self.width << max(i - 1, 0), name=f"scales_{i}")
            coarser = upsample(mixing(maps[i] + coarser))
            projected.append(coarser)
        return projected[::-1]


class Mixing(nn.Module):
    """A random 1x1 convolution that is not trained: it is in the collection "frozen"."""

    features: int

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w d"]:
        # PyTorch's default initialization of convolutions, as in the authors' code.
        bound = 1 / sqrt(x.shape[-1])

        def draw(*shape):
            key = self.make_rng("params")
            return jax.random.uniform(key, shape, minval=-bound, maxval=bound)

        keep = partial(self.variable, "frozen")
        kernel = keep("kernel", draw, 1, 1, x.shape[-1], self.features)
        bias = keep("bias", draw, self.features)
        return conv(x, kernel.value, VALID) + bias.value.reshape(1, 1, 1, -1)


class ScaleDiscriminator(nn.Module):
    """The discriminator of one scale: halving blocks, then a logit for each 4x4 patch.

    Attributes:
        widths: channels of each halving block.
        classes: number of classes.
        wrap: spectral norm, or `identity_wrap`.
        use_bias: whether the convolutions before a batch norm have biases.
    """

    widths: tuple[int, ...]
    classes: int
    wrap: Wrap
    use_bias: bool

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b n"]:
        height, width = (side >> len(self.widths) for side in x.shape[1:3])
        if min(height, width) < 4:
            raise UsageError(
                f"The feature maps of a scale end as {height}x{width}, too small for a 4x4 "
                "convolution: give D a larger input size or fewer widths."
            )
        for width in self.widths:
            x = self.wrap(resampling.Down(width, kernel_init=INIT))(x, train=train)
            if self.use_bias:
                x = Shift()(x, label, train=train)
            x = BatchNorm()(x, label, train=train)
            x = nn.leaky_relu(x, 0.2)
        # The name that the parameters have in checkpoints.
        logits = PatchLogits(self.classes, self.wrap, name="Verdict_0")
        return logits(x, label, train=train)


class PatchLogits(nn.Module):
    """Maps feature maps to logits [b, n], one for each 4x4 patch in row-major order.

    With classes, a logit is the inner product of a vector of the patch and a vector of the
    class, divided by the root of their length.

    Attributes:
        classes: number of classes.
        wrap: spectral norm of the 4x4 convolution, or `identity_wrap`.
        kernel_init: initializer of the 4x4 convolution.
        dim: length of the two vectors.
        embed_dim: length of the class embedding, from which the class's vector is computed.
    """

    classes: int
    wrap: Wrap
    kernel_init: nn.initializers.Initializer = INIT
    dim: int = 64
    embed_dim: int = 128

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w c"], label: Int[Array, " b"], *, train: bool
    ) -> Float[Array, "b n"]:
        features = self.dim if self.classes else 1
        layer = ValidConv(features, self.kernel_init, name="Square_0")
        x = self.wrap(layer)(x, train=train)
        if not self.classes:
            return x.reshape(len(x), -1)
        init = nn.initializers.normal(1.0)
        embed = nn.Embed(self.classes, self.embed_dim, embedding_init=init)
        dense = nn.Dense(self.dim, kernel_init=INIT)
        # Projection at every patch: all logits of an image share the vector of its class.
        vector = nn.leaky_relu(dense(embed(label)), 0.2)
        logits = jnp.sum(x * vector[:, None, None], axis=-1) / sqrt(self.dim)
        return logits.reshape(len(x), -1)


class ValidConv(nn.Module):
    """A 4x4 convolution without padding or bias."""

    features: int
    kernel_init: nn.initializers.Initializer = INIT

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b H W d"]:
        shape = (4, 4, x.shape[-1], self.features)
        return conv(x, self.param("kernel", self.kernel_init, shape), VALID)


def upsample(x: Float[Array, "b h w c"]) -> Float[Array, "b H W c"]:
    """Doubles the sides by bilinear interpolation with aligned corners.

    The centers of the corner pixels stay where they are, as with PyTorch's
    `align_corners=True`. `jax.image.resize` keeps the outer edges of these pixels instead.
    """

    def weights(n):
        # Row i has the weights of old pixels in new pixel i, [2 n, n]: a hat function of
        # the distance.
        position = np.linspace(0, n - 1, 2 * n)[:, None]
        return jnp.asarray(np.maximum(0, 1 - np.abs(position - np.arange(n))), x.dtype)

    rows = weights(x.shape[1])
    columns = weights(x.shape[2])
    highest = jax.lax.Precision.HIGHEST
    return jnp.einsum("ih,bhwc,jw->bijc", rows, x, columns, precision=highest)


def _check_halving(image: Array, maps: Sequence[Array]) -> None:
    """Raises a `UsageError` unless each map has half the sides of the one before it."""
    sides = [x.shape[1:3] for x in maps]
    for fine, coarse in pairwise(sides):
        if fine != (2 * coarse[0], 2 * coarse[1]):
            raise UsageError(
                f"Images of {image.shape[1]}x{image.shape[2]} have feature maps of "
                f"{', '.join(f'{h}x{w}' for h, w in sides)}, each of which must have half "
                "the sides of the one before: give images, or an `input_size`, that can be "
                "halved more often, such as multiples of 32."
            )


def _two_scales(image: Array) -> tuple[Array, Array]:
    return image, halve(image)


SMALL = {"input_size": 8, "projector_width": 4, "widths": (4, 6)}
TINY = {"d": Example(partial(Discriminator, _two_scales, **SMALL), (8, 8, 2))}
