"""BigGAN in its first author's PyTorch code (Brock, 2019).

That code names a residual block "blocks.{i}.0" and the attention that may follow it
"blocks.{i}.1". A layer with spectral norm has a weight, a bias and the left singular vector
"u0". The singular values that the code logs ("sv0") are ignored.
"""

from functools import partial

from ganjax.layers.spectral_norm import SpectralNorm
from ganjax.models import biggan
from ganjax.pretrained.conversion import (
    CONV,
    DENSE,
    GAIN,
    PLAIN,
    ROW,
    TABLE,
    Layout,
    Leaf,
    Released,
    compose,
    flattened_output,
    layer,
)


IGNORED = ("sv0",)
# With the epsilon of the paper's launch scripts.
SN = partial(SpectralNorm, epsilon=1e-6)


def generator(
    size: int = 128,
    classes: int = 1000,
    latent: int = 120,
    ch: int = 96,
    shared_dim: int = 128,
    attention_resolution: int = 64,
) -> Released:
    """Describes G, with an embedding that all blocks share and a hierarchical z.

    The defaults are those of ImageNet at 128 px.

    Args:
        size: side of the images.
        classes: number of classes.
        latent: length of z.
        ch: unit of the layers' channels ("G_ch").
        shared_dim: length of the embedding ("shared_dim").
        attention_resolution: side at which G has attention ("G_attn").
    """
    net = biggan.Generator(
        size, 3, ch, classes, shared_dim, attention_resolution, SN, use_bias=True
    )
    widths = [ch * n for n in biggan.at_size(biggan.G_WIDTHS, size)]
    table = {"shared.weight": Leaf("params/Embed_0/embedding")}
    # The dense layer, whose output becomes a 4x4 feature map.
    square = flattened_output(widths[0], 4, 4)
    table |= spectral("linear", "Dense_0", "SpectralNorm_0", square, square)
    for i in range(len(widths)):
        theirs = f"blocks.{i}.0"
        ours = f"UpBlock_{i}"
        for j, name in enumerate(("conv1", "conv2", "conv_sc")):
            u = f"{ours}/SpectralNorm_{j}"
            table |= spectral(f"{theirs}.{name}", f"{ours}/Conv_{j}", u, CONV)
        for j in range(2):
            table |= norm(f"{theirs}.bn{j + 1}", f"{ours}/ConditionalNorm_{j}")
        # Block i ends at a side of 8 * 2^i.
        if 8 << i == attention_resolution:
            table |= attention(f"blocks.{i}.1")
    return Released(net, (latent,), table | output_layer(), IGNORED)


def discriminator(
    size: int = 128,
    classes: int = 1000,
    ch: int = 96,
    attention_resolution: int = 64,
) -> Released:
    """Describes D.

    The defaults are those of ImageNet at 128 px.

    Args:
        size: side of the images.
        classes: number of classes.
        ch: unit of the layers' channels ("D_ch").
        attention_resolution: side of the features that D's attention sees ("D_attn").
    """
    net = biggan.Discriminator(
        size, ch, classes=classes, attention_resolution=attention_resolution, wrap=SN
    )
    # Follow the halvings as D itself does: they decide which blocks have a convolution in
    # the skip connection, and where attention is.
    multipliers, grid = biggan.at_size(biggan.D_WIDTHS, size)
    table = {}
    convs = 0  # our convolutions are numbered through all blocks
    side = size
    for i, multiplier in enumerate(multipliers):
        halves = side > grid
        # The skip connection has a convolution where the shape changes.
        names = ["conv1", "conv2"]
        if halves or multiplier != multipliers[i - 1]:
            names.append("conv_sc")
        for name in names:
            ours = (f"Conv_{convs}", f"SpectralNorm_{convs}")
            table |= spectral(f"blocks.{i}.0.{name}", *ours, CONV)
            convs += 1
        if halves:
            side //= 2
            if side == attention_resolution:
                table |= attention(f"blocks.{i}.1")
    return Released(net, (size, size, 3), table | head(classes), IGNORED)


# The parts that BigGAN-deep has in common with BigGAN.


def output_layer() -> dict[str, Leaf]:
    """Returns the table of G's last batch norm and convolution."""
    table = spectral("output_layer.2", "Conv_0", "SpectralNorm_1", CONV)
    table["output_layer.0.gain"] = Leaf("params/BatchNorm_0/gain", GAIN)
    table["output_layer.0.bias"] = Leaf("params/BatchNorm_0/bias", TABLE)
    return table | _running_averages("output_layer.0", "BatchNorm_0")


def head(classes: int) -> dict[str, Leaf]:
    """Returns the table of D's last layer and of its embedding of the classes, if any."""
    table = spectral("linear", "head/Dense_0", "head/SpectralNorm_0", DENSE)
    if classes:
        table["embed.weight"] = Leaf("params/head/Embed_0/embedding")
        table["embed.u0"] = Leaf("spectral/head/SpectralNorm_1/embedding", ROW)
    return table


def spectral(
    theirs: str, ours: str, u: str, layout: Layout, output_layout: Layout = PLAIN
) -> dict[str, Leaf]:
    """Returns the table of a layer with spectral norm.

    Args:
        theirs: the layer's name in the program.
        ours: the layer's path in our parameters.
        u: the path of its `SpectralNorm`, which keeps the singular vector.
        layout: layout of the kernel.
        output_layout: layout of what is as long as the output, the bias and u.
    """
    return {
        f"{theirs}.weight": Leaf(f"params/{ours}/kernel", layout),
        f"{theirs}.bias": Leaf(f"params/{ours}/bias", output_layout),
        f"{theirs}.u0": Leaf(f"spectral/{u}/kernel", compose(ROW, output_layout)),
    }


def norm(theirs: str, ours: str) -> dict[str, Leaf]:
    """Returns the table of a conditional batch norm.

    Its gain and bias are linear functions, with spectral norm, of an embedding.
    """
    table = _running_averages(theirs, ours)
    # Their layers "gain" and "bias" have no bias of their own.
    for i, name in enumerate(("gain", "bias")):
        table |= layer(f"{theirs}.{name}", f"{ours}/{name}", DENSE, bias=False)
        u = Leaf(f"spectral/{ours}/SpectralNorm_{i}/kernel", ROW)
        table[f"{theirs}.{name}.u0"] = u
    return table


def _running_averages(theirs: str, ours: str) -> dict[str, Leaf]:
    """Returns the table of a batch norm's averages, which this program calls "stored"."""
    return {
        f"{theirs}.stored_{name}": Leaf(f"batch_stats/{ours}/BatchNorm_0/{name}")
        for name in ("mean", "var")
    }


def attention(theirs: str) -> dict[str, Leaf]:
    """Returns the table of the network's only attention layer."""
    table = {f"{theirs}.gamma": Leaf("params/Attention_0/gamma")}
    for i, name in enumerate(("theta", "phi", "g", "o")):
        table |= layer(f"{theirs}.{name}", f"Attention_0/{name}", CONV, bias=False)
        u = Leaf(f"spectral/Attention_0/SpectralNorm_{i}/kernel", ROW)
        table[f"{theirs}.{name}.u0"] = u
    return table
