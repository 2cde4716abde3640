"""SAGAN's networks in PyTorch."""

import torch
import torch.nn.functional as F
from torch import nn
from torch_layers import ClassNorm, Spectral


def conv(c, width, size, bias=True):
    return Spectral(nn.Conv2d(c, width, size, padding=size // 2, bias=bias))


class Attention(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.theta, self.phi = conv(c, c // 8, 1, False), conv(c, c // 8, 1, False)
        self.g, self.o = conv(c, c // 2, 1, False), conv(c // 2, c, 1, False)
        self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, x):
        theta = self.theta(x).flatten(2)
        phi = F.max_pool2d(self.phi(x), 2).flatten(2)
        g = F.max_pool2d(self.g(x), 2).flatten(2)
        beta = F.softmax(torch.bmm(theta.transpose(1, 2), phi), dim=-1)
        seen = torch.bmm(g, beta.transpose(1, 2))
        return x + self.gamma * self.o(seen.unflatten(2, x.shape[2:]))


class UpBlock(nn.Module):
    """`norms` are two modules called as norm(x, y), by their names."""

    def __init__(self, c, width, norms):
        super().__init__()
        for name, norm in norms.items():
            self.add_module(name, norm)
        self.norms = list(norms.values())
        self.Conv_0 = conv(c, width, 3, False)
        self.Conv_1 = conv(width, width, 3, False)
        self.Conv_2 = conv(c, width, 1, False)

    def forward(self, x, y):
        first, second = self.norms
        h = F.interpolate(F.relu(first(x, y)), scale_factor=2)
        h = self.Conv_1(F.relu(second(self.Conv_0(h), y)))
        return h + F.interpolate(self.Conv_2(x), scale_factor=2)


class Generator(nn.Module):
    def __init__(self, latent, channels, width, classes, attend):
        super().__init__()
        self.width, self.attend = width, attend
        self.Dense_0 = Spectral(nn.Linear(latent, 16 * width))
        for i in range(3):
            norms = {f"BatchNorm_{j}": ClassNorm(classes, width) for j in range(2)}
            self.add_module(f"UpBlock_{i}", UpBlock(width, width, norms))
        self.Attention_0 = Attention(width)
        self.BatchNorm_0 = nn.BatchNorm2d(width)
        self.Conv_0 = conv(width, channels, 3)

    def forward(self, z, label):
        x = self.Dense_0(z).view(-1, 4, 4, self.width).permute(0, 3, 1, 2)
        for block in (self.UpBlock_0, self.UpBlock_1, self.UpBlock_2):
            x = block(x, label)
            if x.shape[2] == self.attend:
                x = self.Attention_0(x)
        return torch.tanh(self.Conv_0(F.relu(self.BatchNorm_0(x))))


class Discriminator(nn.Module):
    """A block for each width; blocks halve images while their side is above `grid`."""

    def __init__(self, channels, widths, size, grid, classes, attend):
        super().__init__()
        self.attend, self.blocks, count = attend, [], 0
        for c, width in zip([channels, *widths], widths, strict=False):
            halves = not self.blocks or size > grid
            sizes = [(c, width, 3), (width, width, 3)]
            if halves or c != width:
                sizes.append((c, width, 1))
            convs = [conv(*each) for each in sizes]
            for layer in convs:
                self.add_module(f"Conv_{count}", layer)
                count += 1
            self.blocks.append((halves, convs))
            size = size // 2 if halves else size
            if halves and size == attend:
                self.Attention_0 = Attention(width)
        self.head = nn.Module()
        self.head.Dense_0 = Spectral(nn.Linear(widths[-1], 1))
        self.head.Embed_0 = Spectral(nn.Embedding(classes, widths[-1]))

    def forward(self, image, label):
        x, act = image, lambda x: x
        for halves, (first, second, *skip) in self.blocks:
            h = second(F.relu(first(act(x))))
            if halves:
                x = F.avg_pool2d(h, 2) + skip[0](F.avg_pool2d(x, 2))
                if x.shape[2] == self.attend:
                    x = self.Attention_0(x)
            else:
                x = h + (skip[0](x) if skip else x)
            act = F.relu
        h = F.relu(x).sum((2, 3))
        projected = (self.head.Embed_0(label) * h).sum(1)
        return self.head.Dense_0(h)[:, 0] + projected
