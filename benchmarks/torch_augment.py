"""ADA's `bgc` in PyTorch: flips, turns, shifts, scales and colors, each as likely as p.

As in the released code, an image is enlarged by two with the wavelet sym6, looked up
bilinearly and reduced again. There are second derivatives: a lookup is linear in the image,
so that its derivative is its transpose, whose derivative is the lookup.
"""

from math import pi

import torch
import torch.nn.functional as F
from torch_stylegan2 import Filter, Spread


SYM6 = (
    0.015404109327027373,
    0.0034907120842174702,
    -0.11799011114819057,
    -0.048311742585633,
    0.4910559419267466,
    0.787641141030194,
    0.3379294217276218,
    -0.07263752278646252,
    -0.021060292512300564,
    0.04472490177066578,
    0.0017677118642428036,
    -0.007800708325034148,
)
HALF = len(SYM6) // 2
MODES = {"interpolation_mode": 0, "padding_mode": 0, "align_corners": False}


class Lookup(torch.autograd.Function):
    """`F.grid_sample`, bilinear, with zeros outside."""

    @staticmethod
    def forward(ctx, x, grid):
        ctx.save_for_backward(grid)
        ctx.shape = x.shape
        return F.grid_sample(x, grid, align_corners=False)

    @staticmethod
    def backward(ctx, y):
        return LookupTransposed.apply(y, *ctx.saved_tensors, ctx.shape), None


class LookupTransposed(torch.autograd.Function):
    """Adds every looked-up pixel to where it was found."""

    @staticmethod
    def forward(ctx, y, grid, shape):
        ctx.save_for_backward(grid)
        modes, like = tuple(MODES.values()), y.new_zeros(shape)
        backward = torch.ops.aten.grid_sampler_2d_backward
        return backward(y.contiguous(), like, grid.to(y.dtype), *modes, (True, False))[
            0
        ]

    @staticmethod
    def backward(ctx, x):
        return Lookup.apply(x, *ctx.saved_tensors), None, None


