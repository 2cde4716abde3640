"""Data: images by number, and the turns of a step as a function of (seed, step)."""

from ganjax.data.describe import describe
from ganjax.data.prepare import prepare
from ganjax.data.source import Found, Source, Spec, broken, broken_mistake, whole
from ganjax.data.stream import Sizes, Stream, resident, streamed
from ganjax.data.where import load


__all__ = [
    "Found",
    "Sizes",
    "Source",
    "Spec",
    "Stream",
    "broken",
    "broken_mistake",
    "describe",
    "load",
    "prepare",
    "resident",
    "streamed",
    "whole",
]
