"""Inception-v3 as the FID networks define it (Szegedy et al., 2015; Heusel et al., 2017).

FID and the Inception score are defined on one network, TensorFlow's graph of 2015-12-05. It
has 1008 classes, and differs from torchvision's Inception-v3 in its poolings: averages at
the border are over pixels of the image alone, and the last block has a maximum where the
paper has an average. The features are the 2048 numbers before the classifier. The
probabilities of the Inception score leave the classifier's bias out, as its first program
did.

Weights are read under the names of pytorch-fid's state dict, which torch-fidelity's shares:
their files `pt_inception-2015-12-05-6726825d.pth` and
`weights-inception-2015-12-05-6726825d.pth` have the same SHA-256, `SHA256`. A torchvision
`inception_v3_google-*.pth` is of another network, and refused.
"""

from collections.abc import Mapping
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
from ganjax.evaluation.feature_network import feature_network
from ganjax.evaluation.features import Features
from ganjax.evaluation.preprocessing import Normalization, Preprocessing
from ganjax.ops.convolution import conv
from ganjax.pretrained import tensors
from ganjax.pretrained.conversion import CONV, DENSE, Leaf, assemble
from ganjax.pretrained.efficientnet import BATCH_NORM, EPSILON


ADDRESS = (
    "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/"
    "pt_inception-2015-12-05-6726825d.pth"
)
SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
SIZE = 299  # side of the images that the network was trained on
CLASSES = 1008
HE = nn.initializers.he_normal()
# Tensors that only torchvision's network has.
TORCHVISION_ONLY = "AuxLogits."
IGNORED = ("num_batches_tracked",)


class Layer(NamedTuple):
    """A convolution, a batch norm and a ReLU.

    Attributes:
        features: channels of the output.
        size: height and width of the kernel.
        stride: stride of the convolution.
        is_padded: whether sides are kept, but for the stride; else there is no padding.
    """

    features: int
    size: tuple[int, int] = (1, 1)
    stride: int = 1
    is_padded: bool = True


