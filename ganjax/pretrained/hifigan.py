"""HiFi-GAN in its authors' PyTorch code (jik876/hifi-gan), and its released folders.

A folder such as UNIVERSAL_V1 has the generator's weights, "g_02500000", and their sizes,
"config.json". Weights of the discriminators are the parts "mpd" and "msd" of "do_02500000".

PyTorch keeps a weight norm as `weight_g`, the lengths, and `weight_v`, the directions; and
a spectral norm as `weight_orig` and two vectors u and v, of which ours needs u alone.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ganjax.errors import UsageError
from ganjax.models import hifigan, vocoder_discriminators
from ganjax.ops.spectra import Mel
from ganjax.pretrained import tensors
from ganjax.pretrained.conversion import Layout, Leaf, Released, compose, load, permuted


SIGNAL = permuted(2, 1, 0)  # [out, in, taps] -> [taps, in, out]
TRANSPOSED_SIGNAL = permuted(2, 0, 1)  # [in, out, taps] -> [taps, in, out]
# A column of an image, [out, in, taps, 1], as a signal.
COLUMN = compose(Layout(lambda x: x[..., 0], lambda x: x[..., None]), SIGNAL)
# Lengths, [n, 1, 1] -> [n], and those of an image's convolution.
LENGTHS = Layout(lambda x: x[:, 0, 0], lambda x: x[:, None, None])
COLUMN_LENGTHS = Layout(lambda x: x[:, 0, 0, 0], lambda x: x[:, None, None, None])
CONFIG = "config.json"
FRAMES = 32  # of the examples that networks are described by
SAMPLES = 8_192


class Vocoder(NamedTuple):
    """A released generator.

    Attributes:
        released: the network.
        variables: its weights.
        mel: the spectrograms that it takes.
    """

    released: Released
    variables: dict[str, Any]
    mel: Mel


def generator(
    width: int = 512,
    rates: tuple[int, ...] = (8, 8, 2, 2),
    kernels: tuple[int, ...] = (3, 7, 11),
    dilations: tuple[tuple[int, ...], ...] = ((1, 3, 5), (1, 3, 5), (1, 3, 5)),
    convs: int = 2,
    bands: int = 80,
) -> Released:
    """Describes G; `generator(**models.hifigan.V3)` is the published V3.

    Args:
        width: "upsample_initial_channel"; the others are those of `hifigan.Generator`.
        rates: "upsample_rates".
        kernels: "resblock_kernel_sizes".
        dilations: "resblock_dilation_sizes".
        convs: 2 for "resblock" 1, and 1 for 2.
        bands: mel bands.
    """
    net = hifigan.Generator(width, rates, kernels, dilations, convs)
    return described(net, bands)


def described(net: hifigan.Generator, bands: int = 80) -> Released:
    """Describes a generator that was made already, without classes."""
    stages = len(net.rates)
    table = _weight_norm("conv_pre", "Conv_0", "WeightNorm_0", SIGNAL)
    for i in range(stages):
        norm = f"WeightNorm_{i + 1}"
        table |= _weight_norm(f"ups.{i}", f"Upsample_{i}", norm, TRANSPOSED_SIGNAL)
    for i in range(stages * len(net.kernels)):
        steps = len(net.dilations[i % len(net.kernels)])
        # "ResBlock1" has two lists of convolutions, one after the other in each step.
        names = ("convs1", "convs2") if net.convs == 2 else ("convs",)
        each = [
            f"resblocks.{i}.{name}.{step}" for step in range(steps) for name in names
        ]
        for j, theirs in enumerate(each):
            ours = f"Residual_{i}/Conv_{j}", f"Residual_{i}/WeightNorm_{j}"
            table |= _weight_norm(theirs, *ours, SIGNAL)
    table |= _weight_norm("conv_post", "Conv_1", f"WeightNorm_{stages + 1}", SIGNAL)
    return Released(net, (FRAMES, bands), table)


def multi_period(width: int = 32) -> Released:
    """Describes the multi-period discriminator, the part "mpd" of a checkpoint."""
    net = vocoder_discriminators.MultiPeriod(width=width)
    table = {}
    for i in range(len(net.periods)):
        for j, name in enumerate(_names(vocoder_discriminators.OF_PERIODS)):
            ours = (
                f"SubDiscriminator_{i}/Conv_{j}",
                f"SubDiscriminator_{i}/WeightNorm_{j}",
            )
            theirs = f"discriminators.{i}.{name}"
            table |= _weight_norm(theirs, *ours, COLUMN, COLUMN_LENGTHS)
    return Released(net, (SAMPLES, 1), table)


def multi_scale(width: int = 128) -> Released:
    """Describes the multi-scale discriminator, the part "msd" of a checkpoint."""
    net = vocoder_discriminators.MultiScale(width)
    table = {}
    for i in range(len(net.wraps)):
        for j, name in enumerate(_names(vocoder_discriminators.OF_SCALES)):
            theirs, conv = (
                f"discriminators.{i}.{name}",
                f"SubDiscriminator_{i}/Conv_{j}",
            )
            # The first scale has spectral norms.
            if i:
                norm = f"SubDiscriminator_{i}/WeightNorm_{j}"
                table |= _weight_norm(theirs, conv, norm, SIGNAL)
            else:
                norm = f"SubDiscriminator_{i}/SpectralNorm_{j}"
                table |= _spectral_norm(theirs, conv, norm, SIGNAL)
    return Released(net, (SAMPLES, 1), table, ignored=("weight_v",))


def read(released: Released, where: str | Path) -> dict[str, Any]:
    """Reads the weights of a generator.

    Args:
        released: the network.
        where: the path of the authors' checkpoint, which holds them as "generator", or of a
            .safetensors file of them.

    Raises:
        UsageError: they cannot be read, or are of another network.
    """
    return load(released, tensors.read(where, part="generator"))


def vocoder(where: str | Path) -> Vocoder:
    """Reads a released generator and its config.json, which is in the same folder.

    Raises:
        UsageError: one of them cannot be read, or they do not belong together.
    """
    path = Path(where).parent / CONFIG
    config = _read_config(path)
    try:
        if config["upsample_kernel_sizes"] != [2 * n for n in config["upsample_rates"]]:
            raise UsageError(
                f"{path} has transposed convolutions that are not twice as long as their "
                "rates, which this network has: use the authors' program."
            )
        released = generator(
            width=config["upsample_initial_channel"],
            rates=tuple(config["upsample_rates"]),
            kernels=tuple(config["resblock_kernel_sizes"]),
            dilations=tuple(map(tuple, config["resblock_dilation_sizes"])),
            convs=2 if config["resblock"] == "1" else 1,
            bands=config["num_mels"],
        )
        mel = Mel(
            rate=config["sampling_rate"],
            bands=config["num_mels"],
            size=config["n_fft"],
            hop=config["hop_size"],
            low=float(config["fmin"]),
            high=float(config["fmax"] or 0),
        )
    except (KeyError, TypeError) as error:
        raise UsageError(
            f"{path} is not that of a HiFi-GAN ({error}): keep the "
            "weights in the folder in which they were published."
        ) from None
    return Vocoder(released, read(released, where), mel)


def _read_config(path: Path) -> Mapping[str, Any]:
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{path}, which has the sizes of the weights beside it, cannot be read "
            f"({type(error).__name__}): keep them in the folder in which they were "
            "published."
        ) from None


def _names(layers: Sequence[vocoder_discriminators.Layer]) -> list[str]:
    """The names of a stack's convolutions."""
    return [*(f"convs.{i}" for i in range(len(layers))), "conv_post"]


def _weight_norm(
    theirs: str, conv: str, norm: str, layout: Layout, lengths: Layout = LENGTHS
) -> dict[str, Leaf]:
    return {
        f"{theirs}.weight_g": Leaf(f"params/{norm}/kernel_gain", lengths),
        f"{theirs}.weight_v": Leaf(f"params/{conv}/kernel", layout),
        f"{theirs}.bias": Leaf(f"params/{conv}/bias"),
    }


def _spectral_norm(
    theirs: str, conv: str, norm: str, layout: Layout
) -> dict[str, Leaf]:
    return {
        f"{theirs}.weight_orig": Leaf(f"params/{conv}/kernel", layout),
        f"{theirs}.weight_u": Leaf(f"spectral/{norm}/kernel"),
        f"{theirs}.bias": Leaf(f"params/{conv}/bias"),
    }
