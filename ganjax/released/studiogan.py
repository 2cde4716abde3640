"""SNGAN as StudioGAN has it: a residual network with conditional norms, and projection.

Its ReLU works in place, so that D's skip connections see what it left. At evaluation
PyTorch divides by a singular value of which it keeps the vectors u and v; ours takes one
more step from u, which is the same once they have settled.
"""

from functools import partial

import flax.linen as nn

from ganjax.models import layers, resnet
from ganjax.released.names import (
    CONV,
    DENSE,
    Layout,
    Leaf,
    Released,
    averages,
    batch_norm,
    images,
    layer,
)


CONSTANT = "weight_v", "num_batches_tracked"
NORM = partial(layers.BatchNorm, epsilon=1e-4)
SN = partial(layers.SpectralNorm, epsilon=1e-6)


def generator(width: int = 256, classes: int = 10, latent: int = 128) -> Released:
    """G of 32 px; `width` is four times StudioGAN's `g_conv_dim`."""
    net = resnet.Generator(32, 3, width, classes, NORM, use_bias=True)
    square = images(width, 4, 4)
    table = {
        "linear0.weight": Leaf("params/Dense_0/kernel", square),
        "linear0.bias": Leaf("params/Dense_0/bias", square),
    }
    for i in range(3):
        there, here = f"blocks.{i}.0", f"UpBlock_{i}"
        for j, name in enumerate(("conv2d1", "conv2d2", "conv2d0")):
            table |= layer(f"{there}.{name}", f"{here}/Conv_{j}", CONV)
        for j in range(2):
            norm = _conditional if classes else batch_norm
            table |= norm(f"{there}.bn{j + 1}", f"{here}/BatchNorm_{j}")
    table |= batch_norm("bn4", "BatchNorm_0") | layer("conv2d5", "Conv_0", CONV)
    return Released(net, (latent,), table, CONSTANT)


def discriminator(width: int = 128, classes: int = 10) -> Released:
    """D of 32 px; `width` is twice StudioGAN's `d_conv_dim`."""
    net = resnet.Discriminator(width, classes, SN, use_bias=True, skip=nn.relu)
    table, convs = {}, 0
    for i in range(4):
        for name in ("conv2d1", "conv2d2", "conv2d0")[: 3 if i < 2 else 2]:
            here = f"Conv_{convs}/kernel", f"SpectralNorm_{convs}/kernel"
            table |= _spectral(f"blocks.{i}.0.{name}", *here, CONV)
            table[f"blocks.{i}.0.{name}.bias"] = Leaf(f"params/Conv_{convs}/bias")
            convs += 1
    last = "head/Dense_0/kernel", "head/SpectralNorm_0/kernel"
    table |= _spectral("linear1", *last, DENSE)
    table["linear1.bias"] = Leaf("params/head/Dense_0/bias")
    if classes:
        embed = "head/Embed_0/embedding", "head/SpectralNorm_1/embedding"
        table |= _spectral("embedding", *embed)
    return Released(net, (32, 32, 3), table, CONSTANT)


def _spectral(there: str, here: str, u: str, *layout: Layout) -> dict[str, Leaf]:
    return {
        f"{there}.weight_orig": Leaf(f"params/{here}", *layout),
        f"{there}.weight_u": Leaf(f"spectral/{u}"),
    }


def _conditional(there: str, here: str) -> dict[str, Leaf]:
    table = averages(f"{there}.bn", here)
    for name in ("gain", "bias"):
        table[f"{there}.{name}.weight"] = Leaf(f"params/{here}/{name}", DENSE)
    return table
