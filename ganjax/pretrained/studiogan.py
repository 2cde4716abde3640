"""SNGAN in StudioGAN: residual networks, with conditional batch norms and projection.

StudioGAN's ReLU works in place, so D's skip connections see their input after the ReLU.

At evaluation PyTorch's spectral norm divides by u^T W v, of stored vectors u and v. Ours
stores u alone and takes one step of the power iteration from it, which gives the same once
u has converged.
"""

from functools import partial

import flax.linen as nn

from ganjax.layers.normalization import BatchNorm
from ganjax.layers.spectral_norm import SpectralNorm
from ganjax.models import resnet
from ganjax.pretrained.conversion import (
    CONV,
    DENSE,
    Layout,
    Leaf,
    Released,
    batch_norm,
    flattened_output,
    layer,
    running_averages,
)


IGNORED = ("weight_v", "num_batches_tracked")
NORM = partial(BatchNorm, epsilon=1e-4)
SN = partial(SpectralNorm, epsilon=1e-6)


def generator(width: int = 256, classes: int = 10, latent: int = 128) -> Released:
    """Describes G of 32 px.

    Args:
        width: channels, four times StudioGAN's `g_conv_dim`.
        classes: number of classes, 0 for an unconditional network.
        latent: length of z.
    """
    # Biases before norms exist here, too, since the released weights have them.
    net = resnet.Generator(32, 3, width, classes, NORM, use_bias=True)
    # The dense layer's output becomes a 4x4 feature map.
    square = flattened_output(width, 4, 4)
    table = {
        "linear0.weight": Leaf("params/Dense_0/kernel", square),
        "linear0.bias": Leaf("params/Dense_0/bias", square),
    }
    norm = _conditional_batch_norm if classes else batch_norm
    for i in range(3):
        theirs = f"blocks.{i}.0"
        ours = f"UpBlock_{i}"
        for j, name in enumerate(("conv2d1", "conv2d2", "conv2d0")):
            table |= layer(f"{theirs}.{name}", f"{ours}/Conv_{j}", CONV)
        for j in range(2):
            table |= norm(f"{theirs}.bn{j + 1}", f"{ours}/BatchNorm_{j}")
    table |= batch_norm("bn4", "BatchNorm_0")
    table |= layer("conv2d5", "Conv_0", CONV)
    return Released(net, (latent,), table, IGNORED)


def discriminator(width: int = 128, classes: int = 10) -> Released:
    """Describes D of 32 px.

    Args:
        width: channels, twice StudioGAN's `d_conv_dim`.
        classes: number of classes, 0 for an unconditional network.
    """
    net = resnet.Discriminator(width, classes, SN, use_bias=True, skip=nn.relu)
    table = {}
    convs = 0  # our convolutions are numbered through all blocks
    for i in range(4):
        # The first two blocks halve the sides, by a convolution in the skip connection.
        names = ("conv2d1", "conv2d2", "conv2d0")[: 3 if i < 2 else 2]
        for name in names:
            ours = (f"Conv_{convs}/kernel", f"SpectralNorm_{convs}/kernel")
            table |= spectral(f"blocks.{i}.0.{name}", *ours, CONV)
            table[f"blocks.{i}.0.{name}.bias"] = Leaf(f"params/Conv_{convs}/bias")
            convs += 1
    last = ("head/Dense_0/kernel", "head/SpectralNorm_0/kernel")
    table |= spectral("linear1", *last, DENSE)
    table["linear1.bias"] = Leaf("params/head/Dense_0/bias")
    if classes:
        embed = ("head/Embed_0/embedding", "head/SpectralNorm_1/embedding")
        table |= spectral("embedding", *embed)
    return Released(net, (32, 32, 3), table, IGNORED)


def spectral(theirs: str, ours: str, u: str, *layout: Layout) -> dict[str, Leaf]:
    """Returns the table of the weight and the singular vector u of PyTorch's spectral norm.

    Args:
        theirs: the layer's name in the program.
        ours: path of the weight in our collection "params".
        u: path of the singular vector in our collection "spectral".
        *layout: layout of the weight, if it differs.
    """
    return {
        f"{theirs}.weight_orig": Leaf(f"params/{ours}", *layout),
        f"{theirs}.weight_u": Leaf(f"spectral/{u}"),
    }


def _conditional_batch_norm(theirs: str, ours: str) -> dict[str, Leaf]:
    """Returns the table of a batch norm with a gain and a bias for each class.

    In the program they are linear functions of the one-hot label, which also return the
    gain as its difference from one.
    """
    table = running_averages(f"{theirs}.bn", ours)
    for name in ("gain", "bias"):
        table[f"{theirs}.{name}.weight"] = Leaf(f"params/{ours}/{name}", DENSE)
    return table
