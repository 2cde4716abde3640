"""Numerics that know no network: convolutions, filters, resampling, masks, colors.

A file is imported when it is first used.
"""

from typing import TYPE_CHECKING

from ganjax import lazy


if TYPE_CHECKING:  # for editors and type checkers
    from ganjax.ops import (
        color_profiles,
        convolution,
        cook_toom,
        filters,
        geometry,
        inverse_spectra,
        lowpass,
        masks,
        mirrored,
        products,
        pyramid,
        residual_textures,
        shuffle,
        spectra,
        strokes,
        texts,
        winograd,
        winograd_1d,
    )

__all__ = [
    "color_profiles",
    "convolution",
    "cook_toom",
    "filters",
    "geometry",
    "inverse_spectra",
    "lowpass",
    "masks",
    "mirrored",
    "products",
    "pyramid",
    "residual_textures",
    "shuffle",
    "spectra",
    "strokes",
    "texts",
    "winograd",
    "winograd_1d",
]

__getattr__, __dir__ = lazy.modules(__name__, __path__)
