"""The fully connected networks in PyTorch."""

from collections import OrderedDict

from torch import nn
from torch_layers import Shape


def _mlp(inputs, width):
    sides, parts = [inputs, width, width, width], OrderedDict()
    for i, (a, b) in enumerate(zip(sides, sides[1:], strict=False)):
        parts[f"Dense_{i}"] = nn.Linear(a, b)
        parts[f"act_{i}"] = nn.LeakyReLU(0.2)
    return parts


class Generator(nn.Sequential):
    def __init__(self, latent, shape, width):
        height, wide, channels = shape
        parts = _mlp(latent, width)
        parts["Dense_3"] = nn.Linear(width, height * wide * channels)
        parts |= {"tanh": nn.Tanh(), "image": Shape(channels, height, wide)}
        super().__init__(parts)

    def forward(self, z, label):
        return super().forward(z)


class Discriminator(nn.Sequential):
    def __init__(self, inputs, width):
        last = nn.Sequential(OrderedDict(Dense_0=nn.Linear(width, 1)))
        super().__init__(_mlp(inputs, width) | {"head": last})

    def forward(self, image, label):
        return super().forward(image.flatten(1))[:, 0]
