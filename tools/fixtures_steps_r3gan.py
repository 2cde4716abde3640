"""Five training steps of the released R3GAN, for the tests to compare with.

`python tools/fixtures_steps_r3gan.py CHECKOUT` hands the loss of a
checkout of brownvc/R3GAN the weights, latents and images that ganjax draws, moves the
weights as its training loop does, and writes the tests' fixture steps_r3gan.npz. Needs
PyTorch.
"""

from copy import deepcopy
from math import cos, pi

import jax
import torch
from fixtures_r3gan import KERNEL, players
from torch_side import Args, adam, averaged, keep, moved, nchw, released, seat
from turns import latents, of_step
from weights import by_fan_in, images

from ganjax.run import command


STEPS, BATCH, SIZE, LATENT = 5, 4, 16, 8


def main(args: Args) -> None:
    """D's turn and G's, each on images of its own, under schedules."""
    networks = released(args.checkout, "training.networks")
    losses = released(args.checkout, "training.loss")
    g, d = players(networks, (8, 8, 4), (4, 4, 2), 0, LATENT)
    for net in (g, d):
        seat(net, by_fan_in, KERNEL).requires_grad_(False)
    ema, loss = deepcopy(g), losses.R3GANLoss(g, d)
    optimizers = {"D": adam(d, 1.0, 0.9), "G": adam(g, 1.0, 0.9)}
    along = lambda a, b, step: b + (a - b) * (1 + cos(pi * step / STEPS)) / 2
    for step in range(STEPS):
        d_key, g_key = jax.random.split(of_step(step))
        turns = {"D": (d, jax.random.split(d_key, 1)[0]), "G": (g, g_key)}
        for i, (phase, (net, key)) in enumerate(turns.items()):
            real = nchw(images(2 * step + i, BATCH, SIZE))
            z = torch.from_numpy(latents(key, BATCH, LATENT))
            optimizers[phase].zero_grad()
            net.requires_grad_(True)
            gamma = along(0.5, 0.05, step)
            loss.accumulate_gradients(phase, real, None, z, gamma, 1.0)
            net.requires_grad_(False)
            for group in optimizers[phase].param_groups:
                group["lr"] = along(2e-3, 5e-4, step)
                group["betas"] = 0.0, along(0.9, 0.99, step)
            optimizers[phase].step()
        averaged(ema, g, 0.5 ** (BATCH / max(along(0.0, 20.0, step), 1e-8)))
    keep(args.out, "steps_r3gan", **moved(KERNEL, g=g, d=d, ema=ema))


if __name__ == "__main__":
    command(main)
