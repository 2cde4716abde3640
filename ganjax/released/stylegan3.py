"""StyleGAN3 as released for PyTorch (NVIDIA, 2021); its D is `stylegan2_ada`'s.

What the filters hold is fixed, and the user's transform is an argument of ours.
"""

from functools import partial

from ganjax.models import filtered, stylegan3
from ganjax.released.names import CONV, DENSE, Layout, Leaf, Released, layer
from ganjax.released.stylegan2_ada import mapping


CONSTANT = "up_filter", "down_filter", "input.transform"
POINT = Layout(lambda x: x.T[None, None], lambda x: x[0, 0].T)  # a 1x1 convolution's


def generator(
    size: int = 512,
    channels: int = 3,
    classes: int = 0,
    latent: int = 512,
    width: int = 512,
    base: int = 32768,
    w_dim: int = 512,
    depth: int = 2,
    psi: float = 1.0,
    layers: int = 14,
    kernel: int = 3,
    smooth: filtered.Smooth = filtered.separable,
) -> Released:
    """G of configuration T, or its average G_ema, at the authors' margin of 10."""
    net = stylegan3.Generator(
        size,
        channels,
        width,
        base,
        w_dim,
        depth,
        classes,
        psi=psi,
        layers=layers,
        kernel=kernel,
        smooth=smooth,
    )
    table = {"mapping.w_avg": Leaf("w_avg/f/w")} | mapping(depth, "f", classes)
    waves, here = "synthesis.input", "g/Fourier_0"
    table[f"{waves}.freqs"] = Leaf(f"frozen/{here}/frequencies")
    table[f"{waves}.phases"] = Leaf(f"frozen/{here}/phases")
    table[f"{waves}.weight"] = Leaf(f"params/{here}/Conv_0/kernel", POINT)
    table |= layer(f"{waves}.affine", f"{here}/Dense_0", DENSE)
    for i, stage in enumerate(net.stages):
        last = i == layers
        features = channels if last else stage.channels
        there = f"synthesis.L{i}_{stage.size}_{features}"
        own, here = ("g/ToRGB_0/Conv_0", "g/ToRGB_0") if last else (f"g/Layer_{i}",) * 2
        table |= layer(there, own, CONV)
        table |= layer(f"{there}.affine", f"{here}/Dense_0", DENSE)
        table[f"{there}.magnitude_ema"] = Leaf(f"magnitude/g/Unit_{i}/square")
    return Released(net, (latent,), table, CONSTANT)


# Configuration R.
rotated = partial(generator, width=1024, base=65536, kernel=1, smooth=filtered.radial)
