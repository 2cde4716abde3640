"""What StudioGAN's SNGAN makes of drawn weights, for the tests to compare with.

`python tools/fixtures_studiogan.py CHECKOUT` takes a checkout of
POSTECH-CVLab/PyTorch-StudioGAN and writes the tests' fixtures studiogan_*.npz. It also
prints how many parameters the published networks have. Needs PyTorch.
"""

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import torch
from torch_side import Args, channels_last, count, keep, released, seat
from weights import by_fan_in, drawn

from ganjax.run import command


LABEL = np.arange(4) % 3
SETTLED = 300  # steps of power iteration


def players(networks, ops, g_width, d_width, classes):
    """SNGAN's G and D as configs/CIFAR10/SNGAN.yaml has them."""
    relu = torch.nn.ReLU(inplace=True)
    modules = SimpleNamespace(
        g_conv2d=ops.conv2d,
        g_linear=ops.linear,
        g_bn=ops.ConditionalBatchNorm2d if classes else ops.batchnorm_2d,
        g_act_fn=relu,
        d_conv2d=ops.snconv2d,
        d_linear=ops.snlinear,
        d_embedding=ops.sn_embedding,
        d_act_fn=relu,
    )
    model = SimpleNamespace(info_type="N/A", g_info_injection="N/A")
    common = {"num_classes": classes, "mixed_precision": False}
    common |= {"MODULES": modules, "MODEL": model, "apply_attn": False}
    g = networks.Generator(
        z_dim=128 if g_width == 64 else 5,
        g_shared_dim=None,
        img_size=32,
        g_conv_dim=g_width,
        attn_g_loc=[],
        g_cond_mtd="cBN" if classes else "W/O",
        g_init="ortho",
        g_depth=None,
        **common,
    )
    d = networks.Discriminator(
        img_size=32,
        d_conv_dim=d_width,
        apply_d_sn=True,
        attn_d_loc=[],
        d_cond_mtd="PD" if classes else "W/O",
        aux_cls_type="W/O",
        d_embed_dim=None,
        normalize_d_embed=False,
        d_init="ortho",
        d_depth=None,
        **common,
    )
    return g, d


def main(args: Args) -> None:
    sys.modules["utils.misc"] = ModuleType("utils.misc")  # which needs torchvision
    sys.modules["utils.misc"].dummy_context_mgr = torch.no_grad  # type: ignore
    ops = released(args.checkout / "src", "utils.ops")
    networks = released(args.checkout / "src", "models.resnet")
    label = torch.from_numpy(LABEL)
    for classes in (0, 3):
        g, d = players(networks, ops, 2, 4, classes)
        z, image = drawn("z", (4, 5)), np.tanh(drawn("image", (4, 32, 32, 3)))
        seat(g, by_fan_in, ("num_batches_tracked",)).eval()
        y = channels_last(g(torch.from_numpy(z), label))
        keep(args.out, f"studiogan_g_{classes}", input=z, label=LABEL, output=y)
        seat(d, by_fan_in, ("weight_v",)).train()
        x = torch.from_numpy(image).permute(0, 3, 1, 2)
        for _ in range(SETTLED):
            d(x, label)
        logits = d.eval()(x, label)["adv_output"].detach()
        keep(args.out, f"studiogan_d_{classes}", label=LABEL, output=logits)
    print("CIFAR-10", count(players(networks, ops, 64, 64, 10)))
    print("without classes", count(players(networks, ops, 64, 64, 0)))


if __name__ == "__main__":
    command(main)
