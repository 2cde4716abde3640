"""FastGAN's G as Projected GAN's authors have it (Sauer et al., 2021).

At 128 px theirs has layers for 256 px besides, which it never asks. With classes, of
which it has 1000 whatever the data, it makes 256 px at most. What `studiogan` says of
evaluation holds here, too.
"""

from ganjax.models import fastgan
from ganjax.released import studiogan
from ganjax.released.names import (
    CONV,
    DENSE,
    ROW,
    Layout,
    Leaf,
    Released,
    axes,
    batch_norm,
)


START = axes(2, 3, 0, 1)  # [z, d, i, j] -> [i, j, z, d]: a transposed convolution's
UP = {side: times for side, times in fastgan.UP.items() if side >= 128}


def generator(
    size: int = 256,
    channels: int = 3,
    width: int = 128,
    classes: int = 0,
    latent: int = 256,
    convs: int = 2,
) -> Released:
    """G, or its average G_ema; `convs` 1 is the authors' lite one."""
    fastgan.sides(UP, 128, size)
    net = fastgan.Generator(size, channels, width, classes, (convs,))
    table = spectral("init.init.0", "Start_0", "SpectralNorm_0", START)
    table |= batch_norm("init.init.1", "BatchNorm_0")
    stages = fastgan.sides(fastgan.UP, 8, max(size, 256))
    block, unasked = _conditional if classes else _block, {}
    for i, side in enumerate(stages):
        stage = block(f"feat_{side}", f"UpBlock_{i}", convs)
        if side in fastgan.EXCITED:
            number = fastgan.EXCITED.index(side)
            stage |= _excitation(f"se_{side}", f"Excitation_{number}")
        if side <= size:
            table |= stage
        else:
            unasked |= stage
    table |= spectral("to_big", "Conv_0", "SpectralNorm_1")
    table["to_big.bias"] = Leaf("params/Conv_0/bias")
    if classes:
        table["embed.weight"] = Leaf("params/Embed_0/embedding")
    table = {f"synthesis.{name}": leaf for name, leaf in table.items()}
    return Released(net, (latent,), table, (*studiogan.CONSTANT, *unasked))


def spectral(there: str, here: str, u: str, layout: Layout = CONV) -> dict[str, Leaf]:
    """A layer's kernel and its u."""
    return studiogan.spectral(there, f"{here}/kernel", f"{u}/kernel", layout)


def _block(there: str, here: str, convs: int) -> dict[str, Leaf]:
    """Layers by their places in a sequence, where others without weights stand, too."""
    table = {}
    for i, conv in enumerate((1, 5)[:convs]):
        layer = f"{here}/Conv_{i}", f"{here}/SpectralNorm_{i}"
        table |= spectral(f"{there}.{conv}", *layer)
        norm = conv + convs  # with noise between them if there are two
        table |= batch_norm(f"{there}.{norm}", f"{here}/BatchNorm_{i}")
        if convs > 1:
            table |= _noise(f"{there}.{conv + 1}", f"{here}/Noise_{i}")
    return table


def _conditional(there: str, here: str, convs: int) -> dict[str, Leaf]:
    """The same with classes."""
    table = _noise(f"{there}.noise", f"{here}/Noise_0") if convs > 1 else {}
    for i, number in enumerate(("1", "2") if convs > 1 else ("",)):
        layer = f"{here}/Conv_{i}", f"{here}/SpectralNorm_{i}"
        table |= spectral(f"{there}.conv{number}", *layer)
        norm, own = f"{there}.bn{number}", f"{here}/ConditionalNorm_{i}"
        for j, name in enumerate(("gain", "bias")):
            linear = f"{own}/{name}", f"{own}/SpectralNorm_{j}"
            table |= spectral(f"{norm}.{name}", *linear, DENSE)
            table[f"{norm}.{name}.bias"] = Leaf(f"params/{own}/{name}/bias")
        for name in ("mean", "var"):
            average = Leaf(f"batch_stats/{own}/BatchNorm_0/{name}")
            table[f"{norm}.stored_{name}"] = average
    return table


def _excitation(there: str, here: str) -> dict[str, Leaf]:
    first = spectral(f"{there}.main.1", f"{here}/Square_0", f"{here}/SpectralNorm_0")
    return first | spectral(
        f"{there}.main.3", f"{here}/Conv_0", f"{here}/SpectralNorm_1"
    )


def _noise(there: str, here: str) -> dict[str, Leaf]:
    return {f"{there}.weight": Leaf(f"params/{here}/strength", ROW)}
