"""CycleGAN, pix2pix, CUT and FastCUT as their authors' PyTorch code has them.

The defaults are those of 256 px; a network for images of c channels that makes d of them
has channels (c, d). Only before instance norms has the code the biases that a norm takes
away. Taps of blurs and counters of batch norms are no weights, nor are the averages of
instance norms that old checkpoints hold.
"""

from collections.abc import Sequence

from ganjax.models import patch, patch_features, translator, unet
from ganjax.released.names import (
    CONV,
    DENSE,
    Leaf,
    Released,
    axes,
    batch_norm,
    layer,
)


COUNTER = ("num_batches_tracked",)
UNREAD = "filt", "running_mean", "running_var", *COUNTER  # beside instance norms
PAINT = axes(2, 3, 0, 1)  # of a transposed convolution, IOHW -> HWIO


def cyclegan_g(
    blocks: int = 9,
    width: int = 64,
    channels: tuple[int, int] = (3, 3),
    side: int = 256,
) -> Released:
    """CycleGAN's G, of which there is one for each direction."""
    net = translator.Generator(channels[1], width, blocks=blocks, use_bias=True)
    n = 10 + blocks
    table = _convs(["1", "4", "7", *_blocks(10, blocks)])
    table |= layer(f"model.{n}", f"Conv_{3 + 2 * blocks}", PAINT)
    table |= layer(f"model.{n + 3}", f"Conv_{4 + 2 * blocks}", PAINT)
    table |= layer(f"model.{n + 7}", f"Conv_{5 + 2 * blocks}", CONV)
    return Released(net, (side, side, channels[0]), table, UNREAD)


def cut_g(
    blocks: int = 9,
    width: int = 64,
    channels: tuple[int, int] = (3, 3),
    side: int = 256,
) -> Released:
    """G of CUT and of FastCUT."""
    net = translator.CUT(channels[1], width, blocks=blocks, use_bias=True)
    n = 12 + blocks
    last = [f"{n + 1}", f"{n + 5}", f"{n + 9}"]
    table = _convs(["1", "4", "8", *_blocks(12, blocks), *last])
    return Released(net, (side, side, channels[0]), table, UNREAD)


def pix2pix_g(
    times: tuple[int, ...] = (1, 2, 4, 8, 8, 8, 8, 8),
    width: int = 64,
    channels: tuple[int, int] = (3, 3),
) -> Released:
    """pix2pix's U-Net, with batch norms; its blocks lie in one another."""
    net, last = unet.Generator(channels[1], width, times=times), len(times) - 1
    table, there = {}, "model"
    for i in range(len(times)):
        up = f"Conv_{1 + 2 * last - i}"
        down, back = ("0", "3") if not i else ("1", "3" if i == last else "5")
        there = f"{there}.model"
        table |= layer(f"{there}.{down}", f"Conv_{i}", CONV, bias=False)
        table |= layer(f"{there}.{back}", up, PAINT, bias=not i)
        if 0 < i < last:
            table |= batch_norm(f"{there}.2", f"BatchNorm_{i - 1}")
        if i:
            norm = f"BatchNorm_{2 * last - 1 - i}"
            table |= batch_norm(f"{there}.{int(back) + 1}", norm)
        there = f"{there}.{'3' if i else '1'}"
    side = 1 << len(times)
    return Released(net, (side, side, channels[0]), table, COUNTER)


def cyclegan_d(
    halvings: int = 3, width: int = 64, channels: int = 3, side: int = 256
) -> Released:
    """CycleGAN's D."""
    net = patch.Discriminator(width, halvings=halvings, use_bias=True)
    table = _convs(["0", *(f"{2 + 3 * i}" for i in range(halvings + 1))])
    return Released(net, (side, side, channels), table, UNREAD)


def cut_d(
    halvings: int = 3, width: int = 64, channels: int = 3, side: int = 256
) -> Released:
    """D of CUT and of FastCUT."""
    net = patch.CUT(width, halvings=halvings, use_bias=True)
    inner = (f"{3 + 4 * i}" for i in range(halvings))
    table = _convs(["0", *inner, f"{2 + 4 * halvings}"])
    return Released(net, (side, side, channels), table, UNREAD)


def pix2pix_d(
    halvings: int = 3, width: int = 64, channels: int = 6, side: int = 256
) -> Released:
    """pix2pix's D, with batch norms, of an image and what was made of it."""
    net = patch.Pix2pix(width, halvings=halvings)
    table = layer("model.0", "Conv_0", CONV)
    for i in range(halvings):
        there = 2 + 3 * i
        table |= layer(f"model.{there}", f"Conv_{i + 1}", CONV, bias=False)
        table |= batch_norm(f"model.{there + 1}", f"BatchNorm_{i}")
    table |= layer(f"model.{2 + 3 * halvings}", f"Conv_{halvings + 1}", CONV)
    return Released(net, (side, side, channels), table, COUNTER)


def cut_f(
    channels: Sequence[int] = (3, 128, 256, 256, 256), width: int = 256, n: int = 256
) -> Released:
    """What CUT brings features to a common space by; n places of maps of `channels`."""
    table = {}
    for i in range(len(channels)):
        table |= layer(f"mlp_{i}.0", f"Dense_{2 * i}", DENSE)
        table |= layer(f"mlp_{i}.2", f"Dense_{2 * i + 1}", DENSE)
    net = patch_features.PatchFeatures(width)
    return Released(net, [(n, c) for c in channels], table)


def _convs(places: Sequence[str]) -> dict[str, Leaf]:
    """Convolutions at these places of a sequence, in our own order."""
    table = {}
    for i, place in enumerate(places):
        table |= layer(f"model.{place}", f"Conv_{i}", CONV)
    return table


def _blocks(start: int, count: int) -> list[str]:
    """The places of the residual blocks' convolutions."""
    return [f"{start + i}.conv_block.{j}" for i in range(count) for j in (1, 5)]
