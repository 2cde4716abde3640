"""What Projected GAN's D and timm make of drawn weights, for the tests to compare with.

`python tools/fixtures_projected.py CHECKOUT` takes a checkout of
autonomousvision/projected_gan and writes the tests' fixtures projected_d_*.npz, of a D
with a smaller feature network, and efficientnet_lite0.npz. It also prints how many
parameters the published networks have. Needs PyTorch, torchvision, and timm 0.4.12.
"""

import sys
from collections.abc import Mapping
from functools import partial
from types import ModuleType

import numpy as np
import torch
from torch_side import (
    Args,
    channels_last,
    count,
    evaluated,
    keep,
    nchw,
    released,
    seat,
)
from weights import by_fan_in, drawn

from ganjax.run import command


CONSTANT = "weight_v", "num_batches_tracked"
LABEL = np.arange(4) % 3
VARIANCE = 0.35
STAGES = (
    *("ds_r1_k3_s1_e1_c8", "ir_r1_k3_s2_e2_c8", "ir_r2_k5_s2_e2_c16"),
    *("ir_r1_k3_s2_e2_c16", "ir_r1_k3_s1_e2_c24", "ir_r1_k5_s2_e2_c24"),
)


def timm():
    """timm, which asks for modules that PyTorch no longer has."""
    old = ModuleType("torch._six")
    old.container_abcs = ModuleType("container_abcs")  # type: ignore[attr-defined]
    old.container_abcs.Mapping = Mapping  # type: ignore[attr-defined]
    sys.modules["torch._six"] = old
    import timm  # pyright: ignore[reportMissingImports]

    return timm


def small(name, pretrained):
    """In place of timm's Lite0: one with fewer layers and channels."""
    from timm.models import efficientnet  # pyright: ignore[reportMissingImports]

    return efficientnet.EfficientNet(
        efficientnet.decode_arch_def([[stage] for stage in STAGES]),
        stem_size=8,
        fix_stem=True,
        act_layer=torch.nn.ReLU6,
        norm_layer=partial(torch.nn.BatchNorm2d, eps=1e-3),
        pad_type="same",
    )


def main(args: Args) -> None:
    models = timm()
    lite0 = partial(models.create_model, "tf_efficientnet_lite0", pretrained=False)
    net = seat(lite0(), by_fan_in, ("num_batches_tracked",), VARIANCE).eval()
    x = net.act1(net.bn1(net.conv_stem(nchw(drawn("image", (2, 63, 64, 3))))))
    maps = []
    for i, stage in enumerate(net.blocks):
        x = stage(x)
        if i in (1, 2, 4, 6):
            maps.append(channels_last(x))
    keep(args.out, "efficientnet_lite0", **{f"map_{i}": x for i, x in enumerate(maps)})

    module = released(args.checkout, "pg_modules.discriminator")
    numbers = {"cout": 8, "expand": True, "proj_type": 2, "num_discs": 4}
    make = partial(module.ProjectedDiscriminator, diffaug=False, interp224=False)
    x = nchw(np.tanh(drawn("image", (4, 128, 128, 3))))
    for classes in (0, 1000):
        kind = {"cond": classes > 0, "separable": False}
        models.create_model = small
        d = make(backbone_kwargs=numbers | kind)
        d = evaluated(seat(d, by_fan_in, CONSTANT, VARIANCE))
        logits = d(x, torch.eye(1000)[torch.from_numpy(LABEL)]).detach()
        keep(args.out, f"projected_d_{classes}", label=LABEL, output=logits)
        models.create_model = lambda *_, **__: lite0()
        d = make(backbone_kwargs=numbers | kind | {"cout": 64})
        print("classes" if classes else "", count([d.discriminator, d]))


if __name__ == "__main__":
    command(main)