class Unit(nn.Module):
    """A `Layer`, whose batch norm uses its averages."""

    layer: Layer

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b H W d"]:
        ones = nn.initializers.ones
        zeros = nn.initializers.zeros
        features, (height, width), stride, is_padded = self.layer
        kernel = self.param("kernel", HE, (height, width, x.shape[-1], features))
        gain = self.param("gain", ones, (features,))
        bias = self.param("bias", zeros, (features,))
        mean = self.param("mean", zeros, (features,))
        variance = self.param("var", ones, (features,))

        # The norm is an affine function, whose scale goes into the kernel.
        scale = gain * jax.lax.rsqrt(variance + EPSILON)
        padding = ((0, 0), (0, 0))
        if is_padded:
            padding = ((height // 2, height // 2), (width // 2, width // 2))
        x = conv(x, kernel * scale[None, None, None], padding, (stride, stride))
        return nn.relu(x + (bias - mean * scale)[None, None, None])


def _chain(x: Array, name: str, *layers: Layer) -> Array:
    """Applies layers of a module in turn; their names end with _1, _2, ..."""
    for i, layer in enumerate(layers, 1):
        x = Unit(layer, name=f"{name}_{i}")(x)
    return x


def _average(x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
    """Returns the average of the 3x3 pixels around each, of those in the image."""
    return nn.avg_pool(x, (3, 3), (1, 1), "SAME", count_include_pad=False)


def _maximum(x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
    return nn.max_pool(x, (3, 3), (1, 1), "SAME")


def _halved(x: Float[Array, "b h w c"]) -> Float[Array, "b H W c"]:
    return nn.max_pool(x, (3, 3), (2, 2))


class BlockA(nn.Module):
    """A block at 35x35, with kernels of 1, 5 and twice 3 pixels.

    Attributes:
        pooled: channels of the branch with the pooling.
    """

    pooled: int

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w d"]:
        double = (Layer(64), Layer(96, (3, 3)), Layer(96, (3, 3)))
        branches = [
            Unit(Layer(64), name="branch1x1")(x),
            _chain(x, "branch5x5", Layer(48), Layer(64, (5, 5))),
            _chain(x, "branch3x3dbl", *double),
            Unit(Layer(self.pooled), name="branch_pool")(_average(x)),
        ]
        return jnp.concatenate(branches, -1)


class BlockB(nn.Module):
    """The block that goes from 35x35 to 17x17."""

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b H W d"]:
        last = Layer(96, (3, 3), stride=2, is_padded=False)
        branches = [
            Unit(Layer(384, (3, 3), stride=2, is_padded=False), name="branch3x3")(x),
            _chain(x, "branch3x3dbl", Layer(64), Layer(96, (3, 3)), last),
            _halved(x),
        ]
        return jnp.concatenate(branches, -1)


class BlockC(nn.Module):
    """A block at 17x17, with kernels of 7 pixels as a column and a row.

    Attributes:
        width: channels between the first and the last convolution of a branch.
    """

    width: int

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w d"]:
        first = Layer(self.width)
        row = Layer(self.width, (1, 7))
        column = Layer(self.width, (7, 1))
        last_row = Layer(192, (1, 7))
        last_column = Layer(192, (7, 1))
        branches = [
            Unit(Layer(192), name="branch1x1")(x),
            _chain(x, "branch7x7", first, row, last_column),
            _chain(x, "branch7x7dbl", first, column, row, column, last_row),
            Unit(Layer(192), name="branch_pool")(_average(x)),
        ]
        return jnp.concatenate(branches, -1)


class BlockD(nn.Module):
    """The block that goes from 17x17 to 8x8."""

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b H W d"]:
        seven = (Layer(192), Layer(192, (1, 7)), Layer(192, (7, 1)))
        last = Layer(192, (3, 3), stride=2, is_padded=False)
        branches = [
            _chain(x, "branch3x3", Layer(192), last._replace(features=320)),
            _chain(x, "branch7x7x3", *seven, last),
            _halved(x),
        ]
        return jnp.concatenate(branches, -1)


class BlockE(nn.Module):
    """A block at 8x8, two of whose branches end with a row and a column side by side.

    Attributes:
        has_average: whether the pooling is an average; else it is a maximum.
    """

    has_average: bool

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w d"]:
        row = Layer(384, (1, 3))
        column = Layer(384, (3, 1))
        three = Unit(Layer(384), name="branch3x3_1")(x)
        double = _chain(x, "branch3x3dbl", Layer(448), Layer(384, (3, 3)))
        pooled = _average(x) if self.has_average else _maximum(x)
        branches = [
            Unit(Layer(320), name="branch1x1")(x),
            Unit(row, name="branch3x3_2a")(three),
            Unit(column, name="branch3x3_2b")(three),
            Unit(row, name="branch3x3dbl_3a")(double),
            Unit(column, name="branch3x3dbl_3b")(double),
            Unit(Layer(192), name="branch_pool")(pooled),
        ]
        return jnp.concatenate(branches, -1)


class Inception(nn.Module):
    """Maps images in -1..1, RGB and of any side from 75 on, to 2048 features.

    Its weights have also the classifier's, "fc/kernel" and "fc/bias", of which `features`
    makes probabilities. The names of the layers are those in the published weights.
    """

    @nn.compact
    def __call__(self, image: Float[Array, "b h w 3"]) -> Float[Array, "b 2048"]:
        x = image
        x = Unit(Layer(32, (3, 3), stride=2, is_padded=False), name="Conv2d_1a_3x3")(x)
        x = Unit(Layer(32, (3, 3), is_padded=False), name="Conv2d_2a_3x3")(x)
        x = _halved(Unit(Layer(64, (3, 3)), name="Conv2d_2b_3x3")(x))
        x = Unit(Layer(80), name="Conv2d_3b_1x1")(x)
        x = _halved(Unit(Layer(192, (3, 3), is_padded=False), name="Conv2d_4a_3x3")(x))
        for name, pooled in (("b", 32), ("c", 64), ("d", 64)):
            x = BlockA(pooled, name=f"Mixed_5{name}")(x)
        x = BlockB(name="Mixed_6a")(x)
        for name, width in (("b", 128), ("c", 160), ("d", 160), ("e", 192)):
            x = BlockC(width, name=f"Mixed_6{name}")(x)
        x = BlockD(name="Mixed_7a")(x)
        x = BlockE(has_average=True, name="Mixed_7b")(x)
        x = BlockE(has_average=False, name="Mixed_7c")(x)
        x = x.mean((1, 2))
        # Only its weights are wanted here: probabilities are made of stored features, too.
        nn.Dense(CLASSES, name="fc")(x[:0])
        return x


def features(
    where: str,
    preprocessing: Preprocessing,
    normalization: Normalization,
    sha256: str = "",
) -> Features:
    """Returns Inception's features for scores, with the probabilities of its classes.

    `ganjax.pretrained.protocols` has the preprocessing and normalization of published
    programs. On a CPU it takes about a tenth of a second for an image.

    Args:
        where: path or https URL of pytorch-fid's or torch-fidelity's weights, such as
            `ADDRESS`.
        preprocessing: how images are brought to 299x299, such as `tf1_bilinear()`.
        normalization: `TENSORFLOW`, or `SYMMETRIC` for pytorch-fid.
        sha256: digest that the file must have, such as `SHA256`; empty for no check.

    Returns:
        Features named as in "inception-tf1-bilinear-1a2b3c4d", with `classify`.

    Raises:
        UsageError: the weights cannot be read, or are of another network.
    """
    weights = load(tensors.read(where, sha256))
    classify = partial(probabilities, np.asarray(weights["fc"]["kernel"]))
    return feature_network(
        "inception", _apply, weights, preprocessing, normalization, classify
    )


def _apply(weights: PyTree, image: Array) -> Array:
    vectors: Any = Inception().apply({"params": weights}, image)
    return vectors


def probabilities(
    kernel: Float[np.ndarray, "2048 1008"], vectors: Float[np.ndarray, "n 2048"]
) -> Float[np.ndarray, "n 1008"]:
    """Returns the probabilities of the classes without the bias, of the Inception score."""
    logits = np.asarray(vectors, np.float32) @ kernel
    # In float64, since the score has logarithms of very small probabilities.
    logits = logits.astype(np.float64)
    exponentials = np.exp(logits - logits.max(1, keepdims=True))
    return exponentials / exponentials.sum(1, keepdims=True)


def load(given: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Returns the network's weights, made of the published tensors.

    Args:
        given: the tensors by name, such as `tensors.read` returns.

    Raises:
        UsageError: a tensor is missing, unknown, or of another shape; it is named. Or the
            weights are torchvision's.
    """
    if any(name.startswith(TORCHVISION_ONLY) for name in given):
        raise UsageError(
            "These are weights of torchvision's Inception-v3, on which no FID is defined: "
            f"give those of {ADDRESS}."
        )
    return assemble(table(), variable_shapes(), given, IGNORED)


def variable_shapes() -> dict[str, Any]:
    """Returns the shapes and types of the weights, by path."""
    image = jnp.zeros((1, SIZE, SIZE, 3))
    params = jax.eval_shape(Inception().init, jax.random.key(0), image)["params"]
    shapes: Any = flatten_dict(params, sep="/")
    return shapes


def table() -> dict[str, Leaf]:
    """Returns which variable each published tensor is."""
    leaves = {
        "fc.weight": Leaf("fc/kernel", DENSE),
        "fc.bias": Leaf("fc/bias"),
    }
    for path in variable_shapes():
        unit, _, leaf = path.rpartition("/")
        if leaf == "mean":
            theirs = unit.replace("/", ".")
            leaves[f"{theirs}.conv.weight"] = Leaf(f"{unit}/kernel", CONV)
            for name, ours in BATCH_NORM.items():
                leaves[f"{theirs}.bn.{name}"] = Leaf(f"{unit}/{ours}")
    return leaves
