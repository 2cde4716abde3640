"""CycleGAN, pix2pix, CUT and FastCUT in their authors' PyTorch code.

The default numbers are those of 256 px. A generator for images of c channels that makes
images of d channels has `channels` (c, d). A network is a sequence, in which names count
layers without weights, too: "model.4" is its fifth layer. The code's convolutions before
instance norms have biases, so our networks have them here, too.

Tensors that are not weights are ignored: the taps of blurs, the counters of batch norms,
and the running averages of instance norms that old checkpoints hold.
"""

from collections.abc import Sequence

from ganjax.models import patch, patch_features, translator, unet
from ganjax.pretrained.conversion import (
    CONV,
    DENSE,
    TRANSPOSED_CONV,
    Leaf,
    Released,
    batch_norm,
    layer,
)


BATCH_NORM_IGNORED = ("num_batches_tracked",)
INSTANCE_NORM_IGNORED = ("filt", "running_mean", "running_var", *BATCH_NORM_IGNORED)


def cyclegan_g(
    blocks: int = 9,
    width: int = 64,
    channels: tuple[int, int] = (3, 3),
    side: int = 256,
) -> Released:
    """Describes CycleGAN's G, of which there is one for each direction.

    Args:
        blocks: residual blocks.
        width: channels of the layers at the image's own size ("ngf").
        channels: channels of the input and of the output.
        side: side of the images.
    """
    net = translator.Generator(channels[1], width, blocks=blocks, use_bias=True)
    # The sequence: pad, conv, norm, ReLU, then twice conv, norm, ReLU, then the blocks.
    table = _convs(["1", "4", "7", *_block_convs(10, blocks)])
    end = 10 + blocks  # the first layer after the residual blocks
    table |= layer(f"model.{end}", f"Conv_{3 + 2 * blocks}", TRANSPOSED_CONV)
    table |= layer(f"model.{end + 3}", f"Conv_{4 + 2 * blocks}", TRANSPOSED_CONV)
    table |= layer(f"model.{end + 7}", f"Conv_{5 + 2 * blocks}", CONV)
    return Released(net, (side, side, channels[0]), table, INSTANCE_NORM_IGNORED)


def cut_g(
    blocks: int = 9,
    width: int = 64,
    channels: tuple[int, int] = (3, 3),
    side: int = 256,
) -> Released:
    """Describes G of CUT and of FastCUT.

    Args:
        blocks: residual blocks.
        width: channels of the layers at the image's own size ("ngf").
        channels: channels of the input and of the output.
        side: side of the images.
    """
    net = translator.CUT(channels[1], width, blocks=blocks, use_bias=True)
    # Two places more than in CycleGAN, as a blur follows each of the two halvings.
    end = 12 + blocks  # the first layer after the residual blocks
    # A doubling is a blurred upsampling, then an ordinary convolution.
    last = [f"{end + 1}", f"{end + 5}", f"{end + 9}"]
    table = _convs(["1", "4", "8", *_block_convs(12, blocks), *last])
    return Released(net, (side, side, channels[0]), table, INSTANCE_NORM_IGNORED)


def pix2pix_g(
    multipliers: tuple[int, ...] = (1, 2, 4, 8, 8, 8, 8, 8),
    width: int = 64,
    channels: tuple[int, int] = (3, 3),
) -> Released:
    """Describes pix2pix's U-Net, with batch norms.

    Args:
        multipliers: channels after each halving, in units of `width`.
        width: unit of the layers' channels ("ngf").
        channels: channels of the input and of the output.
    """
    net = unet.Generator(channels[1], width, multipliers=multipliers)
    last = len(multipliers) - 1
    table = {}
    # The program nests its blocks. Each is a sequence of a convolution, the next inner
    # block and a transposed convolution, with activations and norms between.
    theirs = "model"
    for i in range(len(multipliers)):
        if i == 0:
            down, inner, up = 0, 1, 3
        else:
            down, inner, up = 1, 3, (3 if i == last else 5)
        theirs = f"{theirs}.model"
        table |= layer(f"{theirs}.{down}", f"Conv_{i}", CONV, bias=False)
        our_up = f"Conv_{1 + 2 * last - i}"
        table |= layer(f"{theirs}.{up}", our_up, TRANSPOSED_CONV, bias=not i)
        if 0 < i < last:
            table |= batch_norm(f"{theirs}.2", f"BatchNorm_{i - 1}")
        # Every transposed convolution but the outermost has a norm.
        if i:
            our_norm = f"BatchNorm_{2 * last - 1 - i}"
            table |= batch_norm(f"{theirs}.{up + 1}", our_norm)
        theirs = f"{theirs}.{inner}"
    side = 1 << len(multipliers)
    return Released(net, (side, side, channels[0]), table, BATCH_NORM_IGNORED)


