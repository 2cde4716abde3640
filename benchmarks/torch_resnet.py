"""SNGAN's and WGAN-GP's networks in PyTorch."""

import torch
import torch.nn.functional as F
from torch import nn


class UpBlock(nn.Module):
    def __init__(self, width):
        super().__init__()
        conv = lambda k: nn.Conv2d(width, width, k, padding=k // 2, bias=False)
        self.BatchNorm_0, self.BatchNorm_1 = (
            nn.BatchNorm2d(width),
            nn.BatchNorm2d(width),
        )
        self.Conv_0, self.Conv_1, self.Conv_2 = conv(3), conv(3), conv(1)

    def forward(self, x):
        h = F.interpolate(F.relu(self.BatchNorm_0(x)), scale_factor=2)
        h = self.Conv_1(F.relu(self.BatchNorm_1(self.Conv_0(h))))
        return h + F.interpolate(self.Conv_2(x), scale_factor=2)


class Generator(nn.Module):
    def __init__(self, latent, channels, width):
        super().__init__()
        self.width = width
        self.Dense_0 = nn.Linear(latent, 16 * width)
        for i in range(3):
            self.add_module(f"UpBlock_{i}", UpBlock(width))
        self.BatchNorm_0 = nn.BatchNorm2d(width)
        self.Conv_0 = nn.Conv2d(width, channels, 3, padding=1)

    def forward(self, z, label):
        x = self.Dense_0(z).view(-1, 4, 4, self.width).permute(0, 3, 1, 2)
        for block in (self.UpBlock_0, self.UpBlock_1, self.UpBlock_2):
            x = block(x)
        return torch.tanh(self.Conv_0(F.relu(self.BatchNorm_0(x))))


class Discriminator(nn.Module):
    def __init__(self, channels, width, wrap, pool, bias):
        super().__init__()
        self.pool = pool
        sizes = [(channels, 3), (width, 3), (channels, 1)]
        sizes += [(width, 3), (width, 3), (width, 1)] + [(width, 3)] * 4
        for i, (c, k) in enumerate(sizes):
            conv = wrap(nn.Conv2d(c, width, k, padding=k // 2))
            self.add_module(f"Conv_{i}", conv)
        self.convs = [self.get_submodule(f"Conv_{i}") for i in range(10)]
        self.head = nn.Module()
        self.head.Dense_0 = wrap(nn.Linear(width, 1, bias=bias))

    def forward(self, image, label):
        c, relu, halve = self.convs, F.relu, lambda x: F.avg_pool2d(x, 2)
        x = halve(c[1](relu(c[0](image)))) + c[2](halve(image))
        x = halve(c[4](relu(c[3](relu(x)))) + c[5](x))
        x = x + c[7](relu(c[6](relu(x))))
        x = x + c[9](relu(c[8](relu(x))))
        return self.head.Dense_0(self.pool(relu(x), dim=(2, 3)))[:, 0]
