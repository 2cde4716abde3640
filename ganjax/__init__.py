"""ganjax: generative adversarial networks as pure functions in JAX.

`GAN` says which networks play and what for, `game` makes a game of it, `train` trains it in
a run's folder, and `load` brings a trained run back.
"""

from importlib.metadata import version

from ganjax.core import GAN, Batch, Game, Player
from ganjax.games import game
from ganjax.run import load, train


__version__ = version("ganjax")
__all__ = ["GAN", "Batch", "Game", "Player", "game", "load", "train"]
