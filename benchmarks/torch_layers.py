"""What the networks in PyTorch share, and how they take over the weights of ours."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn


NORMS = nn.BatchNorm1d | nn.BatchNorm2d | nn.InstanceNorm2d


class Transposed(nn.ConvTranspose2d):
    """The transpose of a convolution, whose kernel ours takes as it is."""


class Spectral(nn.Module):
    """One power iteration a call, the gradient through sigma alone."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer
        size = len(layer.weight)
        self.register_buffer("u", torch.full((size,), size**-0.5))

    def forward(self, x):
        weight = self.layer.weight
        # In float32: a short copy that is made without gradients would be used again.
        with torch.autocast(weight.device.type, enabled=False):
            weight = weight / self._sigma(weight.flatten(1))
        if isinstance(self.layer, nn.Embedding):
            return F.embedding(x, weight)
        if isinstance(self.layer, nn.Linear):
            return F.linear(x, weight, self.layer.bias)
        return F.conv2d(x, weight, self.layer.bias, padding=self.layer.padding)

    def _sigma(self, matrix):
        with torch.no_grad():
            left = F.normalize(self.u @ matrix, dim=0)
            right = F.normalize(matrix @ left, dim=0)
            if self.training:
                self.u.copy_(right)
        return right @ (matrix @ left)


class ClassNorm(nn.Module):
    """Batch norm with a gain, less one, and a bias for each class."""

    def __init__(self, classes, width):
        super().__init__()
        self.norm = nn.BatchNorm2d(width, affine=False)
        self.gain = nn.Parameter(torch.zeros(classes, width))
        self.bias = nn.Parameter(torch.zeros(classes, width))

    def forward(self, x, label):
        gain, bias = 1 + self.gain[label], self.bias[label]
        return self.norm(x) * gain[:, :, None, None] + bias[:, :, None, None]


class Shape(nn.Module):
    """[b, ...] as [b, *shape]."""

    def __init__(self, *shape):
        super().__init__()
        self.shape = shape

    def forward(self, x):
        return x.reshape(len(x), *self.shape)


@torch.no_grad()
def wear(net: nn.Module, arrays: dict[str, np.ndarray]) -> None:
    """Copies our weights to the layers and parameters of the same dotted paths."""
    left = dict(arrays)
    for path, layer in net.named_modules():
        path = path.replace(".layer", "")
        for name, parameter in layer.named_parameters(recurse=False):
            ours = {"weight": _weight(layer)}.get(name, name)
            array = left.pop(f"{path}.{ours}".lstrip("."))
            array = np.array(_turn(layer, name, array))  # a copy of its own
            parameter.copy_(torch.from_numpy(array).reshape(parameter.shape))
    if left:
        raise ValueError(f"PyTorch's network has no {', '.join(left)}.")


def _weight(layer: nn.Module) -> str:
    if isinstance(layer, NORMS):
        return "gain"
    return "embedding" if isinstance(layer, nn.Embedding) else "kernel"


def _turn(layer: nn.Module, name: str, array: np.ndarray) -> np.ndarray:
    """Our array as PyTorch lays it out."""
    if name == "basis":
        return np.moveaxis(array, -1, 1)
    if name != "weight" or isinstance(layer, nn.Embedding):
        return array
    if isinstance(layer, NORMS):
        return 1 + array
    if isinstance(layer, Transposed):
        return array.transpose(2, 3, 0, 1)
    if isinstance(layer, nn.ConvTranspose1d):
        return array[::-1].transpose(1, 2, 0)
    if isinstance(layer, nn.ConvTranspose2d):
        return array[::-1, ::-1].transpose(2, 3, 0, 1)
    return array.transpose(*range(array.ndim)[:-3:-1], *range(array.ndim - 2))
