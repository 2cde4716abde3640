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
    def __init__(self, latent, channels, width, classes, shared, attend):
        super().__init__()
        self.width, self.attend, self.chunk = width, attend, latent // 4
        self.Embed_0 = nn.Embedding(classes, shared)
        self.Dense_0 = Spectral(nn.Linear(self.chunk, 16 * width))
        for i in range(3):
            names = (f"ConditionalNorm_{j}" for j in range(2))
            norms = {
                name: ConditionalNorm(shared + self.chunk, width) for name in names
            }
            self.add_module(f"UpBlock_{i}", UpBlock(width, width, norms))
        self.Attention_0 = Attention(width)
        self.BatchNorm_0 = nn.BatchNorm2d(width)
        self.Conv_0 = conv(width, channels, 3)

    def forward(self, z, label):
        first, *chunks = z.split(self.chunk, 1)
        shared = self.Embed_0(label)
        x = self.Dense_0(first).view(-1, 4, 4, self.width).permute(0, 3, 1, 2)
        blocks = self.UpBlock_0, self.UpBlock_1, self.UpBlock_2
        for block, chunk in zip(blocks, chunks, strict=True):
            x = block(x, torch.cat([shared, chunk], 1))
            if x.shape[2] == self.attend:
                x = self.Attention_0(x)
        return torch.tanh(self.Conv_0(F.relu(self.BatchNorm_0(x))))
