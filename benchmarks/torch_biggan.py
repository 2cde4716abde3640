"""BigGAN's generator in PyTorch; its discriminator is `torch_sagan`'s."""

import torch
import torch.nn.functional as F
from torch import nn
from torch_layers import Spectral
from torch_sagan import Attention, UpBlock, conv


class ConditionalNorm(nn.Module):
    def __init__(self, condition, width):
        super().__init__()
        self.norm = nn.BatchNorm2d(width, affine=False)
        self.gain = Spectral(nn.Linear(condition, width, bias=False))
        self.bias = Spectral(nn.Linear(condition, width, bias=False))

    def forward(self, x, condition):
        gain, bias = 1 + self.gain(condition), self.bias(condition)
        return self.norm(x) * gain[:, :, None, None] + bias[:, :, None, None]


class Generator(nn.Module):
    """A block for each width; z has a chunk for each of them and for the first layer."""

    def __init__(self, latent, channels, widths, classes, shared, attend):
        super().__init__()
        self.first, self.attend = widths[0], attend
        self.chunk = latent // (len(widths) + 1)
        self.Embed_0 = nn.Embedding(classes, shared)
        self.Dense_0 = Spectral(nn.Linear(self.chunk, 16 * self.first))
        self.blocks, side = [], 4
        for i, (c, width) in enumerate(zip([widths[0], *widths], widths, strict=False)):
            condition = shared + self.chunk
            norms = {
                "ConditionalNorm_0": ConditionalNorm(condition, c),
                "ConditionalNorm_1": ConditionalNorm(condition, width),
            }
            self.blocks.append(UpBlock(c, width, norms))
            self.add_module(f"UpBlock_{i}", self.blocks[-1])
            side *= 2
            if side == attend:
                self.Attention_0 = Attention(width)
        self.BatchNorm_0 = nn.BatchNorm2d(widths[-1])
        self.Conv_0 = conv(widths[-1], channels, 3)

    def forward(self, z, label):
        first, *chunks = z.split(self.chunk, 1)
        shared = self.Embed_0(label)
        x = self.Dense_0(first).view(-1, 4, 4, self.first).permute(0, 3, 1, 2)
        for block, chunk in zip(self.blocks, chunks, strict=True):
            x = block(x, torch.cat([shared, chunk], 1))
            if x.shape[2] == self.attend:
                x = self.Attention_0(x)
        return torch.tanh(self.Conv_0(F.relu(self.BatchNorm_0(x))))
