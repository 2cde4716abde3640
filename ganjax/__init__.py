"""ganjax: generative adversarial networks as pure functions in JAX.

`GAN` says which networks play and what for, `game` makes a game of it, `train` trains it in
a run's folder, and `load` brings a trained run back.

Networks, losses and games need no more than JAX, Flax and Optax. `train` and `load` also
need the libraries of checkpoints and flags, and are imported when they are first used.
"""

import importlib
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from ganjax.core import GAN, Batch, Game, Player
from ganjax.games import game


if TYPE_CHECKING:
    from ganjax.run import load, train

__all__ = ["GAN", "Batch", "Game", "Player", "game", "load", "train"]


def __getattr__(name: str) -> Any:
    if name in ("load", "train"):
        return getattr(importlib.import_module("ganjax.run"), name)
    if name == "__version__":
        return version("ganjax")
    raise AttributeError(f"module 'ganjax' has no attribute {name!r}")
