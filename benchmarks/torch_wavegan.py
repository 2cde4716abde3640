"""WaveGAN's networks in PyTorch."""

import torch
import torch.nn.functional as F
from torch import nn


class Generator(nn.Module):
    def __init__(self, latent, length, channels, width):
        super().__init__()
        times = ((length // 16).bit_length() - 1) // 2
        widths = [width << i for i in range(times)][::-1]
        self.Dense_0, self.parts = nn.Linear(latent, 16 * widths[0]), []
        for i, (a, b) in enumerate(zip(widths, [*widths[1:], channels], strict=True)):
            self.parts.append(nn.ConvTranspose1d(a, b, 25, 4, 11, output_padding=1))
            self.add_module(f"Resample_{i}", self.parts[-1])

    def forward(self, z, label):
        x = self.Dense_0(z).view(len(z), 16, -1).transpose(1, 2)
        for part in self.parts:
            x = part(F.relu(x))
        return torch.tanh(x)


class PhaseShuffle(nn.Module):
    def __init__(self, radius):
        super().__init__()
        self.radius = radius

    def forward(self, x):
        r, n = self.radius, x.shape[-1]
        if not r:
            return x
        x = F.pad(x, (r, r), mode="reflect")
        start = torch.randint(0, 2 * r + 1, (len(x), 1, 1))
        index = (start + torch.arange(n)).expand(-1, x.shape[1], -1)
        return x.gather(2, index)


class Discriminator(nn.Module):
    def __init__(self, length, channels, width, radius):
        super().__init__()
        times = ((length // 16).bit_length() - 1) // 2
        widths = [channels, *(width << i for i in range(times))]
        self.parts, self.shuffle = [], PhaseShuffle(radius)
        for i, (a, b) in enumerate(zip(widths, widths[1:], strict=False)):
            self.parts.append(nn.Conv1d(a, b, 25, 4, 11))
            self.add_module(f"Resample_{i}", self.parts[-1])
        self.head = nn.Module()
        self.head.Dense_0 = nn.Linear(16 * widths[-1], 1)

    def forward(self, image, label):
        x = F.leaky_relu(self.parts[0](image), 0.2)
        for part in self.parts[1:]:
            x = F.leaky_relu(part(self.shuffle(x)), 0.2)
        return self.head.Dense_0(x.transpose(1, 2).flatten(1))[:, 0]
