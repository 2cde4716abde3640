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
from ganjax.run.own_hooks import every
from ganjax.run.training import train
from ganjax.run.writers import Writer, tracker


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
    "Writer",
    "command",
    "every",
    "load",
    "tracker",
    "train",
]
