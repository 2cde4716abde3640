"""Projected GAN's discriminator in its authors' code (Sauer et al., 2021).

It sees images through a frozen EfficientNet-Lite0, whose feature maps are mixed by random,
frozen convolutions, and has a small discriminator for each mixed map. The frozen weights
are part of the released ones. The number of classes is 0 or 1000, whatever the data. At
evaluation spectral norms differ as `studiogan` describes.

FastGAN's generator, which the authors train with it, is in `ganjax.pretrained.fastgan`.
"""

from functools import partial

from ganjax.models import projected
from ganjax.pretrained import efficientnet, studiogan
from ganjax.pretrained.conversion import (
    CONV,
    DENSE,
    TABLE,
    Leaf,
    Released,
    batch_norm,
    layer,
)
from ganjax.pretrained.fastgan import spectral


FEATURES = efficientnet.EfficientNet()


def discriminator(
    classes: int = 0,
    input_size: int = 224,
    features: efficientnet.EfficientNet = FEATURES,
    projector_width: int = 64,
) -> Released:
    """Describes D.

    Args:
        classes: number of classes, 0 for an unconditional network.
        input_size: smaller images are enlarged to this side first; 224 in the authors'
            code.
        features: the feature network.
        projector_width: channels of the finest mixed map; each coarser one has twice as
            many.
    """
    # Random weights give the shapes of those that the released file has.
    frozen = efficientnet.frozen_features(
        partial(efficientnet.untrained_weights, features), features
    )
    fields = {
        "classes": classes,
        "input_size": input_size,
        "projector_width": projector_width,
        "use_bias": True,
    }
    net = projected.Discriminator(frozen, **fields)

    # Their feature network is timm's, cut into four sequences.
    stem = ("layer0.0", "layer0.1")
    table = {
        f"feature_network.pretrained.{name}": leaf._replace(
            path=f"frozen/features/weights/{leaf.path}"
        )
        for name, leaf in efficientnet.timm_table(features, stem, _stage).items()
    }
    # For each feature map: two mixing convolutions, and a discriminator.
    for i in range(len(features.feature_stages)):
        table |= _mixing(f"layer{i}_ccm", f"channels_{i}")
        table |= _mixing(f"layer{i}_csm.out_conv", f"scales_{i}")
        table |= _scale(f"discriminator.mini_discs.{i}", f"scale_{i}", i, classes)
    return Released(net, (input_size, input_size, 3), table, studiogan.IGNORED)


def _stage(number: int) -> str:
    """Returns the name of a stage of the feature network, which is cut into four sequences.

    The first sequence begins with the three parts of the stem.
    """
    positions = ("0.3", "0.4", "1.0", "2.0", "2.1", "3.0", "3.1")
    return f"layer{positions[number]}"


def _mixing(theirs: str, ours: str) -> dict[str, Leaf]:
    """Returns the table of a random, frozen 1x1 convolution."""
    path = f"frozen/Projector_0/{ours}"
    name = f"feature_network.scratch.{theirs}"
    return {
        f"{name}.weight": Leaf(f"{path}/kernel", CONV),
        f"{name}.bias": Leaf(f"{path}/bias"),
    }


def _scale(theirs: str, ours: str, scale: int, classes: int) -> dict[str, Leaf]:
    """Returns the table of the discriminator of one scale, 0 being the finest.

    Each coarser scale has one block less.
    """
    table = {}
    blocks = len(projected.WIDTHS) - scale
    for i in range(blocks):
        block = f"{theirs}.main.{i}.main"
        table |= spectral(
            f"{block}.0", f"{ours}/Resample_{i}", f"{ours}/SpectralNorm_{i}"
        )
        table[f"{block}.0.bias"] = Leaf(f"params/{ours}/Shift_{i}/bias", TABLE)
        table |= batch_norm(f"{block}.1", f"{ours}/BatchNorm_{i}")
    # The last layer. With classes it is projected on their embedding; without, it is one
    # more entry of the sequence "main".
    logits = f"{ours}/Verdict_0"
    last = f"{theirs}.cls" if classes else f"{theirs}.main.{blocks}"
    table |= spectral(last, f"{logits}/Square_0", f"{logits}/SpectralNorm_0")
    if classes:
        table[f"{theirs}.embed.weight"] = Leaf(f"params/{logits}/Embed_0/embedding")
        table |= layer(f"{theirs}.embed_proj.0", f"{logits}/Dense_0", DENSE)
    return table
