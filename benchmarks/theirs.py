"""The same step as a plain PyTorch program would have it."""

import time
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
import torch_biggan
import torch_dcgan
import torch_mlp
import torch_r3gan
import torch_resnet
import torch_sagan
import torch_stylegan2
import torch_tabular
import torch_wavegan
from cases import CASES, Case
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry
from torch_layers import Spectral, wear


def _plain(layer):
    return layer


NETS = {
    "mlp_digits": lambda calm: (
        torch_mlp.Generator(32, (8, 8, 1), 256),
        torch_mlp.Discriminator(64, 256),
    ),
    "dcgan_32": lambda calm: (
        torch_dcgan.Generator(100, 32, 3, 64),
        torch_dcgan.Discriminator(32, 3, 64),
    ),
    "dcgan_64": lambda calm: (
        torch_dcgan.Generator(100, 64, 3, 64),
        torch_dcgan.Discriminator(64, 3, 64),
    ),
    "sngan_32": lambda calm: (
        torch_resnet.Generator(128, 3, 128),
        torch_resnet.Discriminator(3, 128, Spectral, torch.sum, False),
    ),
    "wgangp_32": lambda calm: (
        torch_resnet.Generator(128, 3, 128),
        torch_resnet.Discriminator(3, 128, _plain, torch.mean, True),
    ),
    "sagan_32": lambda calm: (
        torch_sagan.Generator(128, 3, 128, 10, 32),
        torch_sagan.Discriminator(3, 128, 10),
    ),
    "biggan_32": lambda calm: (
        torch_biggan.Generator(80, 3, 128, 10, 128, 16),
        torch_sagan.Discriminator(3, 128, 10),
    ),
    "stylegan2_32": lambda calm: (
        torch_stylegan2.Generator(128, 32, 3, 128, 128, 2, float(not calm)),
        torch_stylegan2.Discriminator(32, 3, 128, 4),
    ),
    "r3gan_32": lambda calm: (
        torch_r3gan.Generator(64, 3, 64, 8, 2, 4, 2),
        torch_r3gan.Discriminator(3, 64, 8, 2, 4, 2),
    ),
    "wavegan": lambda calm: (
        torch_wavegan.Generator(100, 4096, 1, 32),
        torch_wavegan.Discriminator(4096, 1, 32, 0 if calm else 2),
    ),
    "ctgan": lambda calm: (
        torch_tabular.Generator(128, [1, -10] * 4 + [-8, -8, -4], 256, float(not calm)),
        torch_tabular.Discriminator(64, 256, 0.0 if calm else 0.5),
    ),
}
LOSSES = {  # (real, fake) -> D's, G's
    "relativistic": (
        lambda real, fake: F.softplus(fake - real).mean(),
        lambda real, fake: F.softplus(real - fake).mean(),
    ),
    "non_saturating": (
        lambda real, fake: F.softplus(-real).mean() + F.softplus(fake).mean(),
        lambda real, fake: F.softplus(-fake).mean(),
    ),
    "hinge": (
        lambda real, fake: F.relu(1 - real).mean() + F.relu(1 + fake).mean(),
        lambda real, fake: -fake.mean(),
    ),
    "wasserstein": (
        lambda real, fake: fake.mean() - real.mean(),
        lambda real, fake: -fake.mean(),
    ),
}


def modes(case: Case) -> tuple[str, ...]:
    """What is tried; `torch.compile` has no second derivatives, which penalties need."""
    forms = ("default", "channels_last") if len(case.shape) == 3 else ("default",)
    return forms + (() if case.penalized else ("compile",))


