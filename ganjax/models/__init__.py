"""Networks: one published GAN, or one family of networks, a file.

Each file has Linen modules that are called as `net(z or x, label, train=...)`: `Generator`
and `Discriminator`, or what the paper calls them. `gx.models.mlp` works after
`import ganjax as gx`; a file is imported when it is first used.
"""

from typing import TYPE_CHECKING

from ganjax import lazy


if TYPE_CHECKING:  # for editors and type checkers
    from ganjax.models import (
        asgan,
        biggan,
        biggan_deep,
        dcgan,
        fastgan,
        fastgan_layers,
        gat,
        gated,
        hifigan,
        mlp,
        patch,
        patch_features,
        progressive,
        projected,
        r3gan,
        r3gan2,
        resnet,
        rrdb,
        sagan,
        scratchgan,
        sn_patch,
        sndcgan,
        stft_discriminators,
        stylegan2,
        stylegan3,
        tabular,
        text,
        text_transformer,
        translator,
        unet,
        vocoder_discriminators,
        wavegan,
    )

__all__ = [
    "asgan",
    "biggan",
    "biggan_deep",
    "dcgan",
    "fastgan",
    "fastgan_layers",
    "gat",
    "gated",
    "hifigan",
    "mlp",
    "patch",
    "patch_features",
    "progressive",
    "projected",
    "r3gan",
    "r3gan2",
    "resnet",
    "rrdb",
    "sagan",
    "scratchgan",
    "sn_patch",
    "sndcgan",
    "stft_discriminators",
    "stylegan2",
    "stylegan3",
    "tabular",
    "text",
    "text_transformer",
    "translator",
    "unet",
    "vocoder_discriminators",
    "wavegan",
]

__getattr__, __dir__ = lazy.modules(__name__, __path__)
