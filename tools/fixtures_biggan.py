"""What Brock's BigGAN makes of drawn weights, for the tests to compare with.

`python tools/fixtures_biggan.py CHECKOUT` takes a checkout of
ajbrock/BigGAN-PyTorch and writes the tests' fixtures biggan_*.npz. It also prints how
many parameters the published networks have. Needs PyTorch.
"""

import numpy as np
import torch
from torch_side import Args, channels_last, count, keep, released, seat
from weights import by_fan_in, drawn

from ganjax.run import command


LABEL = np.arange(4) % 3
GENERATOR = {"G_shared": True, "hier": True, "skip_init": True, "SN_eps": 1e-6}
DISCRIMINATOR = {"skip_init": True, "SN_eps": 1e-6}


def main(args: Args) -> None:
    networks = released(args.checkout, "BigGAN")
    g = networks.Generator(
        G_ch=4,
        dim_z=16,
        resolution=32,
        G_attn="16",
        n_classes=3,
        shared_dim=6,
        **GENERATOR,
    )
    d = networks.Discriminator(
        D_ch=4, resolution=64, D_attn="16", n_classes=3, **DISCRIMINATOR
    )
    for net in (g, d):
        seat(net, by_fan_in, ("sv0",)).eval()
    label = torch.from_numpy(LABEL)
    z, image = drawn("z", (4, 16)), np.tanh(drawn("image", (4, 64, 64, 3)))
    y = channels_last(g(torch.from_numpy(z), g.shared(label)))
    keep(args.out, "biggan_g", input=z, label=LABEL, output=y)
    logits = d(torch.from_numpy(image).permute(0, 3, 1, 2), label)[:, 0]
    keep(args.out, "biggan_d", label=LABEL, output=logits.detach())

    g = networks.Generator(
        G_ch=96, dim_z=120, resolution=128, shared_dim=128, no_optim=True, **GENERATOR
    )
    d = networks.Discriminator(D_ch=96, resolution=128, **DISCRIMINATOR)
    print("ImageNet 128", count((g, d)))


if __name__ == "__main__":
    command(main)
