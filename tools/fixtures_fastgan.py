"""What Projected GAN's FastGAN makes of drawn weights, for the tests to compare with.

`python tools/fixtures_fastgan.py CHECKOUT` takes a checkout of
autonomousvision/projected_gan and writes the tests' fixtures fastgan_*.npz. It also
prints how many parameters the published networks have. Needs PyTorch.
"""

from functools import partial

import numpy as np
import torch
from torch_side import Args, channels_last, count, evaluated, keep, released, seat
from weights import by_fan_in, drawn

from ganjax.run import command


CONSTANT = "weight_v", "num_batches_tracked"
LABEL = np.arange(4) % 3
VARIANCE = 0.35  # about what there is
EVERY = 8  # of the pixels in a row


def constant_noise(n: int, c: int, height: int, width: int) -> torch.Tensor:
    """In place of noise: the same for every image and layer."""
    noise = drawn(f"noise {height}", (height, width))
    return torch.from_numpy(noise).expand(n, c, height, width)


def main(args: Args) -> None:
    networks = released(args.checkout, "pg_modules.networks_fastgan")
    torch.randn = constant_noise  # type: ignore[assignment]
    z, label = drawn("z", (4, 6)), torch.eye(1000)[torch.from_numpy(LABEL)]
    for name, side, lite in (("g", 256, False), ("lite", 128, True)):
        make = partial(networks.Generator, synthesis_kwargs={"lite": lite})
        for classes in (0, 1000):
            g = make(6, img_resolution=side, ngf=4, cond=classes > 0)
            g = evaluated(seat(g, by_fan_in, CONSTANT, VARIANCE))
            y = channels_last(g(torch.from_numpy(z), label))[:, ::EVERY, ::EVERY]
            given = {"input": z, "label": LABEL, "every": EVERY}
            keep(args.out, f"fastgan_{name}_{classes}", output=y, **given)
        for side in (128, 256, 512, 1024):
            print(name, side, count([make(img_resolution=side)]))
        print(name, "classes", count([make(cond=True)]))


if __name__ == "__main__":
    command(main)
