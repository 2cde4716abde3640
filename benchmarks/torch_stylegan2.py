"""StyleGAN2's networks in PyTorch."""

from math import sqrt

import torch
import torch.nn.functional as F
from torch import nn


class Filter(torch.autograd.Function):
    """One kernel for each channel; PyTorch's own second derivatives of it are slow."""

    @staticmethod
    def forward(ctx, x, kernel, stride, padding):
        kernel = kernel.to(x.dtype)
        ctx.save_for_backward(kernel)
        ctx.options = stride, padding
        return F.conv2d(x, kernel, None, stride, padding, groups=len(kernel))

    @staticmethod
    def backward(ctx, y):
        return Spread.apply(y, *ctx.saved_tensors, *ctx.options), None, None, None


class Spread(torch.autograd.Function):
    """The transpose, which doubles images where the stride is 2."""

    @staticmethod
    def forward(ctx, y, kernel, stride, padding):
        kernel = kernel.to(y.dtype)
        ctx.save_for_backward(kernel)
        ctx.options = stride, padding
        return F.conv_transpose2d(y, kernel, None, stride, padding, groups=len(kernel))

    @staticmethod
    def backward(ctx, x):
        return Filter.apply(x, *ctx.saved_tensors, *ctx.options), None, None, None


class Resample(nn.Module):
    def __init__(self, channels, by, stride, padding, total=1.0):
        super().__init__()
        self.by, self.options = by, (stride, padding)
        taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) * total / 8
        kernel = torch.outer(taps, taps).repeat(channels, 1, 1, 1)
        self.register_buffer("kernel", kernel)

    def forward(self, x):
        return self.by.apply(x, self.kernel, *self.options)


def lrelu(x):
    return F.leaky_relu(x, 0.2) * sqrt(2)


def normalize(x):
    return x * (x.square().mean(1, keepdim=True) + 1e-8).rsqrt()


class Dense(nn.Module):
    def __init__(self, inputs, features, rate=1.0, bias=0.0):
        super().__init__()
        self.rate, self.gain = rate, rate / sqrt(inputs)
        self.weight = nn.Parameter(torch.randn(features, inputs) / rate)
        self.bias = nn.Parameter(torch.full((features,), bias / rate))

    def forward(self, x):
        return F.linear(x, self.weight * self.gain, self.bias * self.rate)


class Conv(nn.Module):
    def __init__(self, inputs, features, size=3, bias=True, stride=1):
        super().__init__()
        self.gain = 1 / sqrt(inputs * size**2)
        self.options = stride, size // 2 if stride == 1 else 0
        self.weight = nn.Parameter(torch.randn(features, inputs, size, size))
        self.bias = nn.Parameter(torch.zeros(features)) if bias else None

    def forward(self, x):
        return F.conv2d(x, self.weight * self.gain, self.bias, *self.options)


class StyledConv(nn.Module):
    def __init__(self, inputs, features, w, noise, up):
        super().__init__()
        self.noise = noise
        self.weight = nn.Parameter(torch.randn(features, inputs, 3, 3))
        self.bias = nn.Parameter(torch.zeros(features))
        self.strength = nn.Parameter(torch.zeros(()))
        self.Dense_0 = Dense(w, inputs, bias=1.0)
        self.blur = Resample(features, Filter, 1, 1, 2.0) if up else None

    def forward(self, x, w):
        style = self.Dense_0(w)
        squares = style.square() @ self.weight.square().sum((2, 3)).T
        x = x * style[:, :, None, None]
        if self.blur:
            weight = self.weight.transpose(0, 1)
            x = self.blur(F.conv_transpose2d(x, weight, stride=2))
        else:
            x = F.conv2d(x, self.weight, padding=1)
        x = x * (squares + 1e-8).rsqrt()[:, :, None, None]
        noise = self.noise * torch.randn(len(x), 1, *x.shape[2:], device=x.device)
        return lrelu(x + self.strength * noise + self.bias[:, None, None])


class ToRGB(nn.Module):
    def __init__(self, inputs, channels, w):
        super().__init__()
        self.Dense_0 = Dense(w, inputs, bias=1.0)
        self.Conv_0 = Conv(inputs, channels, 1)

    def forward(self, x, w):
        return self.Conv_0(x * self.Dense_0(w)[:, :, None, None])


