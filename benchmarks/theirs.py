"""The same step as a plain PyTorch program would have it."""

import time
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
import torch_biggan
import torch_dcgan
import torch_mlp
import torch_pix2pix
import torch_r3gan
import torch_resnet
import torch_sagan
import torch_stylegan2
import torch_tabular
import torch_wavegan
from cases import ADA_P, STYLEGAN2_BASE, Case
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry
from torch_augment import BGC
from torch_layers import Spectral, wear


def _plain(layer):
    return layer


BIGGAN = {  # side -> widths of G and of D, in `width`, and where D stops halving
    32: ((4, 4, 4), (4, 4, 4, 4), 8),
    128: ((16, 8, 4, 2, 1), (1, 2, 4, 8, 16, 16), 4),
}


def _biggan(case, calm):
    side, width, classes = case.shape[0], case.width, case.classes
    g_widths, d_widths, grid = BIGGAN[side]
    g_widths, d_widths = ([width * n for n in each] for each in (g_widths, d_widths))
    return (
        torch_biggan.Generator(
            case.latent, 3, g_widths, classes, 128, attend=case.attention
        ),
        torch_sagan.Discriminator(
            3, d_widths, side, grid, classes, attend=case.attention
        ),
    )


def _stylegan2(case, calm):
    widths = [min(STYLEGAN2_BASE // (4 << i), case.width) for i in range(case.stages)]
    return (
        torch_stylegan2.Generator(
            case.latent, 3, widths, case.latent, 2, float(not calm)
        ),
        torch_stylegan2.Discriminator(3, widths, 4),
    )


NETS = {
    "mlp": lambda case, calm: (
        torch_mlp.Generator(32, (8, 8, 1), 256),
        torch_mlp.Discriminator(64, 256),
    ),
    "dcgan": lambda case, calm: (
        torch_dcgan.Generator(100, case.shape[0], 3, case.width),
        torch_dcgan.Discriminator(case.shape[0], 3, case.width),
    ),
    "sngan": lambda case, calm: (
        torch_resnet.Generator(128, 3, case.width),
        torch_resnet.Discriminator(3, case.width, Spectral, torch.sum, False),
    ),
    "wgangp": lambda case, calm: (
        torch_resnet.Generator(128, 3, case.width),
        torch_resnet.Discriminator(3, case.width, _plain, torch.mean, True),
    ),
    "sagan": lambda case, calm: (
        torch_sagan.Generator(128, 3, case.width, 10, 32),
        torch_sagan.Discriminator(3, [case.width] * 4, 32, 8, 10, 16),
    ),
    "biggan": _biggan,
    "stylegan2": _stylegan2,
    "r3gan": lambda case, calm: (
        torch_r3gan.Generator(
            case.latent, 3, case.width, case.width // 8, 2, case.stages, 2
        ),
        torch_r3gan.Discriminator(3, case.width, case.width // 8, 2, case.stages, 2),
    ),
    "wavegan": lambda case, calm: (
        torch_wavegan.Generator(100, 4096, 1, case.width),
        torch_wavegan.Discriminator(4096, 1, case.width, 0 if calm else 2),
    ),
    "ctgan": lambda case, calm: (
        torch_tabular.Generator(128, [1, -10] * 4 + [-8, -8, -4], 256, float(not calm)),
        torch_tabular.Discriminator(64, 256, 0.0 if calm else 0.5),
    ),
    "pix2pix": lambda case, calm: (
        torch_pix2pix.Generator(
            3, [case.width * n for n in case.multipliers], 0.0 if calm else 0.5
        ),
        torch_pix2pix.Discriminator(6, case.width),
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
    """Logits and, from the same pass, their gradients by the images.

    They are taken outside of `autocast`, which is for forward passes alone.
    """

    def __init__(self, d, image, label):
        self.image = image.detach().requires_grad_()
        self.logits = d(self.image, label)

    def norms(self):
        total = self.logits.sum()
        with torch.autocast(self.image.device.type, enabled=False):
            grads = torch.autograd.grad(total, self.image, create_graph=True)[0]
        return grads.flatten(1).square().sum(1)


class Steps:
    """G and D with their optimizers."""

    def __init__(self, case: Case, mode: str, precision: str, device: str):
        # With bfloat16 networks, too, the rest may be TF32, as it is in JAX.
        torch.backends.cuda.matmul.allow_tf32 = precision != "float32"
        torch.backends.cudnn.allow_tf32 = precision != "float32"
        # ADA's images are of other sizes in each step, which would be tried anew each time.
        torch.backends.cudnn.benchmark = not case.ada
        self.case, self.losses, self.device = case, LOSSES[case.loss], device
        self.short = torch.autocast(
            torch.device(device).type, torch.bfloat16, precision == "bfloat16"
        )
        with torch.device(device):
            self.nets = NETS[case.net](case, False)
            self.see = BGC(ADA_P, case.shape[-1]) if case.ada else lambda image: image
        self.g, self.d = self.nets
        real, self.label = (x.to(device) for x in _data(case))
        if mode == "channels_last":
            form = torch.channels_last
            self.g, self.d = (net.to(memory_format=form) for net in self.nets)
            real = real.contiguous(memory_format=form)
        self.stored = real
        self.source = self.real().flip(0) if case.paired else None
        fastest = {"foreach": True} if device == "cpu" else {"fused": True}
        adam = lambda net: torch.optim.Adam(
            net.parameters(), case.rate, case.betas, **fastest
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
        if self.source is not None:
            return self.source
        return torch.randn(self.case.batch, self.case.latent, device=self.device)

    def logits(self, image, label):
        # Images are augmented in float32, as ours are.
        with torch.autocast(image.device.type, enabled=False):
            image = self.see(image.float())
        if self.source is not None:
            image = torch.cat([self.source, image], 1)
        return self.d(image, label).float()

    def d_turn(self):
        with self.short:
            loss = self.d_loss()
        self.d_adam.zero_grad()
        loss.backward()
        self.d_adam.step()

    def d_loss(self):
        case, real, label = self.case, self.real(), self.label
        with torch.no_grad():
            fake = self.g(self.latents(), label).float()
        looks = [
            Slopes(self.logits, image, label) if weight else None
            for image, weight in ((real, case.r1), (fake, case.r2))
        ]
        seen = [
            self.logits(image, label) if look is None else look.logits
            for image, look in zip((real, fake), looks, strict=True)
        ]
        loss = self.losses[0](*seen)
        for look, weight in zip(looks, (case.r1, case.r2), strict=True):
            if look:
                loss = loss + weight / 2 * look.norms().mean()
        if case.gp:
            share = torch.rand(len(real), *(1,) * (real.ndim - 1), device=self.device)
            between = Slopes(self.logits, share * real + (1 - share) * fake, label)
            norm = (between.norms() + 1e-12).sqrt()
            loss = loss + case.gp * (norm - 1).square().mean()
        return loss

    def g_turn(self):
        self.nets[1].requires_grad_(False)
        with self.short:
            loss = self.g_loss()
        self.g_adam.zero_grad()
        loss.backward()
        self.g_adam.step()
        self.nets[1].requires_grad_(True)
        if self.source is None:
            with torch.no_grad():
                params = list(self.nets[0].parameters())
                torch._foreach_lerp_(self.average, params, 0.001)

    def g_loss(self):
        made = self.g(self.latents(), self.label)
        fake = self.logits(made, self.label)
        real = None
        if self.case.loss == "relativistic":
            real = self.logits(self.real(), self.label)
        loss = self.losses[1](real, fake)
        if self.case.l1:
            loss = loss + self.case.l1 * (made - self.real()).abs().mean()
        return loss


def timer(
    case: Case,
    alone: bool,
    mode: str,
    precision: str = "float32",
    device: str = "cpu",
) -> tuple[Callable[[int], float], float]:
    """A function that plays n steps and gives the seconds of one; seconds of the first.

    `alone` leaves out G's turn.
    """
    steps = Steps(case, mode, precision, device)

    def run(n):
        began = time.perf_counter()
        for _ in range(n):
            steps.d_turn()
            if not alone:
                steps.g_turn()
        if device != "cpu":
            torch.cuda.synchronize()
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


def flops(case: Case, alone: bool, device: str = "cpu") -> int:
    """The floating-point operations of one step, convolutions counted in full."""
    steps = Steps(case, "default", "float32", device)
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


def compare(case: Case, given: dict) -> float:
    """How far values are from `given`'s, on its weights, relative to their largest."""
    g, d = NETS[case.net](case, True)
    wear(g, given["g"])
    wear(d, given["d"])
    channels_first = lambda image: torch.from_numpy(np.moveaxis(image, -1, 1).copy())
    real, label = (
        channels_first(given["image"]),
        torch.tensor(given["label"]).long(),
    )
    z = channels_first(given["z"]) if case.paired else torch.from_numpy(given["z"])
    buffers = [b.clone() for b in d.buffers()]

    def judge(image, label):
        return d(torch.cat([z, image], 1) if case.paired else image, label)

    def see(image):
        for buffer, first in zip(d.buffers(), buffers, strict=True):
            buffer.copy_(first)
        return Slopes(judge, image, label)

    fake = g(z, label).detach()
    looks = see(real), see(fake)
    seen = [look.logits for look in looks]
    d_loss, g_loss = (loss(*seen) for loss in LOSSES[case.loss])
    norm = see(real).norms().sum()
    pairs = zip((*seen, d_loss, g_loss, norm), given["values"], strict=True)
    return max(_apart(a.detach().numpy(), b) for a, b in pairs)


def _apart(a: np.ndarray, b: np.ndarray) -> float:
    if a.shape != b.shape:
        raise ValueError(f"One side gives {a.shape}, the other {b.shape}.")
    return float(np.abs(a - b).max() / max(np.abs(b).max(), np.finfo("f").tiny))


def peak(n: int = 2048, precision: str = "float32", device: str = "cpu") -> float:
    """The most floating-point operations a second, in a product of two n x n matrices."""
    torch.backends.cuda.matmul.allow_tf32 = precision != "float32"
    dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
    x = torch.randn(n, n, device=device, dtype=dtype)
    found = []
    for _ in range(10):
        began = time.perf_counter()
        x @ x
        if device != "cpu":
            torch.cuda.synchronize()
        found.append(2 * n**3 / (time.perf_counter() - began))
    return max(found)
