"""Projected GAN's D as its authors have it (Sauer et al., 2021), for FastGAN's G.

Its feature network and what mixes the features are weights of it, too. Its number of
classes is 0 or, whatever the data, 1000. What `studiogan` says of evaluation holds here.
"""

from functools import partial

from ganjax.models import efficientnet, projected
from ganjax.released import efficientnet as eyes, studiogan
from ganjax.released.fastgan import spectral
from ganjax.released.names import CONV, DENSE, TABLE, Leaf, Released, batch_norm, layer


EYE = efficientnet.EfficientNet()


def discriminator(
    classes: int = 0,
    side: int = 224,
    eye: efficientnet.EfficientNet = EYE,
    mixed: int = 64,
) -> Released:
    """D, which enlarges images to `side` if they are smaller; theirs leaves 224 px."""
    features = efficientnet.frozen(partial(efficientnet.drawn, eye), eye)
    given = {"classes": classes, "side": side, "mixed": mixed, "use_bias": True}
    net = projected.Discriminator(features, **given)
    table = {
        f"feature_network.pretrained.{name}": leaf._replace(
            path=f"frozen/features/weights/{leaf.path}"
        )
        for name, leaf in eyes.timm(eye, ("layer0.0", "layer0.1"), _stage).items()
    }
    for i in range(len(eye.seen)):
        for there, here in ((f"layer{i}_ccm", "channels"), (f"layer{i}_csm", "scales")):
            end = ".out_conv" if here == "scales" else ""
            table |= _mixing(there + end, f"{here}_{i}")
        table |= _judge(f"discriminator.mini_discs.{i}", f"scale_{i}", i, classes)
    return Released(net, (side, side, 3), table, studiogan.CONSTANT)


def _stage(number: int) -> str:
    """Where their sequences have a stage: the first begins with the stem's three parts."""
    place = ("0.3", "0.4", "1.0", "2.0", "2.1", "3.0", "3.1")[number]
    return f"layer{place}"


def _mixing(there: str, here: str) -> dict[str, Leaf]:
    """A convolution that stays as it was drawn."""
    path, name = f"frozen/Projector_0/{here}", f"feature_network.scratch.{there}"
    kernel = {f"{name}.weight": Leaf(f"{path}/kernel", CONV)}
    return kernel | {f"{name}.bias": Leaf(f"{path}/bias")}


def _judge(there: str, here: str, skipped: int, classes: int) -> dict[str, Leaf]:
    """A scale's discriminator."""
    table, blocks = {}, len(projected.WIDTHS) - skipped
    for i in range(blocks):
        block = f"{there}.main.{i}.main"
        table |= spectral(
            f"{block}.0", f"{here}/Resample_{i}", f"{here}/SpectralNorm_{i}"
        )
        table[f"{block}.0.bias"] = Leaf(f"params/{here}/Shift_{i}/bias", TABLE)
        table |= batch_norm(f"{block}.1", f"{here}/BatchNorm_{i}")
    own = f"{here}/Verdict_0"
    last = f"{there}.cls" if classes else f"{there}.main.{blocks}"
    table |= spectral(last, f"{own}/Square_0", f"{own}/SpectralNorm_0")
    if classes:
        table[f"{there}.embed.weight"] = Leaf(f"params/{own}/Embed_0/embedding")
        table |= layer(f"{there}.embed_proj.0", f"{own}/Dense_0", DENSE)
    return table
