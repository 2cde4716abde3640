"""BigGAN-deep in BigGAN's first author's PyTorch code (Brock, 2019).

Its names are those of `ganjax.pretrained.biggan`. At 32 px its D has attention in three
stages or in none; ours has it in one, at `attention_resolution`, or in none.
"""

from itertools import pairwise

from ganjax.models import biggan, biggan_deep
from ganjax.pretrained.biggan import (
    IGNORED,
    SN,
    attention,
    head,
    norm,
    output_layer,
    spectral,
)
from ganjax.pretrained.conversion import CONV, Leaf, Released, flattened_output


def generator(
    size: int = 128,
    classes: int = 1000,
    latent: int = 128,
    ch: int = 128,
    shared_dim: int = 128,
    attention_resolution: int = 64,
    depth: int = 2,
) -> Released:
    """Describes G, whose norms see z and a shared embedding, concatenated.

    The defaults are those of ImageNet at 128 px.

    Args:
        size: side of the images.
        classes: number of classes.
        latent: length of z.
        ch: unit of the layers' channels ("G_ch").
        shared_dim: length of the embedding ("shared_dim").
        attention_resolution: side at which G has attention ("G_attn").
        depth: blocks in each stage ("G_depth").
    """
    fields = (size, 3, ch, classes, shared_dim, attention_resolution, depth, SN)
    net = biggan_deep.Generator(*fields, use_bias=True)
    first, *stages = biggan.at_size(biggan_deep.G_WIDTHS, size)
    table = {"shared.weight": Leaf("params/Embed_0/embedding")}
    # The dense layer, whose output becomes a 4x4 feature map.
    square = flattened_output(ch * first, 4, 4)
    table |= spectral("linear", "Dense_0", "SpectralNorm_0", square, square)
    for i in range(len(stages) * depth):
        theirs = f"blocks.{i}.0"
        ours = f"UpBlock_{i}"
        table |= _convs(theirs, ours, 4)
        for j in range(4):
            table |= norm(f"{theirs}.bn{j + 1}", f"{ours}/ConditionalNorm_{j}")
        # Blocks are numbered through all stages, `depth` in each. Attention follows the
        # last block of its stage.
        stage, block = divmod(i, depth)
        if 8 << stage == attention_resolution and block == depth - 1:
            table |= attention(f"blocks.{i}.1")
    return Released(net, (latent,), table | output_layer(), IGNORED)


def discriminator(
    size: int = 128,
    classes: int = 1000,
    ch: int = 128,
    attention_resolution: int = 64,
    depth: int = 2,
) -> Released:
    """Describes D.

    The defaults are those of ImageNet at 128 px.

    Args:
        size: side of the images.
        classes: number of classes.
        ch: unit of the layers' channels ("D_ch").
        attention_resolution: side of the features that D's attention sees ("D_attn").
        depth: blocks in each stage ("D_depth").
    """
    net = biggan_deep.Discriminator(ch, classes, attention_resolution, depth, SN)
    multipliers, grid = biggan.at_size(biggan_deep.D_WIDTHS, size)
    table = spectral("input_conv", "Conv_0", "SpectralNorm_0", CONV)
    for i, (before, after) in enumerate(pairwise(multipliers)):
        for j in range(depth):
            # A block that adds channels has a convolution in its skip connection.
            widens = j == 0 and before < after
            table |= _convs(f"blocks.{i}.{j}", f"DownBlock_{i * depth + j}", 4 + widens)
        if size >> i > grid and size >> i + 1 == attention_resolution:
            table |= attention(f"blocks.{i}.{depth}")
    return Released(net, (size, size, 3), table | head(classes), IGNORED)


def _convs(theirs: str, ours: str, count: int) -> dict[str, Leaf]:
    """Returns the table of a block's convolutions; a fifth is in its skip connection."""
    table = {}
    for i, name in enumerate(("conv1", "conv2", "conv3", "conv4", "conv_sc")[:count]):
        u = f"{ours}/SpectralNorm_{i}"
        table |= spectral(f"{theirs}.{name}", f"{ours}/Conv_{i}", u, CONV)
    return table
