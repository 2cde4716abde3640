"""What Brock's BigGAN-deep makes of drawn weights, for the tests to compare with.

`python tools/fixtures_biggan_deep.py CHECKOUT` takes a checkout of
ajbrock/BigGAN-PyTorch and writes the tests' fixtures biggan_deep_*.npz. It also prints
how many parameters the published networks have. Needs PyTorch.
"""

import numpy as np
import torch
from torch_side import Args, channels_last, count, keep, nchw, released, seat
from weights import by_fan_in, drawn

from ganjax.run import command


LABEL = np.arange(4) % 3
EVERY = 4  # pixels of which one is kept
GENERATOR = {"hier": True, "skip_init": True, "SN_eps": 1e-6, "no_optim": True}
DISCRIMINATOR = {"skip_init": True, "SN_eps": 1e-6}
SMALL = {"n_classes": 3, "resolution": 64}


def main(args: Args) -> None:
    networks = released(args.checkout, "BigGANdeep")
    sizes = {"G_ch": 2, "dim_z": 5, "G_attn": "16", "shared_dim": 6}
    g = networks.Generator(**sizes, **SMALL, **GENERATOR)
    d = networks.Discriminator(D_ch=4, D_attn="16", **SMALL, **DISCRIMINATOR)
    for net in (g, d):
        seat(net, by_fan_in, ("sv0",)).eval()
    label = torch.from_numpy(LABEL)
    z, image = drawn("z", (4, 5)), np.tanh(drawn("image", (4, 64, 64, 3)))
    y = channels_last(g(torch.from_numpy(z), g.shared(label)))[:, ::EVERY, ::EVERY]
    keep(args.out, "biggan_deep_g", input=z, label=LABEL, output=y, every=EVERY)
    logits = d(nchw(image), label)[:, 0]
    keep(args.out, "biggan_deep_d", label=LABEL, output=logits.detach())

    for side in (128, 256):
        sizes = {"G_ch": 128, "dim_z": 128, "shared_dim": 128, "resolution": side}
        g = networks.Generator(**sizes, **GENERATOR)
        d = networks.Discriminator(D_ch=128, resolution=side, **DISCRIMINATOR)
        print("ImageNet", side, count((g, d)))


if __name__ == "__main__":
    command(main)
