"""DCGAN's networks in PyTorch."""

from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import nn


class Generator(nn.Module):
    def __init__(self, latent, size, channels, width):
        super().__init__()
        times = (size // 4).bit_length() - 1
        widths = [width << i for i in range(times)][::-1]
        self.width, pairs = widths[0], zip(widths, [*widths[1:], channels], strict=True)
        self.Dense_0 = nn.Linear(latent, 16 * widths[0], bias=False)
        self.BatchNorm_0 = nn.BatchNorm1d(16 * widths[0])
        parts = OrderedDict()
        for i, (a, b) in enumerate(pairs):
            if i:
                parts[f"BatchNorm_{i}"] = nn.BatchNorm2d(a)
                parts[f"act_{i}"] = nn.ReLU()
            parts[f"Resample_{i}"] = nn.ConvTranspose2d(a, b, 4, 2, 1, bias=False)
        for name, part in parts.items():
            self.add_module(name, part)
        self.parts = list(parts.values())

    def forward(self, z, label):
        x = F.relu(self.BatchNorm_0(self.Dense_0(z)))
        x = x.view(-1, 4, 4, self.width).permute(0, 3, 1, 2)
        for part in self.parts:
            x = part(x)
        return torch.tanh(x)


class Discriminator(nn.Module):
    def __init__(self, size, channels, width):
        super().__init__()
        times = (size // 4).bit_length() - 1
        widths, parts = [channels, *(width << i for i in range(times))], OrderedDict()
        for i, (a, b) in enumerate(zip(widths, widths[1:], strict=False)):
            parts[f"Resample_{i}"] = nn.Conv2d(a, b, 4, 2, 1, bias=False)
            if i:
                parts[f"BatchNorm_{i - 1}"] = nn.BatchNorm2d(b)
            parts[f"act_{i}"] = nn.LeakyReLU(0.2)
        for name, part in parts.items():
            self.add_module(name, part)
        self.parts = list(parts.values())
        self.head = nn.Module()
        self.head.Dense_0 = nn.Linear(16 * widths[-1], 1, bias=False)

    def forward(self, image, label):
        x = image
        for part in self.parts:
            x = part(x)
        return self.head.Dense_0(x.permute(0, 2, 3, 1).flatten(1))[:, 0]
