"""pix2pix's networks in PyTorch."""

import torch
import torch.nn.functional as F
from torch import nn
from torch_layers import Transposed


def conv(a, b, stride, bias, by=nn.Conv2d):
    return by(a, b, 4, stride, 1, bias=bias)


def norm(width):
    return nn.InstanceNorm2d(width, affine=True)


class Generator(nn.Module):
    """A U-Net; `widths` are those after each halving."""

    def __init__(self, channels, widths, dropout):
        super().__init__()
        self.dropout, last = dropout, len(widths) - 1
        sides = zip([channels, *widths], widths, strict=False)
        self.down = [conv(a, b, 2, bias=False) for a, b in sides]
        self.up, self.norms = [], {}
        for i in range(1, last):
            self.norms["down", i] = norm(widths[i])
        for i in range(last, 0, -1):
            inputs = widths[i] if i == last else 2 * widths[i]
            self.up.append(conv(inputs, widths[i - 1], 2, False, Transposed))
            self.norms["up", i] = norm(widths[i - 1])
        self.up.append(conv(2 * widths[0], channels, 2, True, Transposed))
        self.drops = [i < last and widths[i] == widths[i - 1] for i in range(last + 1)]
        for i, layer in enumerate(self.down + self.up):
            self.add_module(f"Conv_{i}", layer)
        for i, layer in enumerate(self.norms.values()):
            self.add_module(f"AdaIN_{i}", layer)

    def forward(self, image, label):
        x, skips, last = image, [], len(self.down) - 1
        for i, down in enumerate(self.down):
            x = down(F.leaky_relu(x, 0.2) if i else x)
            if 0 < i < last:
                x = self.norms["down", i](x)
            skips.append(x)
        for i, up in zip(range(last, 0, -1), self.up, strict=False):
            x = self.norms["up", i](up(F.relu(x)))
            if self.drops[i]:
                x = F.dropout(x, self.dropout)
            x = torch.cat([skips[i - 1], x], 1)
        return torch.tanh(self.up[-1](F.relu(x)))


class Discriminator(nn.Module):
    """Logits of patches, which see both images."""

    def __init__(self, channels, width):
        super().__init__()
        widths = [width, 2 * width, 4 * width, 8 * width]
        self.Conv_0 = conv(channels, width, 2, bias=True)
        self.Conv_1 = conv(width, 2 * width, 2, bias=False)
        self.Conv_2 = conv(2 * width, 4 * width, 2, bias=False)
        self.Conv_3 = conv(4 * width, 8 * width, 1, bias=False)
        self.Conv_4 = conv(8 * width, 1, 1, bias=True)
        self.AdaIN_0, self.AdaIN_1, self.AdaIN_2 = map(norm, widths[1:])

    def forward(self, image, label):
        x = F.leaky_relu(self.Conv_0(image), 0.2)
        x = F.leaky_relu(self.AdaIN_0(self.Conv_1(x)), 0.2)
        x = F.leaky_relu(self.AdaIN_1(self.Conv_2(x)), 0.2)
        x = F.leaky_relu(self.AdaIN_2(self.Conv_3(x)), 0.2)
        return self.Conv_4(x).flatten(1)
