"""Data: images by number, and the turns of a step as a function of (seed, step)."""

from ganjax.data.prepare import prepare
from ganjax.data.source import Source, Spec, whole
from ganjax.data.where import load


__all__ = ["Source", "Spec", "load", "prepare", "whole"]
