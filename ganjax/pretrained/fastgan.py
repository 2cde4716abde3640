"""FastGAN's generator in Projected GAN's authors' code (Sauer et al., 2021).

At 128 px their network also has the layers for 256 px, which it never calls; here they are
ignored. With classes their network has 1000 of them, whatever the data, and makes images of
256 px at most. At evaluation spectral norms differ as `studiogan` describes.
"""

from ganjax.models import fastgan
from ganjax.pretrained import studiogan
from ganjax.pretrained.conversion import (
    CONV,
    DENSE,
    ROW,
    TRANSPOSED_CONV,
    Layout,
    Leaf,
    Released,
    batch_norm,
)


# This program makes images of 128 px and more.
OUTPUT_WIDTHS = {side: n for side, n in fastgan.G_WIDTHS.items() if side >= 128}


def generator(
    size: int = 256,
    channels: int = 3,
    width: int = 128,
    classes: int = 0,
    latent: int = 256,
    convs: int = 2,
) -> Released:
    """Describes G, or its average G_ema.

    Args:
        size: side of the images.
        channels: channels of the images.
        width: channels of the features at 128 px.
        classes: number of classes, 0 for an unconditional network.
        latent: length of z.
        convs: convolutions in each block; 1 is the authors' "lite" network.
    """
    fastgan.sides(OUTPUT_WIDTHS, 128, size)  # raises an error for other sizes
    net = fastgan.Generator(size, channels, width, classes, (convs,))
    table = spectral("init.init.0", "Start_0", "SpectralNorm_0", TRANSPOSED_CONV)
    table |= batch_norm("init.init.1", "BatchNorm_0")

    # The program's network always has the stages up to 256 px; ours, those up to `size`.
    stages = fastgan.sides(fastgan.G_WIDTHS, 8, max(size, 256))
    block = _conditional_block if classes else _block
    unused = {}
    for i, side in enumerate(stages):
        stage = block(f"feat_{side}", f"UpBlock_{i}", convs)
        if side in fastgan.GATED_SIDES:
            number = fastgan.GATED_SIDES.index(side)
            stage |= _excitation(f"se_{side}", f"Excitation_{number}")
        if side <= size:
            table |= stage
        else:
            unused |= stage

    table |= spectral("to_big", "Conv_0", "SpectralNorm_1")
    table["to_big.bias"] = Leaf("params/Conv_0/bias")
    if classes:
        table["embed.weight"] = Leaf("params/Embed_0/embedding")
    table = {f"synthesis.{name}": leaf for name, leaf in table.items()}
    return Released(net, (latent,), table, (*studiogan.IGNORED, *unused))


def spectral(theirs: str, ours: str, u: str, layout: Layout = CONV) -> dict[str, Leaf]:
    """Returns the table of a layer's kernel and of its singular vector u.

    Args:
        theirs: the layer's name in the program.
        ours: the layer's path in our parameters.
        u: the path of its `SpectralNorm`.
        layout: layout of the kernel.
    """
    return studiogan.spectral(theirs, f"{ours}/kernel", f"{u}/kernel", layout)


def _block(theirs: str, ours: str, convs: int) -> dict[str, Leaf]:
    """Returns the table of a block without classes.

    In the program it is a sequence, whose numbers also count layers without weights.
    """
    table = {}
    for i, conv in enumerate((1, 5)[:convs]):
        layer = (f"{ours}/Conv_{i}", f"{ours}/SpectralNorm_{i}")
        table |= spectral(f"{theirs}.{conv}", *layer)
        # In blocks of two convolutions noise comes between a convolution and its norm, so
        # the norm is the second layer after it; in "lite" blocks it is the next one.
        norm = conv + convs
        table |= batch_norm(f"{theirs}.{norm}", f"{ours}/BatchNorm_{i}")
        if convs > 1:
            table |= _noise(f"{theirs}.{conv + 1}", f"{ours}/Noise_{i}")
    return table


def _conditional_block(theirs: str, ours: str, convs: int) -> dict[str, Leaf]:
    """Returns the table of a block with classes, whose norms are conditional."""
    table = _noise(f"{theirs}.noise", f"{ours}/Noise_0") if convs > 1 else {}
    for i, number in enumerate(("1", "2") if convs > 1 else ("",)):
        layer = (f"{ours}/Conv_{i}", f"{ours}/SpectralNorm_{i}")
        table |= spectral(f"{theirs}.conv{number}", *layer)

        # Gain and bias are linear functions, with spectral norm, of the embedding.
        norm = f"{theirs}.bn{number}"
        our_norm = f"{ours}/ConditionalNorm_{i}"
        for j, name in enumerate(("gain", "bias")):
            linear = (f"{our_norm}/{name}", f"{our_norm}/SpectralNorm_{j}")
            table |= spectral(f"{norm}.{name}", *linear, DENSE)
            table[f"{norm}.{name}.bias"] = Leaf(f"params/{our_norm}/{name}/bias")
        for name in ("mean", "var"):
            average = Leaf(f"batch_stats/{our_norm}/BatchNorm_0/{name}")
            table[f"{norm}.stored_{name}"] = average
    return table


def _excitation(theirs: str, ours: str) -> dict[str, Leaf]:
    """Returns the table of a skip-layer excitation's two convolutions."""
    square = (f"{ours}/Square_0", f"{ours}/SpectralNorm_0")
    conv = (f"{ours}/Conv_0", f"{ours}/SpectralNorm_1")
    return spectral(f"{theirs}.main.1", *square) | spectral(f"{theirs}.main.3", *conv)


def _noise(theirs: str, ours: str) -> dict[str, Leaf]:
    """Returns the table of the strength of added noise."""
    return {f"{theirs}.weight": Leaf(f"params/{ours}/strength", ROW)}
