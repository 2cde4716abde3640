"""A run: its arguments, its folder, its pictures, numbers, scores and report."""

from ganjax.run.args import (
    Fraction,
    Layout,
    NonNegativeFloat,
    NonNegativeInt,
    NoPrefix,
    PositiveFloat,
    PositiveInt,
    Run,
)
from ganjax.run.command import command
from ganjax.run.loading import Loaded, load
from ganjax.run.training import train


__all__ = [
    "NonNegativeInt",
    "PositiveInt",
    "NoPrefix",
    "Layout",
    "Loaded",
    "PositiveFloat",
    "Run",
    "Fraction",
    "NonNegativeFloat",
    "command",
    "load",
    "train",
]
