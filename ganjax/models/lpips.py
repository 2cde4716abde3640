"""LPIPS, how unlike two images look (Zhang et al., 2018): by what a network sees in them.

At each place of each of some maps of a frozen network, features are brought to length 1;
the squared differences of two images' are weighed, averaged over the places and added up
(equation 1). The networks are the convolutions of AlexNet and of VGG-16 as torchvision
has them, with ReLU, each map seen behind it; images are in -1..1.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from ganjax.gan import PyTree
from ganjax.models.convolution import Conv, conv


MEAN = (-0.030, -0.088, -0.188)  # of ImageNet's RGB in -1..1, in the authors' code
DEVIATION = (0.458, 0.448, 0.450)
EPSILON = 1e-10  # beside lengths


class Layer(NamedTuple):
    """A convolution; `pool` is the side of the maxima, two apart, that it sees, or 0."""

    features: int
    size: int = 3
    stride: int = 1
    pool: int = 0
    seen: bool = True


ALEX = (
    Layer(64, size=11, stride=4),
    Layer(192, size=5, pool=3),
    Layer(384, pool=3),
    Layer(256),
    Layer(256),
)


def vgg(widths: Sequence[int], depths: Sequence[int]) -> tuple[Layer, ...]:
    """Stages of 3x3 convolutions, the maps halved between; the last of each is seen."""
    return tuple(
        Layer(width, pool=0 if i or not stage else 2, seen=i == depth - 1)
        for stage, (width, depth) in enumerate(zip(widths, depths, strict=True))
        for i in range(depth)
    )


VGG16 = vgg((64, 128, 256, 512, 512), (2, 2, 3, 3, 3))


class Sight(nn.Module):
    """From images, grey or RGB, to the maps that are seen of them."""

    layers: tuple[Layer, ...] = ALEX

    @nn.compact
    def __call__(self, image: Float[Array, "b h w _"]) -> list[Float[Array, "b H W c"]]:
        x, maps = (image - jnp.array([[[MEAN]]])) / jnp.array([[[DEVIATION]]]), []
        for features, size, stride, pool, seen in self.layers:
            if pool:
                x = nn.max_pool(x, (pool, pool), (2, 2))
            pad = 2 if stride > 1 else size // 2
            by = partial(
                conv, padding=((pad, pad), (pad, pad)), stride=(stride, stride)
            )
            x = nn.relu(Conv(features, size, by=by)(x))
            if seen:
                maps.append(x)
        return maps


def lpips(
    net: Sight,
    weights: Mapping[str, PyTree],
    image: Float[Array, "n h w c"],
    other: Float[Array, "n h w c"],
) -> Float[Array, " n"]:
    """The distance of each pair of images; `weights` are "sight" and the "heads" [c]."""
    look: Any = partial(net.apply, {"params": weights["sight"]})
    total = jnp.zeros(len(image))
    for a, b, head in zip(look(image), look(other), weights["heads"], strict=True):
        total += (jnp.square(_unit(a) - _unit(b)).mean((1, 2)) * head[None]).sum(-1)
    return total


def _unit(x: Float[Array, "n h w c"]) -> Float[Array, "n h w c"]:
    """Each place's features at length 1. Where there are none the slope is 0, not NaN."""
    squares = jnp.square(x).sum(-1, keepdims=True)
    length = jnp.where(squares > 0, jnp.sqrt(jnp.where(squares > 0, squares, 1)), 0)
    return x / (length + EPSILON)
