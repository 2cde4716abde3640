"""Five training steps of the released StyleGAN2-ADA, for the tests to compare with.

`python tools/fixtures_steps_stylegan2_ada.py CHECKOUT` hands the loss of a
checkout of NVlabs/stylegan2-ada-pytorch the weights, latents and images that ganjax
draws, moves the weights as its training loop does, and writes the tests' fixture
steps_stylegan2_ada.npz. Needs PyTorch.
"""

from copy import deepcopy
from functools import partial
from unittest.mock import patch

import jax
import numpy as np
import torch
from fixtures_stylegan2_ada import FILTER, players
from torch_side import Args, adam, averaged, keep, moved, nchw, released, seat
from turns import latents, of_step, path_noise
from weights import images

from ganjax.run import command


STEPS, BATCH, SIZE, LATENT = 5, 4, 16, 8
PERCENTILE = 0.3  # of everything that the augmentation draws
PARTS = ("xflip", "rotate90", "xint", "scale", "brightness", "contrast")


class Quiet(torch.nn.Module):
    """G's synthesis without noise."""

    def __init__(self, net: torch.nn.Module):
        super().__init__()
        self.forward = partial(net, noise_mode="none")


def main(args: Args) -> None:
    """G's loss, its path length, D's loss, its R1; the average; ADA's p."""
    networks = released(args.checkout, "training.networks")
    losses = released(args.checkout, "training.loss")
    pipes = released(args.checkout, "training.augment")
    none = torch.zeros(BATCH, 0)
    g, d = players(networks, SIZE, 0, "resnet", 64, LATENT, 2, BATCH)
    g, d = (seat(net, constant=FILTER).train().requires_grad_(False) for net in (g, d))
    ema, p, signs = deepcopy(g), 0.0, []
    pipe = pipes.AugmentPipe(**dict.fromkeys(PARTS, 1))
    loss = losses.StyleGAN2Loss(
        torch.device("cpu"),
        g.mapping,
        Quiet(g.synthesis),
        d,
        partial(pipe, debug_percentile=PERCENTILE),
        style_mixing_prob=0,
        r1_gamma=1.0,
    )
    noted = {}
    losses.training_stats.report = lambda name, x: noted.setdefault(name, []).append(x)
    phases = [("Gmain", g, 1), ("Greg", g, 4), ("Dmain", d, 1), ("Dreg", d, 16)]
    optimizers = {"G": adam(g, 2.5e-3, 0.99, 4), "D": adam(d, 2.5e-3, 0.99, 16)}
    for step in range(STEPS):
        real = nchw(images(step, BATCH, SIZE))
        keys = jax.random.split(of_step(step), 4)
        for key, (phase, net, every) in zip(keys, phases, strict=True):
            if step % every:
                continue
            rows = BATCH // 2 if phase == "Greg" else BATCH
            z = np.zeros((BATCH, LATENT), np.float32)
            z[:rows] = latents(key, rows, LATENT)
            y = nchw(path_noise(key, rows, (SIZE, SIZE, 3)))
            optimizers[phase[0]].zero_grad()
            net.requires_grad_(True)
            with patch.object(torch, "randn_like", lambda image, y=y: y):
                z = torch.from_numpy(z)
                given = {"real_c": none, "gen_c": none, "sync": True, "gain": every}
                loss.accumulate_gradients(phase, real, gen_z=z, **given)
            net.requires_grad_(False)
            optimizers[phase[0]].step()
            if phase == "Dmain":
                signs.append(noted["Loss/signs/real"][-1].mean().item())
        seen = step * BATCH
        averaged(ema, g, 0.5 ** (BATCH / max(min(20, seen * 0.5), 1e-8)))
        if len(signs) == 4:
            p, signs = max(p + np.sign(np.mean(signs) + 0.5) * 4 * BATCH / 100, 0), []
    end = moved((*FILTER, "noise_const"), g=g, d=d, ema=ema) | {"p": np.float32(p)}
    keep(args.out, "steps_stylegan2_ada", path=loss.pl_mean, **end)


if __name__ == "__main__":
    command(main)
