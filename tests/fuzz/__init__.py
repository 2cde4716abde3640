"""Situations that are made up: by kind and number, and the same on every machine."""

from collections.abc import Callable

import numpy as np

from tests.fuzz import arrays, flags, pairs, pictures, runs, trees
from tests.fuzz.harness import Situation


KINDS: dict[str, Callable[[np.random.Generator], Situation]] = {
    "folder": trees.folder,
    "zip": trees.archive,
    "npz": arrays.npz,
    "pairs": pairs.pairs,
    "domains": pairs.domains,
    "image": pictures.single,
    "translate": pictures.translated,
    "complete": pictures.completed,
    "run": runs.run,
    "command": flags.command,
    "experiment": flags.experiment,
}
# How often a kind is had, where that is not as often as the others.
SHARES = {"folder": 2.0, "zip": 1.5, "pairs": 0.5, "domains": 0.3}
