"""A run: its arguments, its folder, its pictures, numbers, scores and report."""

from ganjax.run.args import Cadence, Count, Flat, Layout, Positive, Run, Share, Weight
from ganjax.run.command import command
from ganjax.run.loading import Loaded, load
from ganjax.run.training import train


__all__ = [
    "Cadence",
    "Count",
    "Flat",
    "Layout",
    "Loaded",
    "Positive",
    "Run",
    "Share",
    "Weight",
    "command",
    "load",
    "train",
]
