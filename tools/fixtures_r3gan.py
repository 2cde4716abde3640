"""What the released R3GAN makes of drawn weights, for the tests to compare with.

`python tools/fixtures_r3gan.py CHECKOUT` takes a checkout of brownvc/R3GAN
and writes the tests' fixtures r3gan_*.npz. It also prints how many parameters the
published networks have. Needs PyTorch.
"""

import numpy as np
import torch
from torch_side import Args, channels_last, count, keep, one_hot, released, seat
from weights import by_fan_in, drawn

from ganjax.run import command


KERNEL = ("Resampler.Kernel",)
LABEL = np.arange(4) % 3


def players(networks, widths, cardinalities, classes, latent):
    """G and D of a configuration, its stages from 4x4 up."""
    common = {
        "c_dim": classes,
        "img_resolution": 4 << len(widths) - 1,
        "ExpansionFactor": 2,
        "BlocksPerStage": [2] * len(widths),
        "FP16Stages": [],
    }
    embed = lambda size: {"ConditionEmbeddingDimension": size} if classes else {}
    stages = lambda order: {
        "WidthPerStage": [*widths][::order],
        "CardinalityPerStage": [*cardinalities][::order],
    }
    g = networks.Generator(
        NoiseDimension=latent, **stages(1), **embed(latent), **common
    )
    return g, networks.Discriminator(**stages(-1), **embed(widths[0]), **common)


def main(args: Args) -> None:
    networks = released(args.checkout, "training.networks")
    for classes in (0, 3):
        g, d = players(networks, (16, 16, 8), (4, 4, 2), classes, 5)
        label = one_hot(LABEL, classes) if classes else None
        z, image = drawn("z", (4, 5)), drawn("image", (4, 16, 16, 3))
        seat(g, by_fan_in, KERNEL), seat(d, by_fan_in, KERNEL)
        y = channels_last(g(torch.from_numpy(z), label))
        keep(args.out, f"r3gan_g_{classes}", input=z, label=LABEL, output=y)
        x = torch.from_numpy(image).permute(0, 3, 1, 2)
        logits = d(x, label).detach()
        keep(args.out, f"r3gan_d_{classes}", input=image, label=LABEL, output=logits)

    ten = (768,) * 4, (96,) * 4
    print("CIFAR-10", count(players(networks, *ten, 10, 64)))
    faces = (768,) * 4 + (384,), (96,) * 4 + (48,)
    print("FFHQ 64", count(players(networks, *faces, 0, 64)))


if __name__ == "__main__":
    command(main)
