"""CTGAN's networks in PyTorch."""

import torch
import torch.nn.functional as F
from torch import nn


class Generator(nn.Module):
    """`spans` are widths, negative where a softmax follows and not tanh."""

    def __init__(self, latent, spans, width, noise):
        super().__init__()
        self.widths, self.spans, self.noise = [abs(n) for n in spans], spans, noise
        self.Dense_0 = nn.Linear(latent, width, bias=False)
        self.Dense_1 = nn.Linear(latent + width, width, bias=False)
        self.Dense_2 = nn.Linear(latent + 2 * width, sum(self.widths))
        self.BatchNorm_0, self.BatchNorm_1 = (
            nn.BatchNorm1d(width),
            nn.BatchNorm1d(width),
        )

    def forward(self, z, label):
        x = torch.cat([F.relu(self.BatchNorm_0(self.Dense_0(z))), z], 1)
        x = torch.cat([F.relu(self.BatchNorm_1(self.Dense_1(x))), x], 1)
        x = self.Dense_2(x)
        gumbel = -torch.empty_like(x).exponential_().log()
        noisy = (x + self.noise * gumbel) / 0.2
        pairs = zip(x.split(self.widths, 1), noisy.split(self.widths, 1), strict=True)
        parts = [
            a.tanh() if n > 0 else b.softmax(1)
            for n, (a, b) in zip(self.spans, pairs, strict=True)
        ]
        return torch.cat(parts, 1)


class Discriminator(nn.Module):
    def __init__(self, inputs, width, dropout):
        super().__init__()
        self.Dense_0, self.Dense_1 = nn.Linear(inputs, width), nn.Linear(width, width)
        self.Dense_2, self.dropout = nn.Linear(width, 1), nn.Dropout(dropout)

    def forward(self, image, label):
        x = self.dropout(F.leaky_relu(self.Dense_0(image), 0.2))
        x = self.dropout(F.leaky_relu(self.Dense_1(x), 0.2))
        return self.Dense_2(x)[:, 0]
