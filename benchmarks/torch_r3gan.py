"""R3GAN's networks in PyTorch."""

import torch
import torch.nn.functional as F
from torch import nn


class Block(nn.Module):
    def __init__(self, width, cardinality, expansion):
        super().__init__()
        wide = expansion * width
        self.Conv_0 = nn.Conv2d(width, wide, 1)
        self.Grouped_0 = nn.Conv2d(wide, wide, 3, padding=1, groups=cardinality)
        self.Conv_1 = nn.Conv2d(wide, width, 1, bias=False)

    def forward(self, x):
        h = F.leaky_relu(self.Conv_0(x), 0.2)
        h = F.leaky_relu(self.Grouped_0(h), 0.2)
        return x + self.Conv_1(h)


class Filter(nn.Module):
    """[1, 3, 3, 1] along both axes, and every second pixel; or the transpose."""

    def __init__(self, width, by, total):
        super().__init__()
        self.by, taps = by, torch.tensor([1.0, 3.0, 3.0, 1.0])
        square = torch.outer(taps, taps) / taps.sum() ** 2 * total
        self.register_buffer("taps", square.repeat(width, 1, 1, 1))

    def forward(self, x):
        return self.by(x, self.taps, stride=2, padding=1, groups=len(self.taps))


class Generator(nn.Module):
    def __init__(self, latent, channels, width, cardinality, expansion, stages, blocks):
        super().__init__()
        self.Dense_0 = nn.Linear(latent, width, bias=False)
        self.basis = nn.Parameter(torch.randn(1, width, 4, 4))
        self.blocks, self.each = [], blocks
        self.up = Filter(width, F.conv_transpose2d, 4)
        for i in range(stages * blocks):
            self.blocks.append(Block(width, cardinality, expansion))
            self.add_module(f"Block_{i}", self.blocks[-1])
        self.Conv_0 = nn.Conv2d(width, channels, 1, bias=False)

    def forward(self, z, label):
        x = self.Dense_0(z)[:, :, None, None] * self.basis
        for i, block in enumerate(self.blocks):
            if i and i % self.each == 0:
                x = self.up(x)
            x = block(x)
        return self.Conv_0(x)


class Discriminator(nn.Module):
    def __init__(self, channels, width, cardinality, expansion, stages, blocks):
        super().__init__()
        self.Conv_0 = nn.Conv2d(channels, width, 1, bias=False)
        self.blocks, self.each = [], blocks
        self.down = Filter(width, F.conv2d, 1)
        for i in range(stages * blocks):
            self.blocks.append(Block(width, cardinality, expansion))
            self.add_module(f"Block_{i}", self.blocks[-1])
        self.basis = nn.Parameter(torch.randn(1, width, 4, 4) / 4)
        self.head = nn.Module()
        self.head.Dense_0 = nn.Linear(width, 1, bias=False)

    def forward(self, image, label):
        x = self.Conv_0(image)
        for i, block in enumerate(self.blocks):
            if i and i % self.each == 0:
                x = self.down(x)
            x = block(x)
        return self.head.Dense_0((x * self.basis).sum((2, 3)))[:, 0]