def cyclegan_d(
    halvings: int = 3, width: int = 64, channels: int = 3, side: int = 256
) -> Released:
    """Describes CycleGAN's D, a PatchGAN.

    Args:
        halvings: convolutions of stride 2 ("n_layers_D").
        width: channels of the first layer ("ndf").
        channels: channels of the images.
        side: side of the images.
    """
    # Places 0, 2, 5, 8, ...: conv, ReLU, then conv, norm, ReLU in turn.
    net = patch.Discriminator(width, halvings=halvings, use_bias=True)
    table = _convs(["0", *(f"{2 + 3 * i}" for i in range(halvings + 1))])
    return Released(net, (side, side, channels), table, INSTANCE_NORM_IGNORED)


def cut_d(
    halvings: int = 3, width: int = 64, channels: int = 3, side: int = 256
) -> Released:
    """Describes D of CUT and of FastCUT, a PatchGAN; the arguments are `cyclegan_d`'s."""
    net = patch.CUT(width, halvings=halvings, use_bias=True)
    # A halving is a convolution, a norm, a ReLU and a blur.
    inner = (f"{3 + 4 * i}" for i in range(halvings))
    table = _convs(["0", *inner, f"{2 + 4 * halvings}"])
    return Released(net, (side, side, channels), table, INSTANCE_NORM_IGNORED)


def pix2pix_d(
    halvings: int = 3, width: int = 64, channels: int = 6, side: int = 256
) -> Released:
    """Describes pix2pix's D, a PatchGAN with batch norms.

    It sees the source and the target image, so `channels` counts those of both. The other
    arguments are `cyclegan_d`'s.
    """
    net = patch.Pix2pix(width, halvings=halvings)
    table = layer("model.0", "Conv_0", CONV)
    for i in range(halvings):
        place = 2 + 3 * i
        table |= layer(f"model.{place}", f"Conv_{i + 1}", CONV, bias=False)
        table |= batch_norm(f"model.{place + 1}", f"BatchNorm_{i}")
    table |= layer(f"model.{2 + 3 * halvings}", f"Conv_{halvings + 1}", CONV)
    return Released(net, (side, side, channels), table, BATCH_NORM_IGNORED)


def cut_f(
    channels: Sequence[int] = (3, 128, 256, 256, 256), width: int = 256, n: int = 256
) -> Released:
    """Describes CUT's F, which maps patches of feature maps to a common space.

    Args:
        channels: channels of each feature map.
        width: length of the vectors in the common space ("netF_nc").
        n: patches of each map ("num_patches").
    """
    table = {}
    for i in range(len(channels)):
        table |= layer(f"mlp_{i}.0", f"Dense_{2 * i}", DENSE)
        table |= layer(f"mlp_{i}.2", f"Dense_{2 * i + 1}", DENSE)
    net = patch_features.PatchFeatures(width)
    return Released(net, [(n, c) for c in channels], table)


def _convs(places: Sequence[str]) -> dict[str, Leaf]:
    """Returns the table of convolutions at these places of a sequence, in our order."""
    table = {}
    for i, place in enumerate(places):
        table |= layer(f"model.{place}", f"Conv_{i}", CONV)
    return table


def _block_convs(start: int, count: int) -> list[str]:
    """Returns the places of the convolutions of `count` residual blocks."""
    return [f"{start + i}.conv_block.{j}" for i in range(count) for j in (1, 5)]
