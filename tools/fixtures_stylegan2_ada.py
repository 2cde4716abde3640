"""What the released StyleGAN2-ADA makes of drawn weights, for the tests to compare with.

`python tools/fixtures_stylegan2_ada.py CHECKOUT` takes a checkout of
NVlabs/stylegan2-ada-pytorch and writes the tests' fixtures stylegan2_ada_*.npz. It also
prints how many parameters the published networks have. Needs PyTorch.
"""

import numpy as np
import torch
from torch_side import Args, channels_last, count, keep, one_hot, released, seat
from weights import drawn

from ganjax.run import command


FILTER = ("resample_filter",)
LABEL = np.arange(4) % 3


def players(networks, size, classes, architecture, base, width, depth, group):
    """G and D of a configuration."""
    mapping, common = (
        {"num_layers": depth},
        {"channel_base": base, "channel_max": width},
    )
    g = networks.Generator(
        z_dim=min(width, 512),
        c_dim=classes,
        w_dim=min(width, 512),
        img_resolution=size,
        img_channels=3,
        mapping_kwargs=mapping,
        synthesis_kwargs=common | {"num_fp16_res": 0},
    )
    d = networks.Discriminator(
        c_dim=classes,
        img_resolution=size,
        img_channels=3,
        architecture=architecture,
        mapping_kwargs=mapping,
        epilogue_kwargs={"mbstd_group_size": group},
        **common,
    )
    return g, d


def main(args: Args) -> None:
    networks = released(args.checkout, "training.networks")
    for classes in (0, 3):
        for architecture in ("resnet", "orig", "skip"):
            g, d = players(networks, 16, classes, architecture, 128, 16, 2, 4)
            image = drawn("image", (4, 16, 16, 3))
            x = torch.from_numpy(image).permute(0, 3, 1, 2)
            logits = seat(d, constant=FILTER)(x, one_hot(LABEL, classes))[:, 0]
            name = f"stylegan2_ada_d_{architecture}_{classes}"
            keep(args.out, name, input=image, label=LABEL, output=logits.detach())
        seat(g, constant=FILTER).eval()
        for each, buffer in g.named_buffers():
            if each.endswith("noise_const"):
                side = len(buffer)
                buffer.copy_(torch.from_numpy(drawn(f"noise {side}", (side, side))))
        z = drawn("z", (4, 16))
        given = torch.from_numpy(z), one_hot(LABEL, classes)
        y = channels_last(g(*given, truncation_psi=0.7, noise_mode="const"))
        keep(args.out, f"stylegan2_ada_g_{classes}", input=z, label=LABEL, output=y)

    print("CIFAR-10", count(players(networks, 32, 0, "orig", 32768, 512, 2, 32)))
    print("with classes", count(players(networks, 32, 10, "orig", 32768, 512, 2, 32)))
    print("FFHQ 256", count(players(networks, 256, 0, "resnet", 16384, 512, 8, 8)))
    print("FFHQ 1024", count(players(networks, 1024, 0, "resnet", 32768, 512, 8, 4)))


if __name__ == "__main__":
    command(main)
