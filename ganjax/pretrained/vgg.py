"""VGG-16 up to its second dense layer (Simonyan & Zisserman, 2015), a frozen network.

Its 4096 features after the ReLU ("fc2_relu" in torch-fidelity) are those on which improved
precision and recall was defined (Kynkäänniemi et al., 2019). Weights are torchvision's
`vgg16-397923af.pth`, at `ADDRESS`.
"""

from collections.abc import Mapping
from typing import Any

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
from ganjax.evaluation.preprocessing import SYMMETRIC, Preprocessing
from ganjax.pretrained import tensors
from ganjax.pretrained.conversion import DENSE, Leaf, assemble, flattened_input
from ganjax.pretrained.lpips import VGG16, FeatureNetwork, network_table


ADDRESS = "https://download.pytorch.org/models/vgg16-397923af.pth"
SHA256 = "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0"
SIZE = 224  # side of the images
SIDE = SIZE // 32  # of the last feature map, which the dense layers see whole
WIDTH = 4096  # features of the dense layers
# Tensors of the layer that classifies.
IGNORED = ("classifier.6.weight", "classifier.6.bias")


class VGG(nn.Module):
    """Maps images in -1..1 of 224x224, gray or RGB, to 4096 features.

    Its convolutions are those of LPIPS.
    """

    @nn.compact
    def __call__(self, image: Float[Array, "b h w _"]) -> Float[Array, "b 4096"]:
        x = FeatureNetwork(VGG16)(image)[-1]
        x = nn.max_pool(x, (2, 2), (2, 2)).reshape(len(x), -1)
        for _ in range(2):
            x = nn.relu(nn.Dense(WIDTH)(x))
        return x


def features(where: str, preprocessing: Preprocessing, sha256: str = "") -> Features:
    """Returns VGG-16's features for scores, such as improved precision and recall.

    torch-fidelity's have the preprocessing `tf1_bilinear(224)`. Images are normalized by
    ImageNet's mean and deviation.

    Args:
        where: path or https URL of torchvision's weights, such as `ADDRESS`.
        preprocessing: how images are brought to 224x224.
        sha256: digest that the file must have, such as `SHA256`; empty for no check.

    Raises:
        UsageError: the weights cannot be read, or are of another network; or the
            preprocessing has another size.
    """
    if preprocessing.size != SIZE:
        raise UsageError(
            f"VGG-16 sees images of {SIZE} pixels, and {preprocessing.name} makes them "
            f"{preprocessing.size}."
        )
    weights = load(tensors.read(where, sha256))
    # `FeatureNetwork` itself normalizes from -1..1 by ImageNet's numbers.
    return feature_network("vgg16", _apply, weights, preprocessing, SYMMETRIC)


def _apply(weights: PyTree, image: Array) -> Array:
    vectors: Any = VGG().apply({"params": weights}, image)
    return vectors


def load(given: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Returns the network's weights, made of torchvision's tensors.

    Args:
        given: the tensors by name, such as `tensors.read` returns.

    Raises:
        UsageError: a tensor is missing, unknown, or of another shape; it is named.
    """
    return assemble(table(), variable_shapes(), given, IGNORED)


def variable_shapes() -> dict[str, Any]:
    """Returns the shapes and types of the weights, by path."""
    image = jnp.zeros((1, SIZE, SIZE, 3))
    params = jax.eval_shape(VGG().init, jax.random.key(0), image)["params"]
    shapes: Any = flatten_dict(params, sep="/")
    return shapes


def table() -> dict[str, Leaf]:
    """Returns which variable each of torchvision's tensors is."""
    convolutions = network_table(FeatureNetwork(VGG16))
    leaves = {
        theirs: Leaf(f"FeatureNetwork_0/{leaf.path}", leaf.layout)
        for theirs, leaf in convolutions.items()
    }
    # The first dense layer sees the flattened feature map.
    flattened = flattened_input(VGG16[-1].features, SIDE, SIDE)
    for theirs, ours, layout in ((0, 0, flattened), (3, 1, DENSE)):
        leaves[f"classifier.{theirs}.weight"] = Leaf(f"Dense_{ours}/kernel", layout)
        leaves[f"classifier.{theirs}.bias"] = Leaf(f"Dense_{ours}/bias")
    return leaves
