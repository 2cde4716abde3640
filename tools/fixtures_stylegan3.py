"""What the released StyleGAN3 makes of drawn weights, for the tests to compare with.

`python tools/fixtures_stylegan3.py CHECKOUT` takes a checkout of
NVlabs/stylegan3 and writes the tests' fixtures stylegan3_*.npz. It also prints how many
parameters the published networks have. Needs PyTorch.
"""

import numpy as np
import torch
from torch_side import Args, channels_last, count, keep, one_hot, released, seat
from weights import drawn

from ganjax.run import command


CONSTANT = "up_filter", "down_filter", "input.transform"
LABEL = np.arange(4) % 3
TURNED = np.float32([[0.8, -0.6, 0.07], [0.6, 0.8, -0.11], [0, 0, 1]])


def translated(networks, size, classes, base, width, w_dim, **others):
    """G of configuration T."""
    return networks.Generator(
        z_dim=w_dim,
        c_dim=classes,
        w_dim=w_dim,
        img_resolution=size,
        img_channels=3,
        channel_base=base,
        channel_max=width,
        **others,
    )


def rotated(networks, size, classes, base, width, w_dim, **others):
    """G of configuration R."""
    more = {"conv_kernel": 1, "use_radial_filters": True}
    return translated(
        networks, size, classes, 2 * base, 2 * width, w_dim, **more, **others
    )


def main(args: Args) -> None:
    networks = released(args.checkout, "training.networks_stylegan3")
    both = {"t": translated, "r": rotated}
    for name, build in both.items():
        for classes in (0, 3):
            g = build(networks, 16, classes, 64, 8, 16, num_layers=6)
            seat(g, constant=CONSTANT).eval()
            z = drawn("z", (4, 16))
            given = torch.from_numpy(z), one_hot(LABEL, classes)
            y = channels_last(g(*given, truncation_psi=0.7))
            g.synthesis.input.transform.copy_(torch.from_numpy(TURNED))
            turned = channels_last(g(*given, truncation_psi=0.7))
            keep(
                args.out,
                f"stylegan3_{name}_{classes}",
                input=z,
                label=LABEL,
                output=y,
                transform=TURNED[:2],
                turned=turned,
            )
        for size in (256, 512, 1024):
            print(name, size, count([build(networks, size, 0, 32768, 512, 512)]))


if __name__ == "__main__":
    command(main)
