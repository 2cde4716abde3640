"""LPIPS, a perceptual distance between images (Zhang et al., 2018).

At each position of some feature maps of a frozen network, the features of both images are
normalized to unit length. Their squared differences are weighted by learned numbers
("heads"), averaged over the positions and summed over the maps (equation 1). The networks
are the convolutions of torchvision's AlexNet and VGG-16, whose maps are taken after each
ReLU (of AlexNet) or after the last of each stage (of VGG-16).

The released weights are torchvision's `alexnet-owt-7be5be79.pth` and `vgg16-397923af.pth`;
the heads are in the package `lpips`, as `weights/v0.1/alex.pth` and `vgg.pth`.

    distance = lpips.distance("alexnet-owt-7be5be79.pth", "alex.pth")
    distance(images, others)  # [n]
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict
from jaxtyping import Array, ArrayLike, Float

from ganjax.core import PyTree
from ganjax.errors import UsageError
from ganjax.ops.convolution import Conv, conv
from ganjax.pretrained import tensors
from ganjax.pretrained.conversion import CONV, Layout, Leaf, assemble


# Mean and standard deviation of ImageNet's RGB in -1..1, from the authors' code.
MEAN = (-0.030, -0.088, -0.188)
DEVIATION = (0.458, 0.448, 0.450)
EPSILON = 1e-10  # added to lengths
MIN_SIDE = 32  # pixels

VGG_LAST = "features.28.weight"  # a tensor that only VGG-16 has
# Tensors of the dense layers, which classify.
IGNORED = tuple(f"classifier.{i}.{x}" for i in range(7) for x in ("weight", "bias"))
# A head is a 1x1 convolution to one channel: [1, c, 1, 1] -> [c].
HEAD = Layout(lambda x: x.reshape(-1), lambda x: x.reshape(1, -1, 1, 1))


class Layer(NamedTuple):
    """A convolution with a ReLU.

    Attributes:
        features: channels of the output.
        size: side of the kernel.
        stride: stride of the convolution.
        pool: window side of a max pooling of stride 2 before it, or 0 for none.
        is_feature_map: whether the output is one of the feature maps.
    """

    features: int
    size: int = 3
    stride: int = 1
    pool: int = 0
    is_feature_map: bool = True


ALEX = (
    Layer(64, size=11, stride=4),
    Layer(192, size=5, pool=3),
    Layer(384, pool=3),
    Layer(256),
    Layer(256),
)


def vgg(widths: Sequence[int], depths: Sequence[int]) -> tuple[Layer, ...]:
    """Returns the layers of a VGG: stages of 3x3 convolutions with max pooling between.

    Args:
        widths: channels of each stage.
        depths: convolutions in each stage; the output of the last is a feature map.
    """
    layers = []
    for stage, (width, depth) in enumerate(zip(widths, depths, strict=True)):
        for i in range(depth):
            pool = 2 if stage and i == 0 else 0
            is_last = i == depth - 1
            layers.append(Layer(width, pool=pool, is_feature_map=is_last))
    return tuple(layers)


VGG16 = vgg((64, 128, 256, 512, 512), (2, 2, 3, 3, 3))


class FeatureNetwork(nn.Module):
    """Maps images in -1..1, gray or RGB, to the feature maps of a list of layers."""

    layers: tuple[Layer, ...] = ALEX

    @nn.compact
    def __call__(self, image: Float[Array, "b h w _"]) -> list[Float[Array, "b H W c"]]:
        # Broadcasting against the three channels turns gray images into RGB.
        x = (image - jnp.array([[[MEAN]]])) / jnp.array([[[DEVIATION]]])
        maps = []
        for features, size, stride, pool, is_feature_map in self.layers:
            if pool:
                x = nn.max_pool(x, (pool, pool), (2, 2))
            # AlexNet's first layer, 11x11 of stride 4, has a padding of 2; all others keep
            # the sides.
            pad = 2 if stride > 1 else size // 2
            conv_fn = partial(
                conv, padding=((pad, pad), (pad, pad)), stride=(stride, stride)
            )
            x = nn.relu(Conv(features, size, conv_fn=conv_fn)(x))
            if is_feature_map:
                maps.append(x)
        return maps


def lpips_distance(
    net: FeatureNetwork,
    weights: Mapping[str, PyTree],
    image: Float[Array, "n h w c"],
    other: Float[Array, "n h w c"],
) -> Float[Array, " n"]:
    """Computes the distance of each pair of images (equation 1).

    Args:
        net: the feature network.
        weights: its parameters, "network", and the weights of each of its maps, "heads", a
            list of arrays [c].
        image: images in -1..1.
        other: images of the same shape.
    """
    feature_maps: Any = partial(net.apply, {"params": weights["network"]})
    total = jnp.zeros(len(image))
    # One term for each feature map.
    for a, b, head in zip(
        feature_maps(image), feature_maps(other), weights["heads"], strict=True
    ):
        # [n, c]: the mean over positions may come before the head, which is linear.
        difference = jnp.square(_normalize(a) - _normalize(b)).mean((1, 2))
        total += (difference * head[None]).sum(-1)
    return total


def _normalize(x: Float[Array, "n h w c"]) -> Float[Array, "n h w c"]:
    """Normalizes the features at each position to unit length.

    Where all are 0 the gradient is 0, too. It needs two `where`: around a plain square
    root, the gradient of one would multiply 0 by infinity, which is NaN.
    """
    squares = jnp.square(x).sum(-1, keepdims=True)
    length = jnp.where(squares > 0, jnp.sqrt(jnp.where(squares > 0, squares, 1)), 0)
    return x / (length + EPSILON)


def distance(network: str, heads: str) -> Callable[[ArrayLike, ArrayLike], Array]:
    """Reads weights and returns the function that computes LPIPS with them.

    The function takes two batches of images [n, h, w, c] in -1..1, gray or RGB, and returns
    the distance of each pair, [n], 0 where they are equal. It is differentiable, and so can
    be the distance of `ganjax.regularizers.reconstruction`. It raises a `UsageError` for
    images that are too small, or that differ in shape.

    Args:
        network: path or URL of the weights of AlexNet or VGG-16, which are told apart by
            their tensors' names.
        heads: path or URL of the heads for that network.

    Raises:
        UsageError: the weights cannot be read, or are of another network.
    """
    given = tensors.read(network)
    net = FeatureNetwork(VGG16 if VGG_LAST in given else ALEX)
    weights = load(given, tensors.read(heads), net)
    compiled = jax.jit(partial(lpips_distance, net))

    def apply(image: ArrayLike, other: ArrayLike) -> Array:
        image = jnp.asarray(image)
        other = jnp.asarray(other)
        if image.shape != other.shape or image.shape[-1] not in (1, 3):
            raise UsageError(
                "LPIPS compares gray or RGB images of one shape, not "
                f"{image.shape} and {other.shape}."
            )
        if min(image.shape[1:3]) < MIN_SIDE:
            raise UsageError(f"LPIPS needs sides of {MIN_SIDE} or more: {image.shape}.")
        return compiled(weights, image, other)

    return apply


def load(
    network: Mapping[str, np.ndarray],
    heads: Mapping[str, np.ndarray],
    net: FeatureNetwork,
) -> dict[str, Any]:
    """Returns the weights that `lpips_distance` takes, made of the released tensors.

    Args:
        network: torchvision's tensors by name.
        heads: the package's tensors by name.
        net: the feature network.

    Raises:
        UsageError: a tensor is missing, unknown, or of another shape; it is named.
    """
    # Any size will do, as convolutions do not depend on it.
    image = jnp.zeros((1, 2 * MIN_SIDE, 2 * MIN_SIDE, 3))
    params = jax.eval_shape(net.init, jax.random.key(0), image)["params"]
    shapes: Any = flatten_dict(params, sep="/")
    network_params = assemble(network_table(net), shapes, network, IGNORED)

    widths = [layer.features for layer in net.layers if layer.is_feature_map]
    table = {}
    shapes = {}
    for i, width in enumerate(widths):
        table[f"lin{i}.model.1.weight"] = Leaf(str(i), HEAD)
        shapes[str(i)] = jax.ShapeDtypeStruct((width,), jnp.float32)
    by_map = assemble(table, shapes, heads, ())
    return {
        "network": network_params,
        "heads": [by_map[str(i)] for i in range(len(widths))],
    }


def network_table(net: FeatureNetwork) -> dict[str, Leaf]:
    """Returns the table of torchvision's network.

    It is a sequence whose numbers count convolutions, ReLUs and max poolings alike.
    """
    table = {}
    number = 0
    for i, layer in enumerate(net.layers):
        # A max pooling may precede the convolution, and a ReLU follows it.
        number += bool(layer.pool)
        table[f"features.{number}.weight"] = Leaf(f"Conv_{i}/kernel", CONV)
        table[f"features.{number}.bias"] = Leaf(f"Conv_{i}/bias")
        number += 2
    return table
