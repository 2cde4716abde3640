"""StyleGAN2 and StyleGAN2-ADA as released for PyTorch (NVIDIA, 2021).

Two things differ from the authors' networks. Their layers store constant noise for
evaluation, ours always draw noise, so that noise is ignored. And for the minibatch standard
deviation their D groups images that are b / group rows apart in the batch, ours neighbors.
"""

from functools import partial

import flax.linen as nn

from ganjax.models import stylegan2
from ganjax.pretrained.conversion import (
    CONV,
    DENSE,
    IMAGE,
    Leaf,
    Released,
    flattened_input,
    layer,
)


IGNORED = ("resample_filter", "noise_const")


def generator(
    size: int = 256,
    channels: int = 3,
    classes: int = 0,
    latent: int = 512,
    width: int = 512,
    base: int = 32768,
    w_dim: int = 512,
    depth: int = 8,
    psi: float = 1.0,
) -> Released:
    """Describes G, or its average G_ema.

    Args:
        size: side of the images.
        channels: channels of the images.
        classes: number of classes, 0 for an unconditional network.
        latent: length of z ("z_dim").
        width: largest number of channels of a layer ("channel_max").
        base: layers at side s have min(base / s, width) channels ("channel_base").
        w_dim: length of w.
        depth: layers of the mapping network.
        psi: truncation at evaluation, 1 for none ("truncation_psi").
    """
    # Our layers are numbered through all sizes, the program's by their size.
    net = stylegan2.Generator(
        size, channels, width, base, w_dim, depth, classes, psi=psi
    )
    table = {"mapping.w_avg": Leaf("w_avg/f/w")} | mapping(depth, "f", classes)
    table["synthesis.b4.const"] = Leaf("params/g/const", IMAGE)
    for i, side in enumerate(stylegan2.sides_up_to(size)):
        block = f"synthesis.b{side}"
        table |= _styled(f"{block}.conv1", f"g/StyledConv_{2 * i}")
        # The first size has one convolution, each other size two.
        if i:
            table |= _styled(f"{block}.conv0", f"g/StyledConv_{2 * i - 1}")
        table |= layer(f"{block}.torgb", f"g/ToRGB_{i}/Conv_0", CONV)
        table |= layer(f"{block}.torgb.affine", f"g/ToRGB_{i}/Dense_0", DENSE)
    return Released(net, (latent,), table, IGNORED)


def discriminator(
    size: int = 256,
    channels: int = 3,
    classes: int = 0,
    width: int = 512,
    base: int = 32768,
    depth: int = 8,
    group: int = 4,
    block: type[nn.Module] = stylegan2.Residual,
) -> Released:
    """Describes D.

    Args:
        size: side of the images.
        channels: channels of the images.
        classes: number of classes, 0 for an unconditional network.
        width: largest number of channels of a layer ("channel_max").
        base: layers at side s have min(base / s, width) channels ("channel_base").
        depth: layers of the mapping network for classes.
        group: images in a group of the minibatch standard deviation ("mbstd_group_size").
        block: the authors' architecture: `stylegan2.Residual` for "resnet", `Straight` for
            "orig", `Skip` for "skip".
    """
    head = partial(stylegan2.MappedProjectionHead, depth=depth)
    net = stylegan2.Discriminator(width, base, classes, group, block, head)
    table = layer(f"b{size}.fromrgb", "Conv_0", CONV)
    # In residual blocks our first convolution is the one of the skip connection.
    first = int(block is stylegan2.Residual)
    # From the full size down; 4x4 is the epilogue.
    for i, side in enumerate(reversed(stylegan2.sides_up_to(size)[1:])):
        theirs = f"b{side}"
        ours = f"{block.__name__}_{i}"
        table |= layer(f"{theirs}.conv0", f"{ours}/Conv_{first}", CONV)
        table |= layer(f"{theirs}.conv1", f"{ours}/Conv_{first + 1}", CONV)
        if block is stylegan2.Residual:
            table |= layer(f"{theirs}.skip", f"{ours}/Conv_0", CONV, bias=False)
        if block is stylegan2.Skip:
            # The program counts the image's convolution as part of the next block.
            table |= layer(f"b{side // 2}.fromrgb", f"{ours}/Conv_2", CONV)
    table |= layer("b4.conv", "Conv_1", CONV)
    # Its input is the flattened 4x4 feature map.
    last = min(base // 4, width)
    table |= layer("b4.fc", "Dense_0", flattened_input(last, 4, 4))
    # With classes our head makes their embedding first, so that this layer is its second.
    table |= layer("b4.out", f"head/Dense_{int(classes > 0)}", DENSE)
    if classes:
        table |= mapping(depth, "head", classes)
    return Released(net, (size, size, channels), table, IGNORED)


def mapping(depth: int, ours: str, classes: int) -> dict[str, Leaf]:
    """Returns the table of a mapping network, G's or D's, `depth` layers deep."""
    table = {}
    for i in range(depth):
        table |= layer(f"mapping.fc{i}", f"{ours}/Stack_0/Dense_{i}", DENSE)
    if classes:
        table |= layer("mapping.embed", f"{ours}/Dense_0", DENSE)
    return table


def _styled(theirs: str, ours: str) -> dict[str, Leaf]:
    """Returns the table of a modulated convolution with noise."""
    return {
        f"{theirs}.weight": Leaf(f"params/{ours}/kernel", CONV),
        f"{theirs}.bias": Leaf(f"params/{ours}/bias"),
        f"{theirs}.noise_strength": Leaf(f"params/{ours}/strength"),
    } | layer(f"{theirs}.affine", f"{ours}/Dense_0", DENSE)
