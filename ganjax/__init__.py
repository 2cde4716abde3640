"""ganjax: generative adversarial networks as pure functions in JAX.

`GAN` says what a game is, `game` makes it playable, `train` plays it in a run folder,
`load` brings a run back.
"""

from importlib.metadata import version

from ganjax.gan import GAN, Batch, Game, Player
from ganjax.run import load, train
from ganjax.step import game


__version__ = version("ganjax")
__all__ = ["GAN", "Batch", "Game", "Player", "game", "load", "train"]
