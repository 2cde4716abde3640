"""R3GAN as released (Huang et al., 2024): the networks of the program's snapshots.

The default numbers are those of class-conditional CIFAR-10.
"""

from ganjax.models import r3gan
from ganjax.pretrained.conversion import (
    CONV,
    DENSE,
    Layout,
    Leaf,
    Released,
    permuted,
)


IGNORED = ("Resampler.Kernel",)  # the resampling filters, which are fixed
WIDTHS = (768,) * 4
CARDINALITIES = (96,) * 4
# G's pattern: [c, h, w] -> [1, h, w, c].
PATTERN = Layout(
    lambda x: x.transpose(1, 2, 0)[None], lambda x: x[0].transpose(2, 0, 1)
)


def generator(
    widths: tuple[int, ...] = WIDTHS,
    cardinalities: tuple[int, ...] = CARDINALITIES,
    blocks: int = 2,
    classes: int = 10,
    latent: int = 64,
    channels: int = 3,
) -> Released:
    """Describes G.

    Args:
        widths: channels of each stage, from 4x4 up.
        cardinalities: groups of the 3x3 convolutions in each stage.
        blocks: residual blocks in each stage.
        classes: number of classes, 0 for an unconditional network.
        latent: length of z.
        channels: channels of the images.
    """
    net = r3gan.Generator(channels, widths, cardinalities, blocks, classes=classes)
    first = "Model.MainLayers.0.Layers.0"
    table = {
        f"{first}.Basis": Leaf("params/basis", PATTERN),
        f"{first}.LinearLayer.weight": Leaf("params/Dense_0/kernel", DENSE),
    }
    resized = 0  # the number of stages so far that change the number of channels
    for i in range(len(widths)):
        stage = f"Model.MainLayers.{i}.Layers"
        if i and widths[i] != widths[i - 1]:
            table |= _conv(f"{stage}.0.LinearLayer", f"Conv_{resized}")
            resized += 1
        # In G the resampling layer comes first in a stage, in D last.
        for j in range(blocks):
            table |= _block(f"{stage}.{j + 1}", i * blocks + j)
    table |= _conv("Model.AggregationLayer", f"Conv_{resized}")
    if classes:
        embedding = Leaf("params/Embed_0/embedding", DENSE)
        table["Model.EmbeddingLayer.weight"] = embedding
    return Released(net, (latent,), table, IGNORED)


def discriminator(
    widths: tuple[int, ...] = WIDTHS,
    cardinalities: tuple[int, ...] = CARDINALITIES,
    blocks: int = 2,
    classes: int = 10,
    channels: int = 3,
) -> Released:
    """Describes D.

    Args:
        widths: channels of each stage, from 4x4 up as for G.
        cardinalities: groups of the 3x3 convolutions in each stage, from 4x4 up.
        blocks: residual blocks in each stage.
        classes: number of classes, 0 for an unconditional network.
        channels: channels of the images.
    """
    net = r3gan.Discriminator(widths, cardinalities, blocks, classes=classes)
    # Our 1x1 convolutions are numbered in the order of the forward pass; this is the first.
    table = _conv("Model.ExtractionLayer", "Conv_0")
    resized = 1
    downward = widths[::-1]  # the program counts D's stages from the full size down
    for i, width in enumerate(downward):
        stage = f"Model.MainLayers.{i}.Layers"
        for j in range(blocks):
            table |= _block(f"{stage}.{j}", i * blocks + j)
        # The width changes at the end of a stage of D, at the beginning of one of G.
        if i + 1 < len(downward) and downward[i + 1] != width:
            table |= _conv(f"{stage}.{blocks}.LinearLayer", f"Conv_{resized}")
            resized += 1
    # The depthwise 4x4 convolution and the last layer.
    last = f"Model.MainLayers.{len(widths) - 1}.Layers.{blocks}"
    table[f"{last}.Basis.weight"] = Leaf("params/basis", permuted(1, 2, 3, 0))
    table[f"{last}.LinearLayer.weight"] = Leaf("params/head/Dense_0/kernel", DENSE)
    if classes:
        embedding = Leaf("params/head/Embed_0/embedding", DENSE)
        table["Model.EmbeddingLayer.weight"] = embedding
    side = 4 << len(widths) - 1
    return Released(net, (side, side, channels), table, IGNORED)


def _conv(theirs: str, ours: str) -> dict[str, Leaf]:
    """Returns the table of a convolution's kernel."""
    return {f"{theirs}.Layer.weight": Leaf(f"params/{ours}/kernel", CONV)}


def _block(theirs: str, number: int) -> dict[str, Leaf]:
    """Returns the table of a residual block.

    The program counts the biases as parts of the activations that follow them.
    """
    ours = f"Block_{number}"
    table = {}
    for i, layer in enumerate(("Conv_0", "Grouped_0", "Conv_1"), start=1):
        table |= _conv(f"{theirs}.LinearLayer{i}", f"{ours}/{layer}")
    for i, layer in enumerate(("Conv_0", "Grouped_0"), start=1):
        table[f"{theirs}.NonLinearity{i}.Bias"] = Leaf(f"params/{ours}/{layer}/bias")
    return table
