"""StyleGAN3 as released for PyTorch (NVIDIA, 2021).

Its D is `ganjax.pretrained.stylegan2_ada.discriminator`. The filters, which the program
stores, are computed here. The user's transform, which it stores too, is an argument of our
network's method `synthesis`.
"""

from functools import partial

from ganjax.layers import filtered
from ganjax.models import stylegan3
from ganjax.pretrained.conversion import CONV, DENSE, POINTWISE, Leaf, Released, layer
from ganjax.pretrained.stylegan2_ada import mapping


IGNORED = ("up_filter", "down_filter", "input.transform")


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
    downsample: filtered.Downsample = filtered.downsample_separable,
) -> Released:
    """Describes G of configuration T, or its average G_ema, at the authors' margin of 10.

    Args:
        size: side of the images.
        channels: channels of the images.
        classes: number of classes, 0 for an unconditional network.
        latent: length of z ("z_dim").
        width: largest number of channels of a layer ("channel_max").
        base: layers of cutoff f have min(base / 2f, width) channels ("channel_base").
        w_dim: length of w.
        depth: layers of the mapping network.
        psi: truncation at evaluation, 1 for none ("truncation_psi").
        layers: convolutions, not counting the first and the last ("num_layers").
        kernel: side of the convolutions' kernels ("conv_kernel").
        downsample: the low-pass filter after the nonlinearity.
    """
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
        downsample=downsample,
    )
    table = {"mapping.w_avg": Leaf("w_avg/f/w")} | mapping(depth, "f", classes)

    # The Fourier features.
    theirs = "synthesis.input"
    ours = "g/Fourier_0"
    table[f"{theirs}.freqs"] = Leaf(f"frozen/{ours}/frequencies")
    table[f"{theirs}.phases"] = Leaf(f"frozen/{ours}/phases")
    table[f"{theirs}.weight"] = Leaf(f"params/{ours}/Conv_0/kernel", POINTWISE)
    table |= layer(f"{theirs}.affine", f"{ours}/Dense_0", DENSE)

    # The layers. Their names hold the size and the channels of their outputs.
    for i, stage in enumerate(net.stages):
        # The last one is the layer to RGB.
        is_last = i == layers
        features = channels if is_last else stage.channels
        theirs = f"synthesis.L{i}_{stage.size}_{features}"
        ours = "g/ToRGB_0" if is_last else f"g/Layer_{i}"
        conv = f"{ours}/Conv_0" if is_last else ours
        table |= layer(theirs, conv, CONV)
        table |= layer(f"{theirs}.affine", f"{ours}/Dense_0", DENSE)
        table[f"{theirs}.magnitude_ema"] = Leaf(f"magnitude/g/Unit_{i}/square")
    return Released(net, (latent,), table, IGNORED)


# Configuration R.
generator_r = partial(
    generator, width=1024, base=65536, kernel=1, downsample=filtered.downsample_radial
)