class Mapping(nn.Module):
    def __init__(self, latent, w, depth):
        super().__init__()
        self.Stack_0 = nn.Module()
        for i in range(depth):
            layer = Dense(w if i else latent, w, rate=0.01)
            self.Stack_0.add_module(f"Dense_{i}", layer)
        self.register_buffer("w_avg", torch.zeros(w))

    def forward(self, z):
        w = normalize(z)
        for layer in self.Stack_0.children():
            w = lrelu(layer(w))
        self.w_avg.lerp_(w.detach().mean(0).float(), 0.005)
        return w


class Synthesis(nn.Module):
    """`widths` are those at sides 4, 8 and so on."""

    def __init__(self, channels, widths, w, noise):
        super().__init__()
        self.const = nn.Parameter(torch.randn(4, 4, widths[0]))
        self.enlarge = Resample(channels, Spread, 2, 1, 2.0)
        self.styled = [StyledConv(widths[0], widths[0], w, noise, up=False)]
        for a, b in zip(widths, widths[1:], strict=False):
            self.styled.append(StyledConv(a, b, w, noise, up=True))
            self.styled.append(StyledConv(b, b, w, noise, up=False))
        self.to_rgb = [ToRGB(width, channels, w) for width in widths]
        for layers in (self.styled, self.to_rgb):
            for i, layer in enumerate(layers):
                self.add_module(f"{type(layer).__name__}_{i}", layer)

    def forward(self, w):
        x = self.const.permute(2, 0, 1).expand(len(w), -1, -1, -1)
        x = self.styled[0](x, w)
        image = self.to_rgb[0](x, w)
        for i, to_rgb in enumerate(self.to_rgb[1:]):
            x = self.styled[2 * i + 2](self.styled[2 * i + 1](x, w), w)
            image = self.enlarge(image) + to_rgb(x, w)
        return image


class Generator(nn.Module):
    def __init__(self, latent, channels, widths, w, depth, noise):
        super().__init__()
        self.f = Mapping(latent, w, depth)
        self.g = Synthesis(channels, widths, w, noise)

    def forward(self, z, label):
        return self.g(self.f(z))


class Residual(nn.Module):
    def __init__(self, width, features):
        super().__init__()
        self.less = Resample(width, Filter, 2, 1)
        self.blur = Resample(width, Filter, 1, 2)
        self.Conv_0 = Conv(width, features, 1, bias=False)
        self.Conv_1 = Conv(width, width)
        self.Conv_2 = Conv(width, features, stride=2)

    def forward(self, x):
        h = lrelu(self.Conv_2(self.blur(lrelu(self.Conv_1(x)))))
        return (h + self.Conv_0(self.less(x))) / sqrt(2)


class Discriminator(nn.Module):
    """`widths` are those at sides 4, 8 and so on."""

    def __init__(self, channels, widths, group):
        super().__init__()
        self.group, last = group, widths[0]
        self.Conv_0 = Conv(channels, widths[-1], 1)
        self.Conv_1 = Conv(last + 1, last)
        pairs = zip(widths[::-1], widths[-2::-1], strict=False)
        self.blocks = [Residual(a, b) for a, b in pairs]
        for i, block in enumerate(self.blocks):
            self.add_module(f"Residual_{i}", block)
        self.Dense_0, self.head = Dense(16 * last, last), nn.Module()
        self.head.Dense_0 = Dense(last, 1)

    def forward(self, image, label):
        x = lrelu(self.Conv_0(image))
        for block in self.blocks:
            x = block(x)
        x = lrelu(self.Conv_1(torch.cat([x, self.deviation(x)], 1)))
        x = x.permute(0, 2, 3, 1).flatten(1)
        return self.head.Dense_0(lrelu(self.Dense_0(x)))[:, 0]

    def deviation(self, x):
        groups = x.reshape(-1, self.group, *x.shape[1:])
        variance = groups.var(1, unbiased=False)
        each = (variance + 1e-8).sqrt().mean((1, 2, 3)).repeat_interleave(self.group)
        return each[:, None, None, None].expand(-1, 1, *x.shape[2:])
