"""BigGAN-deep as BigGAN's first author's PyTorch code has it (Brock, 2019).

At 32 px its D attends to three stages or none; ours to none or to the one of `attend`.
"""

from itertools import pairwise

from ganjax.models import biggan, biggan_deep
from ganjax.released.biggan import CONSTANT, SN, attention, ending, head, norm, spectral
from ganjax.released.names import CONV, Leaf, Released, images


def generator(
    size: int = 128,
    classes: int = 1000,
    latent: int = 128,
    ch: int = 128,
    shared: int = 128,
    attend: int = 64,
    depth: int = 2,
) -> Released:
    """G with a shared embedding, which z is put behind for all that asks for either."""
    fields = size, 3, ch, classes, shared, attend, depth, SN
    net = biggan_deep.Generator(*fields, use_bias=True)
    first, *stages = biggan.at_size(biggan_deep.UP, size)
    table = {"shared.weight": Leaf("params/Embed_0/embedding")}
    square = images(ch * first, 4, 4)
    table |= spectral("linear", "Dense_0", "SpectralNorm_0", square, square)
    for i in range(len(stages) * depth):
        there, here = f"blocks.{i}.0", f"UpBlock_{i}"
        table |= _convs(there, here, 4)
        for j in range(4):
            table |= norm(f"{there}.bn{j + 1}", f"{here}/ConditionalNorm_{j}")
        if 8 << i // depth == attend and i % depth == depth - 1:
            table |= attention(f"blocks.{i}.1")
    return Released(net, (latent,), table | ending(), CONSTANT)


def discriminator(
    size: int = 128,
    classes: int = 1000,
    ch: int = 128,
    attend: int = 64,
    depth: int = 2,
) -> Released:
    """D; attention is at the side that its features have."""
    net = biggan_deep.Discriminator(ch, classes, attend, depth, SN)
    times, grid = biggan.at_size(biggan_deep.DOWN, size)
    table = spectral("input_conv", "Conv_0", "SpectralNorm_0", CONV)
    for i, (before, after) in enumerate(pairwise(times)):
        for j in range(depth):
            here, grown = f"DownBlock_{i * depth + j}", j == 0 and before < after
            table |= _convs(f"blocks.{i}.{j}", here, 4 + grown)
        if size >> i > grid and size >> i + 1 == attend:
            table |= attention(f"blocks.{i}.{depth}")
    return Released(net, (size, size, 3), table | head(classes), CONSTANT)


def _convs(there: str, here: str, count: int) -> dict[str, Leaf]:
    """The convolutions of a block, the last of five in its skip connection."""
    table = {}
    for i, name in enumerate(("conv1", "conv2", "conv3", "conv4", "conv_sc")[:count]):
        u = f"{here}/SpectralNorm_{i}"
        table |= spectral(f"{there}.{name}", f"{here}/Conv_{i}", u, CONV)
    return table
