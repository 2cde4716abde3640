"""BigGAN as its first author's PyTorch code has it (Brock, 2019).

Batch norms' standing counters and the singular values that it logs are no weights.
"""

from functools import partial

from ganjax.models import biggan, layers
from ganjax.released.names import (
    CONV,
    DENSE,
    GAIN,
    PLAIN,
    ROW,
    TABLE,
    Layout,
    Leaf,
    Released,
    images,
    layer,
    then,
)


CONSTANT = ("sv0",)
SN = partial(layers.SpectralNorm, epsilon=1e-6)  # what the scripts of the paper give


def generator(
    size: int = 128,
    classes: int = 1000,
    latent: int = 120,
    ch: int = 96,
    shared: int = 128,
    attend: int = 64,
) -> Released:
    """G with a shared embedding and a hierarchical z."""
    net = biggan.Generator(size, 3, ch, classes, shared, attend, SN, use_bias=True)
    widths = [ch * times for times in biggan.at_size(biggan.UP, size)]
    table = {"shared.weight": Leaf("params/Embed_0/embedding")}
    square = images(widths[0], 4, 4)
    table |= spectral("linear", "Dense_0", "SpectralNorm_0", square, square)
    for i in range(len(widths)):
        there, here = f"blocks.{i}.0", f"UpBlock_{i}"
        for j, name in enumerate(("conv1", "conv2", "conv_sc")):
            u = f"{here}/SpectralNorm_{j}"
            table |= spectral(f"{there}.{name}", f"{here}/Conv_{j}", u, CONV)
        for j in range(2):
            table |= norm(f"{there}.bn{j + 1}", f"{here}/ConditionalNorm_{j}")
        if 8 << i == attend:
            table |= attention(f"blocks.{i}.1")
    return Released(net, (latent,), table | ending(), CONSTANT)


def discriminator(
    size: int = 128, classes: int = 1000, ch: int = 96, attend: int = 64
) -> Released:
    """D; attention is at the side that its features have."""
    net = biggan.Discriminator(size, ch, classes=classes, attend=attend, wrap=SN)
    times, grid = biggan.at_size(biggan.DOWN, size)
    table, convs, side = {}, 0, size
    for i, width in enumerate(times):
        there, halved = f"blocks.{i}.0", side > grid
        names = ["conv1", "conv2"]
        if halved or width != times[i - 1]:
            names.append("conv_sc")
        for name in names:
            here = f"Conv_{convs}", f"SpectralNorm_{convs}"
            table |= spectral(f"{there}.{name}", *here, CONV)
            convs += 1
        side = side // 2 if halved else side
        if halved and side == attend:
            table |= attention(f"blocks.{i}.1")
    return Released(net, (size, size, 3), table | head(classes), CONSTANT)


def ending() -> dict[str, Leaf]:
    """G's last batch norm and convolution."""
    table = spectral("output_layer.2", "Conv_0", "SpectralNorm_1", CONV)
    table["output_layer.0.gain"] = Leaf("params/BatchNorm_0/gain", GAIN)
    table["output_layer.0.bias"] = Leaf("params/BatchNorm_0/bias", TABLE)
    return table | _statistics("output_layer.0", "BatchNorm_0")


def head(classes: int) -> dict[str, Leaf]:
    """D's last layer, and a vector for each class if there are any."""
    table = spectral("linear", "head/Dense_0", "head/SpectralNorm_0", DENSE)
    if classes:
        table["embed.weight"] = Leaf("params/head/Embed_0/embedding")
        table["embed.u0"] = Leaf("spectral/head/SpectralNorm_1/embedding", ROW)
    return table


def spectral(
    there: str, here: str, u: str, layout: Layout, turned: Layout = PLAIN
) -> dict[str, Leaf]:
    """A layer with bias and u, the two in the order of what it puts out."""
    return {
        f"{there}.weight": Leaf(f"params/{here}/kernel", layout),
        f"{there}.bias": Leaf(f"params/{here}/bias", turned),
        f"{there}.u0": Leaf(f"spectral/{u}/kernel", then(ROW, turned)),
    }


def norm(there: str, here: str) -> dict[str, Leaf]:
    """A batch norm whose gain and bias are linear in a condition."""
    table = _statistics(there, here)
    for i, name in enumerate(("gain", "bias")):
        table |= layer(f"{there}.{name}", f"{here}/{name}", DENSE, bias=False)
        u = Leaf(f"spectral/{here}/SpectralNorm_{i}/kernel", ROW)
        table[f"{there}.{name}.u0"] = u
    return table


def _statistics(there: str, here: str) -> dict[str, Leaf]:
    """A batch norm's averages."""
    return {
        f"{there}.stored_{name}": Leaf(f"batch_stats/{here}/BatchNorm_0/{name}")
        for name in ("mean", "var")
    }


def attention(there: str) -> dict[str, Leaf]:
    """The network's attention."""
    table = {f"{there}.gamma": Leaf("params/Attention_0/gamma")}
    for i, name in enumerate(("theta", "phi", "g", "o")):
        table |= layer(f"{there}.{name}", f"Attention_0/{name}", CONV, bias=False)
        u = Leaf(f"spectral/Attention_0/SpectralNorm_{i}/kernel", ROW)
        table[f"{there}.{name}.u0"] = u
    return table