def slopes(d: Callable, image: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    """The gradients of D by the images, [b, n], which can be differentiated again."""
    image = image.detach().requires_grad_()
    return torch.autograd.grad(d(image, label).sum(), image, create_graph=True)[0]


class Slopes:
    """Logits and, from the same pass, their gradients by the images."""

    def __init__(self, d, image, label):
        self.image = image.detach().requires_grad_()
        self.logits = d(self.image, label)

    def norms(self):
        total = self.logits.sum()
        grads = torch.autograd.grad(total, self.image, create_graph=True)[0]
        return grads.flatten(1).square().sum(1)


class Steps:
    """G and D with their optimizers."""

    def __init__(self, name: str, case: Case, mode: str):
        self.case, self.losses = case, LOSSES[case.loss]
        self.nets = NETS[name](False)
        self.g, self.d = self.nets
        real, self.label = _data(case)
        if mode == "channels_last":
            form = torch.channels_last
            self.g, self.d = (net.to(memory_format=form) for net in self.nets)
            real = real.contiguous(memory_format=form)
        self.stored = real
        adam = lambda net: torch.optim.Adam(
            net.parameters(), case.rate, case.betas, foreach=True
        )
        self.g_adam, self.d_adam = adam(self.g), adam(self.d)
        self.average = [p.detach().clone() for p in self.g.parameters()]
        if mode == "compile":
            self.g, self.d = torch.compile(self.g), torch.compile(self.d)

    def real(self):
        if self.stored.dtype == torch.uint8:
            return self.stored.float() / 127.5 - 1
        return self.stored

    def latents(self):
        return torch.randn(self.case.batch, self.case.latent)

    def d_turn(self):
        case, real, label = self.case, self.real(), self.label
        with torch.no_grad():
            fake = self.g(self.latents(), label)
        looks = [
            Slopes(self.d, image, label) if weight else None
            for image, weight in ((real, case.r1), (fake, case.r2))
        ]
        seen = [
            self.d(image, label) if look is None else look.logits
            for image, look in zip((real, fake), looks, strict=True)
        ]
        loss = self.losses[0](*seen)
        for look, weight in zip(looks, (case.r1, case.r2), strict=True):
            if look:
                loss = loss + weight / 2 * look.norms().mean()
        if case.gp:
            share = torch.rand(len(real), *(1,) * (real.ndim - 1))
            between = Slopes(self.d, share * real + (1 - share) * fake, label)
            norm = (between.norms() + 1e-12).sqrt()
            loss = loss + case.gp * (norm - 1).square().mean()
        self.d_adam.zero_grad()
        loss.backward()
        self.d_adam.step()

    def g_turn(self):
        self.nets[1].requires_grad_(False)
        fake = self.d(self.g(self.latents(), self.label), self.label)
        real = (
            self.d(self.real(), self.label)
            if self.case.loss == "relativistic"
            else None
        )
        loss = self.losses[1](real, fake)
        self.g_adam.zero_grad()
        loss.backward()
        self.g_adam.step()
        self.nets[1].requires_grad_(True)
        with torch.no_grad():
            torch._foreach_lerp_(self.average, list(self.nets[0].parameters()), 0.001)


def timer(
    name: str, case: Case, alone: bool, mode: str
) -> tuple[Callable[[int], float], float]:
    """A function that plays n steps and gives the seconds of one; seconds of the first.

    `alone` leaves out G's turn.
    """
    steps = Steps(name, case, mode)

    def run(n):
        began = time.perf_counter()
        for _ in range(n):
            steps.d_turn()
            if not alone:
                steps.g_turn()
        return (time.perf_counter() - began) / n

    return run, run(1)


class Count(TorchDispatchMode):
    """Adds up the operations of products and convolutions, backwards too."""

    flops = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        count = flop_registry.get(func.overloadpacket)
        self.flops += count(*args, **(kwargs or {}), out_val=out) if count else 0
        return out


def flops(name: str, case: Case, alone: bool) -> int:
    """The floating-point operations of one step, convolutions counted in full."""
    steps = Steps(name, case, "default")
    with Count() as counter:
        steps.d_turn()
        if not alone:
            steps.g_turn()
    return counter.flops


def _data(case: Case) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(0)
    shape = case.batch, *case.shape[-1:], *case.shape[:-1]
    if len(case.shape) > 2:
        image = rng.integers(0, 256, shape, np.uint8)
    else:
        image = rng.uniform(-1, 1, shape).astype(np.float32)
    label = rng.integers(0, max(case.classes, 1), case.batch)
    return torch.from_numpy(image), torch.from_numpy(label)


def compare(name: str, given: dict) -> float:
    """How far values are from `given`'s, on its weights, relative to their largest."""
    case = CASES[name]
    g, d = NETS[name](True)
    wear(g, given["g"])
    wear(d, given["d"])
    image = np.moveaxis(given["image"], -1, 1)
    real, label = (
        torch.from_numpy(image.copy()),
        torch.from_numpy(given["label"]).long(),
    )
    buffers = [b.clone() for b in d.buffers()]

    def see(image):
        for buffer, first in zip(d.buffers(), buffers, strict=True):
            buffer.copy_(first)
        return Slopes(d, image, label)

    fake = g(torch.from_numpy(given["z"]), label).detach()
    looks = see(real), see(fake)
    seen = [look.logits for look in looks]
    d_loss, g_loss = (loss(*seen) for loss in LOSSES[case.loss])
    norm = see(real).norms().sum()
    pairs = zip((*seen, d_loss, g_loss, norm), given["values"], strict=True)
    return max(_apart(a.detach().numpy(), b) for a, b in pairs)


def _apart(a: np.ndarray, b: np.ndarray) -> float:
    if a.shape != b.shape:
        raise ValueError(f"One side gives {a.shape}, the other {b.shape}.")
    return float(np.abs(a - b).max() / np.abs(b).max())


def peak() -> float:
    """The most floating-point operations a second, in a product of two matrices."""
    x = torch.ones(2048, 2048)
    found = []
    for _ in range(10):
        began = time.perf_counter()
        x @ x
        found.append(2 * 2048**3 / (time.perf_counter() - began))
    return max(found)
