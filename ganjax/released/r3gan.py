"""R3GAN as released (Huang et al., 2024), the networks of its snapshots.

The defaults are CIFAR-10's with classes.
"""

from ganjax.models import r3gan
from ganjax.released.names import CONV, DENSE, PLAIN, Layout, Leaf, Released, axes


CONSTANT = ("Resampler.Kernel",)
WIDTHS, CARDINALITIES = (768,) * 4, (96,) * 4
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
    """G; stages are given from 4x4 up."""
    net = r3gan.Generator(channels, widths, cardinalities, blocks, classes=classes)
    first = "Model.MainLayers.0.Layers.0"
    table = {
        f"{first}.Basis": Leaf("params/basis", PATTERN),
        f"{first}.LinearLayer.weight": Leaf("params/Dense_0/kernel", DENSE),
    }
    resized = 0
    for i in range(len(widths)):
        stage = f"Model.MainLayers.{i}.Layers"
        if i and widths[i] != widths[i - 1]:
            table |= _conv(f"{stage}.0.LinearLayer", f"Conv_{resized}")
            resized += 1
        for j in range(blocks):
            table |= _block(f"{stage}.{j + 1}", i * blocks + j)
    table |= _conv("Model.AggregationLayer", f"Conv_{resized}")
    if classes:
        embedding = Leaf("params/Embed_0/embedding", DENSE)
        table["Model.EmbeddingLayer.weight"] = embedding
    return Released(net, (latent,), table, CONSTANT)


def discriminator(
    widths: tuple[int, ...] = WIDTHS,
    cardinalities: tuple[int, ...] = CARDINALITIES,
    blocks: int = 2,
    classes: int = 10,
    channels: int = 3,
) -> Released:
    """D; stages are given from 4x4 up, as G's."""
    net = r3gan.Discriminator(widths, cardinalities, blocks, classes=classes)
    table, resized = _conv("Model.ExtractionLayer", "Conv_0"), 1
    for i, width in enumerate(reversed(widths)):
        stage, smaller = f"Model.MainLayers.{i}.Layers", widths[::-1][i + 1 : i + 2]
        for j in range(blocks):
            table |= _block(f"{stage}.{j}", i * blocks + j)
        if smaller and smaller[0] != width:
            table |= _conv(f"{stage}.{blocks}.LinearLayer", f"Conv_{resized}")
            resized += 1
    last = f"Model.MainLayers.{len(widths) - 1}.Layers.{blocks}"
    table[f"{last}.Basis.weight"] = Leaf("params/basis", axes(1, 2, 3, 0))
    table[f"{last}.LinearLayer.weight"] = Leaf("params/head/Dense_0/kernel", DENSE)
    if classes:
        embedding = Leaf("params/head/Embed_0/embedding", DENSE)
        table["Model.EmbeddingLayer.weight"] = embedding
    side = 4 << len(widths) - 1
    return Released(net, (side, side, channels), table, CONSTANT)


def _conv(there: str, here: str) -> dict[str, Leaf]:
    return {f"{there}.Layer.weight": Leaf(f"params/{here}/kernel", CONV)}


def _block(there: str, number: int) -> dict[str, Leaf]:
    here = f"Block_{number}"
    table = {}
    for i, layer in enumerate(("Conv_0", "Grouped_0", "Conv_1"), start=1):
        table |= _conv(f"{there}.LinearLayer{i}", f"{here}/{layer}")
    for i, layer in enumerate(("Conv_0", "Grouped_0"), start=1):
        bias = Leaf(f"params/{here}/{layer}/bias", PLAIN)
        table[f"{there}.NonLinearity{i}.Bias"] = bias
    return table
