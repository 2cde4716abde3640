"""Building blocks of networks: convolutions, norms, attention, heads, precision.

A file is imported when it is first used.
"""

from typing import TYPE_CHECKING

from ganjax import lazy


if TYPE_CHECKING:  # for editors and type checkers
    from ganjax.layers import (
        adapters,
        attention,
        autoencoders,
        contextual,
        decoding,
        equalized,
        example,
        filtered,
        fourier,
        heads,
        judgment,
        magnitude,
        mixed_precision,
        modulated,
        normalization,
        remat,
        resampling,
        signal,
        sizes,
        spectral_norm,
        tokens,
        weight_norm,
    )

__all__ = [
    "adapters",
    "attention",
    "autoencoders",
    "contextual",
    "decoding",
    "equalized",
    "example",
    "filtered",
    "fourier",
    "heads",
    "judgment",
    "magnitude",
    "mixed_precision",
    "modulated",
    "normalization",
    "remat",
    "resampling",
    "signal",
    "sizes",
    "spectral_norm",
    "tokens",
    "weight_norm",
]

__getattr__, __dir__ = lazy.modules(__name__, __path__)
