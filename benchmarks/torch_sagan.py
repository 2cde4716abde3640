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
    """`norms` are modules called as norm(x, y), by their names."""

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
    def __init__(self, channels, width, classes):
        super().__init__()
        sizes = [(channels, 3), (width, 3), (channels, 1)]
        sizes += [(width, 3), (width, 3), (width, 1)] + [(width, 3)] * 4
        for i, (c, k) in enumerate(sizes):
            self.add_module(f"Conv_{i}", conv(c, width, k))
        self.convs = [self.get_submodule(f"Conv_{i}") for i in range(10)]
        self.Attention_0 = Attention(width)
        self.head = nn.Module()
        self.head.Dense_0 = Spectral(nn.Linear(width, 1))
        self.head.Embed_0 = Spectral(nn.Embedding(classes, width))

    def forward(self, image, label):
        c, relu, halve = self.convs, F.relu, lambda x: F.avg_pool2d(x, 2)
        x = halve(c[1](relu(c[0](image)))) + c[2](halve(image))
        x = self.Attention_0(x)
        x = halve(c[4](relu(c[3](relu(x))))) + c[5](halve(x))
        x = x + c[7](relu(c[6](relu(x))))
        x = x + c[9](relu(c[8](relu(x))))
        h = relu(x).sum((2, 3))
        projected = (self.head.Embed_0(label) * h).sum(1)
        return self.head.Dense_0(h)[:, 0] + projected
