"""R3GAN2 as released (IFeelBloated/R3GAN2), the networks of its snapshots.

The defaults are CIFAR-10's with classes. No preset has attention, and no layer is
modulated, so neither are ours.
"""

from typing import Any

import jax.numpy as jnp

from ganjax.models import r3gan2
from ganjax.released.names import CONV, DENSE, Layout, Leaf, Released


CONSTANT = ("Resampler.Kernel",)
POINT = Layout(lambda x: x.T[None, None], lambda x: x[0, 0].T)  # a dense layer as 1x1


def generator(
    widths: tuple[int, ...] = (512,) * 3,
    blocks: int = 4,
    classes: int = 10,
    latent: int = 64,
    channels: int = 3,
    dtype: Any = jnp.float32,
) -> Released:
    """G; stages are given from 8x8 up."""
    net = r3gan2.Generator(channels, widths, blocks, classes=classes, dtype=dtype)
    table = {"Model.Gain": Leaf("params/gain")}
    table |= _layer("Head.LinearLayer1", "Biased_0", POINT)
    table["Model.Head.LinearLayer2.Basis.Weight"] = _kernel("Spread_0", CONV)
    table |= _layer("Head.LinearLayer3", "Conv_0")
    table |= _layer("AggregationLayer", "rgb")
    return Released(net, (latent,), table | _rest(widths, blocks, classes), CONSTANT)


def discriminator(
    widths: tuple[int, ...] = (512,) * 3,
    blocks: int = 4,
    classes: int = 10,
    channels: int = 3,
    dtype: Any = jnp.float32,
) -> Released:
    """D; stages are given from 8x8 up, as G's."""
    net = r3gan2.Discriminator(widths, blocks, classes=classes, dtype=dtype)
    table = _layer("ExtractionLayer", "rgb")
    table |= _layer("Head.LinearLayer1", "Biased_0")
    table |= _layer("Head.LinearLayer2.Basis", "Gathered_0")
    table |= _layer("Head.LinearLayer3", "head/Linear_0", DENSE)
    table |= _rest(widths, blocks, classes, "head/")
    side = 8 << len(widths) - 1
    return Released(net, (side, side, channels), table, CONSTANT)


def _rest(
    widths: tuple[int, ...], blocks: int, classes: int, head: str = ""
) -> dict[str, Leaf]:
    """The stages and the embedding of the classes."""
    table = {}
    for i in range(len(widths)):
        for j in range(blocks):
            there, here = f"MainLayers.{i}", f"Stage_{i}/Block_{j}"
            alpha = f"Model.{there}.ParametrizedAlphas.{j}.Value"
            table[alpha] = Leaf(f"params/{here}/alpha")
            for k, layer in enumerate(("Biased_0", "Conv_0", "Conv_1"), start=1):
                name = f"{there}.Layers.{j}.LinearLayer{k}"
                table |= _layer(name, f"{here}/{layer}")
    if classes:
        table |= {
            "Model.EmbeddingLayer.Weight.Weight": _kernel(f"{head}Embed_0", DENSE)
        }
    return table


def _layer(there: str, here: str, layout: Layout = CONV) -> dict[str, Leaf]:
    return {f"Model.{there}.Weight.Weight": _kernel(here, layout)}


def _kernel(here: str, layout: Layout) -> Leaf:
    return Leaf(f"params/{here}/Unit_0/kernel", layout)
