"""Data: images by number, and the turns of a step as a function of (seed, step)."""

from ganjax.data.prepare import prepare
from ganjax.data.source import Source, Spec, whole
from ganjax.data.stream import Sizes, Stream, resident, streamed
from ganjax.data.where import load


__all__ = [
    "Sizes",
    "Source",
    "Spec",
    "Stream",
    "load",
    "prepare",
    "resident",
    "streamed",
    "whole",
]
