"""StyleGAN2 and StyleGAN2-ADA as released for PyTorch (NVIDIA, 2021).

What the resampling filters hold is fixed, and the layers' constant noise is no weight:
ours draw theirs. The authors' D looks at rows b/g apart as a group, ours at neighbours.
"""

from functools import partial

from ganjax.models import stylegan2
from ganjax.released.names import (
    CONV,
    DENSE,
    IMAGE,
    Leaf,
    Released,
    flattened,
    layer,
)


CONSTANT = "resample_filter", "noise_const"


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
    """G, or its average G_ema, which `psi` draws towards its mean at evaluation."""
    net = stylegan2.Generator(
        size, channels, width, base, w_dim, depth, classes, psi=psi
    )
    table = {"mapping.w_avg": Leaf("w_avg/f/w")} | mapping(depth, "f", classes)
    table["synthesis.b4.const"] = Leaf("params/g/const", IMAGE)
    for i, side in enumerate(_sides(size)):
        block = f"synthesis.b{side}"
        table |= _styled(f"{block}.conv1", f"g/StyledConv_{2 * i}")
        if i:
            table |= _styled(f"{block}.conv0", f"g/StyledConv_{2 * i - 1}")
        table |= layer(f"{block}.torgb", f"g/ToRGB_{i}/Conv_0", CONV)
        table |= layer(f"{block}.torgb.affine", f"g/ToRGB_{i}/Dense_0", DENSE)
    return Released(net, (latent,), table, CONSTANT)


def discriminator(
    size: int = 256,
    channels: int = 3,
    classes: int = 0,
    width: int = 512,
    base: int = 32768,
    depth: int = 8,
    group: int = 4,
    block: type = stylegan2.Residual,
) -> Released:
    """D, of which `block` is the authors' architecture: Residual, Straight or Skip."""
    head = partial(stylegan2.Mapped, depth=depth)
    net = stylegan2.Discriminator(width, base, classes, group, block, head)
    first = int(block is stylegan2.Residual)
    table = layer(f"b{size}.fromrgb", "Conv_0", CONV)
    for i, side in enumerate(reversed(_sides(size)[1:])):
        there, here = f"b{side}", f"{block.__name__}_{i}"
        table |= layer(f"{there}.conv0", f"{here}/Conv_{first}", CONV)
        table |= layer(f"{there}.conv1", f"{here}/Conv_{first + 1}", CONV)
        if block is stylegan2.Residual:
            table |= layer(f"{there}.skip", f"{here}/Conv_0", CONV, bias=False)
        if block is stylegan2.Skip:
            table |= layer(f"b{side // 2}.fromrgb", f"{here}/Conv_2", CONV)
    table |= layer("b4.conv", "Conv_1", CONV)
    last = min(base // 4, width)
    table |= layer("b4.fc", "Dense_0", flattened(last, 4, 4))
    table |= layer("b4.out", f"head/Dense_{int(classes > 0)}", DENSE)
    if classes:
        table |= mapping(depth, "head", classes)
    return Released(net, (size, size, channels), table, CONSTANT)


def _sides(size: int) -> list[int]:
    return [4 << i for i in range((size // 4).bit_length())]


def _styled(there: str, here: str) -> dict[str, Leaf]:
    """A layer that w sets the style of."""
    return {
        f"{there}.weight": Leaf(f"params/{here}/kernel", CONV),
        f"{there}.bias": Leaf(f"params/{here}/bias"),
        f"{there}.noise_strength": Leaf(f"params/{here}/strength"),
    } | layer(f"{there}.affine", f"{here}/Dense_0", DENSE)


def mapping(depth: int, here: str, classes: int) -> dict[str, Leaf]:
    """A mapping network, G's or D's."""
    table = {}
    for i in range(depth):
        table |= layer(f"mapping.fc{i}", f"{here}/Stack_0/Dense_{i}", DENSE)
    if classes:
        table |= layer("mapping.embed", f"{here}/Dense_0", DENSE)
    return table
