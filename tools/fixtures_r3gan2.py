"""What the released R3GAN2 makes of drawn weights, for the tests to compare with.

`python tools/fixtures_r3gan2.py CHECKOUT` takes a checkout of
IFeelBloated/R3GAN2 and writes the tests' fixtures r3gan2_*.npz. It also prints how many
parameters the published networks have. Needs PyTorch.
"""

from typing import Any

import numpy as np
import torch
from torch_side import Args, channels_last, count, keep, nchw, one_hot, released, seat
from weights import drawn

from ganjax.run import command


KERNEL = ("Resampler.Kernel",)
LABEL = np.arange(4) % 3
EVERY = 3  # of whose pixels one is kept


def players(networks, widths, blocks, classes, latent):
    """G and D of a configuration, its stages from 8x8 up."""
    common = {
        "c_dim": classes,
        "img_resolution": 8 << len(widths) - 1,
        "img_channels": 3,
        "ModulationDimension": None,
        "BlocksPerStage": [["FFN"] * blocks] * len(widths),
        "MLPWidthRatio": 2,
        "FFNWidthRatio": 2,
        "ChannelsPerConvolutionGroup": 32,
        "AttentionWidthRatio": 1,
        "ChannelsPerAttentionHead": 64,
    }
    embed = lambda size: {"ClassEmbeddingDimension": size} if classes else {}
    stages = lambda order: {"WidthPerStage": [*widths][::order]}
    g = networks.Generator(
        NoiseDimension=latent, **stages(1), **embed(latent), **common
    )
    return g, networks.Discriminator(**stages(-1), **embed(widths[0]), **common)


def exact(checkout, module: str) -> Any:
    """A module of the checkout that computes in float32, its noise one for all."""
    torch.bfloat16 = torch.float32
    return released(checkout, module)


def still(shape: list[int], **_: Any) -> torch.Tensor:
    """What stands for noise [n, 1, h, w]: the same for every image and layer."""
    return torch.from_numpy(drawn(f"noise {shape[2]}", (*shape[2:],))).expand(*shape)


def main(args: Args) -> None:
    networks = exact(args.checkout, "training.networks")
    for classes in (0, 3):
        g, d = (seat(net, constant=KERNEL) for net in small(networks, classes))
        label = one_hot(LABEL, classes) if classes else None
        z, image = drawn("z", (4, 5)), np.tanh(drawn("image", (4, 32, 32, 3)))
        drawing, torch.randn = torch.randn, still
        y = channels_last(g(torch.from_numpy(z), label))
        torch.randn = drawing
        name = f"r3gan2_g_{classes}"
        given = {"input": z, "label": LABEL, "every": EVERY}
        keep(args.out, name, output=y[:, ::EVERY, ::EVERY], **given)
        logits = d(nchw(image), label).detach()
        keep(args.out, f"r3gan2_d_{classes}", label=LABEL, output=logits)

    print("CIFAR-10", count(players(networks, (512,) * 3, 4, 10, 64)))
    print("FFHQ 64", count(players(networks, (512,) * 4, 4, 0, 64)))
    print("FFHQ 256", count(players(networks, (512,) * 4 + (256, 128), 4, 0, 64)))
    print("ImageNet 32", count(players(networks, (1024,) * 3, 4, 1000, 64)))


def small(networks, classes):
    """Stages of one width and of another, of two groups and of one."""
    return players(networks, (32, 32, 16), 2, classes, 5)


if __name__ == "__main__":
    command(main)
