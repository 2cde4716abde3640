"""Five training steps of the released R3GAN2, for the tests to compare with.

`python tools/fixtures_steps_r3gan2.py CHECKOUT` hands the loss of a
checkout of IFeelBloated/R3GAN2 the weights, latents and images that ganjax draws, moves
and normalizes the weights as its training loop does, in float32, and writes the tests'
fixture steps_r3gan2.npz. Needs PyTorch.
"""

from math import cos, pi, sqrt

import jax
import torch
from fixtures_r3gan2 import KERNEL, exact, players, still
from torch_side import Args, adam, keep, moved, nchw, released, seat
from turns import latents, of_step
from weights import images, unit

from ganjax.run import command


STEPS, BATCH, SIZE, LATENT = 5, 4, 16, 8
EVERY = 11  # of whose weights one is kept


def main(args: Args) -> None:
    """D's turn and G's, each on images of its own, under schedules."""
    networks = exact(args.checkout, "training.networks")
    losses = released(args.checkout, "training.loss")
    averages = released(args.checkout, "training.phema")
    g, d = players(networks, (32, 16), 1, 0, LATENT)
    for net in (g, d):
        seat(net, unit, KERNEL).requires_grad_(False)
    torch.randn = still
    mean, loss = averages.PowerFunctionEMA(g, [0.05]), losses.R3GANLoss(g, d)
    optimizers = {"D": adam(d, 1.0, 0.9), "G": adam(g, 1.0, 0.9)}
    along = lambda a, b, step: b + (a - b) * (1 + cos(pi * step / STEPS)) / 2
    for step in range(STEPS):
        d_key, g_key = jax.random.split(of_step(step))
        turns = {"D": (d, jax.random.split(d_key, 1)[0]), "G": (g, g_key)}
        rate = along(1e-3, 2.5e-4, step) * min(step / 2, 1) / sqrt(max(step / 2, 1))
        for i, (phase, (net, key)) in enumerate(turns.items()):
            real = nchw(images(2 * step + i, BATCH, SIZE))
            z = torch.tensor(latents(key, BATCH, LATENT))
            optimizers[phase].zero_grad()
            net.requires_grad_(True)
            gamma = along(0.5, 0.05, step)
            loss.accumulate_gradients(phase, real, None, z, gamma, 1.0)
            net.requires_grad_(False)
            for group in optimizers[phase].param_groups:
                group["lr"], group["betas"] = rate, (0.0, along(0.9, 0.99, step))
            optimizers[phase].step()
            for layer in net.modules():
                if hasattr(layer, "NormalizeWeight"):
                    layer.NormalizeWeight()
        mean.update((step + 1) * BATCH, BATCH)
    tensors = moved(KERNEL, g=g, d=d, ema=mean.emas[0])
    kept = {name: x.ravel()[::EVERY] for name, x in tensors.items()}
    keep(args.out, "steps_r3gan2", **kept, every=EVERY)


if __name__ == "__main__":
    command(main)