class BGC:
    """The augmentation, called with images [b, c, h, w] in -1..1."""

    def __init__(self, p: float, channels: int):
        self.p, taps = p, torch.tensor(SYM6) / sum(SYM6)
        self.rows = taps.view(1, 1, -1, 1).repeat(channels, 1, 1, 1)
        self.columns = taps.view(1, 1, 1, -1).repeat(channels, 1, 1, 1)

    def __call__(self, image: torch.Tensor) -> torch.Tensor:
        n, device = len(image), image.device
        moved = self.resample(image, self.geometry(n, image.shape[2:], device))
        return self.recolored(moved, self.colors(n, device))

    def kept(self, drawn: torch.Tensor, identity: float, p: float = -1) -> torch.Tensor:
        """What was drawn, with probability p, else the identity's number."""
        p = self.p if p < 0 else p
        keep = torch.rand(len(drawn), *(1,) * (drawn.ndim - 1), device=drawn.device) < p
        return torch.where(keep, drawn, identity)

    def geometry(self, n: int, sides: torch.Size, device) -> torch.Tensor:
        """From pixels of the new image to those of the old one, [n, 3, 3]."""
        u = lambda *shape: torch.rand(n, *shape, device=device)
        normal = lambda *shape: torch.randn(n, *shape, device=device)
        wide = torch.tensor([sides[1], sides[0]], device=device)
        turn = 1 - (1 - self.p) ** 0.5
        flip = 1 - 2 * self.kept((2 * u()).floor(), 0.0)
        whole = self.kept(0.125 * (2 * u(2) - 1), 0.0) * wide
        scale = 1 / self.kept(2 ** (0.2 * normal()), 1.0)
        uneven = self.kept(2 ** (0.2 * normal()), 1.0)
        maps = (
            _scale(flip, torch.ones_like(flip)),
            _rotate(self.kept((4 * u()).floor(), 0.0) * pi / 2),
            _shift(-whole.round()),
            _scale(scale, scale),
            _rotate(self.kept(pi * (2 * u() - 1), 0.0, turn)),
            _scale(1 / uneven, uneven),
            _rotate(self.kept(pi * (2 * u() - 1), 0.0, turn)),
            _shift(-self.kept(0.125 * normal(2), 0.0) * wide),
        )
        return _product(maps)

    def colors(self, n: int, device) -> torch.Tensor:
        """From colors (r, g, b, 1) to new ones, [n, 4, 4]."""
        u = lambda: torch.rand(n, 1, 1, device=device)
        normal = lambda: torch.randn(n, 1, 1, device=device)
        one = torch.eye(3, device=device)
        gray = torch.full((3, 3), 1 / 3, device=device)
        cross = torch.tensor([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]], device=device)
        hue = self.kept(pi * (2 * u() - 1), 0.0)
        saturation = self.kept(2 ** normal(), 1.0)
        contrast = self.kept(2 ** (0.5 * normal()), 1.0)
        flip = self.kept((2 * u()).floor(), 0.0)
        shift = torch.eye(4, device=device).repeat(n, 1, 1)
        shift[:, :3, 3:] = self.kept(0.2 * normal(), 0.0).expand(n, 3, 1)
        turned = hue.cos() * one + hue.sin() * cross / 3**0.5 + (1 - hue.cos()) * gray
        linear = (saturation * (one - gray) + gray, turned, one - 2 * flip * gray)
        return _product((*map(_affine, (*linear, contrast * one)), shift))

    def resample(self, image: torch.Tensor, inverse: torch.Tensor) -> torch.Tensor:
        """The images [b, c, h, w] under their maps."""
        height, width = image.shape[2:]
        # The images are continued by as many mirrored pixels as the lookups need.
        corners = torch.tensor(
            [[x * width / 2, y * height / 2, 1] for x in (-1, 1) for y in (-1, 1)],
            dtype=inverse.dtype,
            device=image.device,
        )
        reach = (corners @ inverse.transpose(1, 2))[..., :2].abs().amax((0, 1))
        sides = torch.tensor([width, height], device=image.device)
        beyond = (reach - sides / 2).ceil().int() + HALF
        x_margin, y_margin = (
            min(max(int(pixels), 0), int(side) - 1)
            for pixels, side in zip(beyond.tolist(), sides.tolist(), strict=True)
        )
        image = F.pad(image, (x_margin, x_margin, y_margin, y_margin), "reflect")
        doubled = Spread.apply(image, 2 * self.rows, (2, 1), (HALF - 1, 0))
        doubled = Spread.apply(doubled, 2 * self.columns, (1, 2), (0, HALF - 1))

        # Half pixels of the new image, with those that the reduction needs around it.
        ys, xs = (
            (
                torch.arange(2 * side + 2 * HALF - 2, device=image.device)
                - side
                - HALF
                + 2
            )
            / 2
            for side in (height, width)
        )
        grid = torch.stack(
            [xs.expand(len(ys), -1), ys[:, None].expand(-1, len(xs))], -1
        )
        found = grid.flatten(0, 1).to(inverse) @ inverse[:, :2, :2].transpose(1, 2)
        found = found + inverse[:, None, :2, 2]
        # `grid_sample` counts from -1 to 1 over the whole enlarged image, where every
        # second pixel, from the first on, lies where one of the image does.
        whole = torch.tensor(
            [width + 2 * x_margin, height + 2 * y_margin], device=image.device
        )
        found = ((2 * found - 0.5) / whole).view(len(image), len(ys), len(xs), 2)
        looked = Lookup.apply(doubled, found.to(doubled.dtype))
        looked = Filter.apply(looked, self.rows, (2, 1), 0)
        return Filter.apply(looked, self.columns, (1, 2), 0)

    def recolored(self, image: torch.Tensor, colors: torch.Tensor) -> torch.Tensor:
        """The images with their colors mapped."""
        colors = colors.to(image.dtype)
        mapped = colors[:, :3, :3] @ image.flatten(2) + colors[:, :3, 3:]
        return mapped.view_as(image)


def _product(maps):
    total = maps[0]
    for each in maps[1:]:
        total = total @ each
    return total


def _rows(*rows):
    one = next(x for row in rows for x in row if torch.is_tensor(x))
    full = lambda x: x if torch.is_tensor(x) else torch.full_like(one, x)
    return torch.stack([torch.stack([full(x) for x in row], -1) for row in rows], -2)


def _scale(x, y):
    return _rows((x, 0, 0), (0, y, 0), (0, 0, 1))


def _shift(xy):
    return _rows((1, 0, xy[:, 0]), (0, 1, xy[:, 1]), (0, 0, 1))


def _rotate(angle):
    sin, cos = angle.sin(), angle.cos()
    return _rows((cos, -sin, 0), (sin, cos, 0), (0, 0, 1))


def _affine(linear):
    whole = torch.eye(4, device=linear.device).repeat(len(linear), 1, 1)
    whole[:, :3, :3] = linear
    return whole
