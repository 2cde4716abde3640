"""EfficientNet-Lite0's features (Tan & Le, 2019; its Lite variants, Liu, 2020), frozen.

The network that Projected GAN's authors look at images with. It has no squeezing and no
swish; its batch norms only have averages. As released in TensorFlow and by those who took
it over: images in -1..1, and padding with more at the end where it cannot be even.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ganjax.errors import Mistake
from ganjax.gan import PyTree
from ganjax.models.convolution import conv
from ganjax.models.projected import Frozen


EPSILON = 1e-3  # of the batch norms
HE = nn.initializers.he_normal()


class Stage(NamedTuple):
    """Blocks of one kind; the first of them has the stride."""

    blocks: int
    size: int  # of the kernel that sees each channel by itself
    stride: int
    expansion: int  # of a block's input, before it
    width: int


LITE0 = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)


class EfficientNet(nn.Module):
    """From images to their maps, [b, h, w, c] each, of a 4th to a 32nd of their sides.

    `seen` says which stages' outputs they are, as Projected GAN's authors have it.
    """

    stem: int = 32
    stages: tuple[Stage, ...] = LITE0
    seen: tuple[int, ...] = (1, 2, 4, 6)

    @nn.compact
    def __call__(self, image: Float[Array, "b h w c"]) -> list[Array]:
        x, maps = nn.relu6(Unit(self.stem, 3, 2)(image)), []
        for i, stage in enumerate(self.stages):
            for j in range(stage.blocks):
                x = Block(stage._replace(stride=1 if j else stage.stride))(x)
            if i in self.seen:
                maps.append(x)
        return maps


class Block(nn.Module):
    """Widened by a 1x1, each channel by itself, narrowed by a 1x1; added if it fits."""

    stage: Stage

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b H W d"]:
        _, size, stride, expansion, width = self.stage
        before, h = x.shape[-1], x
        if expansion > 1:
            h = nn.relu6(Unit(expansion * before)(h))
        h = nn.relu6(Unit(h.shape[-1], size, stride, groups=h.shape[-1])(h))
        h = Unit(width)(h)
        return x + h if stride == 1 and before == width else h


class Unit(nn.Module):
    """A convolution and a batch norm that uses its averages."""

    features: int
    size: int = 1
    stride: int = 1
    groups: int = 1

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b H W d"]:
        ones, zeros = nn.initializers.ones, nn.initializers.zeros
        shape = self.size, self.size, x.shape[-1] // self.groups, self.features
        kernel = self.param("kernel", HE, shape)
        gain = self.param("gain", ones, (self.features,))
        bias = self.param("bias", zeros, (self.features,))
        mean = self.param("mean", zeros, (self.features,))
        variance = self.param("var", ones, (self.features,))
        scale = gain * jax.lax.rsqrt(variance + EPSILON)
        over = lambda row: row.reshape(1, 1, 1, -1)
        height, width = (self._padding(side) for side in x.shape[1:3])
        strides = self.stride, self.stride
        x = conv(x, kernel * over(scale), (height, width), strides, self.groups)
        return x + over(bias - mean * scale)

    def _padding(self, side: int) -> tuple[int, int]:
        steps = -(-side // self.stride)
        both = max((steps - 1) * self.stride + self.size - side, 0)
        return both // 2, both - both // 2


def frozen(weights: Callable[[], PyTree], net: EfficientNet) -> Frozen:
    """The network with weights that `weights` gives, for `projected.Discriminator`."""

    def look(given, image):
        known = given["Unit_0"]["kernel"].shape[2]
        if image.shape[-1] != known:
            raise Mistake(
                f"What D looks with knows images of {known} channels, and these have "
                f"{image.shape[-1]}: give --channels {known}."
            )
        maps: Any = net.apply({"params": given}, image)
        return maps

    return Frozen(look, weights)


SMALL = EfficientNet(4, (Stage(1, 3, 2, 2, 4),) * 2, (0, 1))  # to try things out


def drawn(net: EfficientNet, channels: int = 3) -> PyTree:
    """Weights that are the same at every call, as of a network that was never trained."""
    image = jnp.zeros((1, 32, 32, channels))
    return net.init(jax.random.key(0), image)["params"]
