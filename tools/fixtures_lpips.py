"""What LPIPS makes of drawn weights and images, for the tests to compare with.

`python tools/fixtures_lpips.py CHECKOUT` takes a checkout of
richzhang/PerceptualSimilarity and writes the tests' fixtures lpips_alex.npz and
lpips_vgg.npz. Needs PyTorch and torchvision.
"""

import re

import numpy as np
import torch
from torch_side import Args, keep, nchw, released
from weights import by_fan_in, drawn, fill

from ganjax.run import command


DEEP = np.float32([0.1, 0.5, 3])[:, None, None, None]  # contrast of each image
OURS = (r"net\.slice\d+", "features"), (r"lins\.", "lin")


def published(name: str) -> str:
    """A tensor's name in the files of weights."""
    for there, here in OURS:
        name = re.sub(there, here, name)
    return name


def seated(net: torch.nn.Module) -> torch.nn.Module:
    """The network with drawn weights, its heads above 0 as trained ones are."""
    state = {k: x for k, x in net.state_dict().items() if "scaling" not in k}
    filled = fill({published(k): tuple(x.shape) for k, x in state.items()}, by_fan_in)
    found = {k: torch.from_numpy(np.asarray(filled[published(k)])) for k in state}
    heads = {k: x.abs() for k, x in found.items() if k.startswith("lin")}
    net.load_state_dict(found | heads, strict=False)
    return net


def main(args: Args) -> None:
    make = released(args.checkout, "lpips.lpips").LPIPS
    a, b = (nchw(np.tanh(DEEP * drawn(name, (3, 32, 35, 3)))) for name in ("a", "b"))
    a.requires_grad_()
    for name in ("alex", "vgg"):
        net = make(net=name, pretrained=False, pnet_rand=True, verbose=False).eval()
        a.grad, found = None, seated(net)(a, b)[:, 0, 0, 0]
        found.sum().backward()
        slope = a.grad.movedim(1, -1)
        keep(args.out, f"lpips_{name}", distance=found.detach(), slope=slope[0, ::4])


if __name__ == "__main__":
    command(main)
