"""R3GAN2 as released (IFeelBloated/R3GAN2): the networks of the program's snapshots.

The default numbers are those of class-conditional CIFAR-10. The program can also build
attention and modulated layers. None of its presets has them, nor have our networks.
"""

import jax.numpy as jnp
from jax.typing import DTypeLike

from ganjax.models import r3gan2
from ganjax.pretrained.conversion import (
    CONV,
    DENSE,
    POINTWISE,
    Layout,
    Leaf,
    Released,
)


IGNORED = ("Resampler.Kernel",)  # the resampling filters, which are fixed


def generator(
    widths: tuple[int, ...] = (512,) * 3,
    blocks: int = 4,
    classes: int = 10,
    latent: int = 64,
    channels: int = 3,
    dtype: DTypeLike = jnp.float32,
) -> Released:
    """Describes G.

    Args:
        widths: channels of each stage, from 8x8 up.
        blocks: residual blocks in each stage.
        classes: number of classes, 0 for an unconditional network.
        latent: length of z.
        channels: channels of the images.
        dtype: dtype in which all but the first layers compute.
    """
    net = r3gan2.Generator(channels, widths, blocks, classes=classes, dtype=dtype)
    table = {"Model.Gain": Leaf("params/gain")}
    # The layers before the first stage; their dense layer is a 1x1 convolution of ours.
    table |= _layer("Head.LinearLayer1", "Biased_0", POINTWISE)
    table["Model.Head.LinearLayer2.Basis.Weight"] = _kernel("Spread_0", CONV)
    table |= _layer("Head.LinearLayer3", "Conv_0")
    table |= _layer("AggregationLayer", "rgb")
    table |= _stages_and_embedding(widths, blocks, classes)
    return Released(net, (latent,), table, IGNORED)


def discriminator(
    widths: tuple[int, ...] = (512,) * 3,
    blocks: int = 4,
    classes: int = 10,
    channels: int = 3,
    dtype: DTypeLike = jnp.float32,
) -> Released:
    """Describes D.

    Args:
        widths: channels of each stage, from 8x8 up as for G.
        blocks: residual blocks in each stage.
        classes: number of classes, 0 for an unconditional network.
        channels: channels of the images.
        dtype: dtype in which all but the last layers compute.
    """
    net = r3gan2.Discriminator(widths, blocks, classes=classes, dtype=dtype)
    table = _layer("ExtractionLayer", "rgb")
    # The layers after the last stage.
    table |= _layer("Head.LinearLayer1", "Biased_0")
    table |= _layer("Head.LinearLayer2.Basis", "Gathered_0")
    table |= _layer("Head.LinearLayer3", "head/Linear_0", DENSE)
    # D's embedding is in its head.
    table |= _stages_and_embedding(widths, blocks, classes, "head/")
    side = 8 << len(widths) - 1
    return Released(net, (side, side, channels), table, IGNORED)


def _stages_and_embedding(
    widths: tuple[int, ...], blocks: int, classes: int, head: str = ""
) -> dict[str, Leaf]:
    """Returns the table of the stages and of the embedding of the classes.

    `head` is the path of the module that has the embedding.
    """
    table = {}
    for i in range(len(widths)):
        for j in range(blocks):
            stage = f"MainLayers.{i}"
            ours = f"Stage_{i}/Block_{j}"
            alpha = f"Model.{stage}.ParametrizedAlphas.{j}.Value"
            table[alpha] = Leaf(f"params/{ours}/alpha")
            for k, layer in enumerate(("Biased_0", "Conv_0", "Conv_1"), start=1):
                name = f"{stage}.Layers.{j}.LinearLayer{k}"
                table |= _layer(name, f"{ours}/{layer}")
    if classes:
        embedding = _kernel(f"{head}Embed_0", DENSE)
        table["Model.EmbeddingLayer.Weight.Weight"] = embedding
    return table


def _layer(theirs: str, ours: str, layout: Layout = CONV) -> dict[str, Leaf]:
    """Returns the table of a magnitude-preserving layer's kernel."""
    return {f"Model.{theirs}.Weight.Weight": _kernel(ours, layout)}


def _kernel(ours: str, layout: Layout) -> Leaf:
    """Returns the leaf of a magnitude-preserving layer's kernel, which a `Unit` keeps."""
    return Leaf(f"params/{ours}/Unit_0/kernel", layout)
