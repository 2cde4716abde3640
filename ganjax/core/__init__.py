"""The core: the parts of a GAN, its pure training step, and the interface of a game.

It imports nothing else of the package but `errors`, and most other rooms import it. A
newcomer may read its files in this order:

- `types`: `GAN` and `Player`, which hold functions, and `State`, which holds arrays.
- `step`: `train_step`, `d_turn` and `g_turn`, Algorithm 1 of Goodfellow et al. (2014).
- `turn`: the forward pass of one turn, its objective and the optimizer's update.
- `game`: the interface by which the loop and the commands use any game, GAN or other.
- `modality`: the interface of a kind of data, such as images or points.

`state` makes the state before the first step, `batches` the data of a step, `sampling`
draws samples from a state, `parts` checks what a GAN is made of, `brief` is how states are
printed, and `priors` and `schedules` are small helpers.
"""

from ganjax.core.batches import as_batch, as_turns, check_turns, is_labeled, turns
from ganjax.core.game import (
    Conditions,
    Game,
    ImageToImage,
    Inpainting,
    Labels,
    Masked,
    Vocoding,
    classes_of,
    identity,
    pretrained_of,
)
from ganjax.core.modality import Modality, decoded, dtype_of, pixels, points, stored
from ganjax.core.parts import check_gan, check_player
from ganjax.core.priors import normal, uniform
from ganjax.core.sampling import discriminate, generate, latents
from ganjax.core.schedules import at, half_life
from ganjax.core.state import init, init_player
from ganjax.core.step import NOW, Ahead, d_turn, g_turn, train_step
from ganjax.core.turn import add_regularizers, bind, make_turn, monitor, output, update
from ganjax.core.types import (
    GAN,
    ONE,
    ArrayLike,
    Augment,
    Batch,
    Devices,
    DiscriminatorOutputs,
    Draw,
    Logs,
    Loss,
    Number,
    Pair,
    Player,
    PlayerState,
    PyTree,
    Regularizer,
    State,
    Steer,
    Turn,
    Turns,
    as_drawn,
    gradient,
    stream,
)


__all__ = [
    "Ahead",
    "ArrayLike",
    "Augment",
    "Batch",
    "Conditions",
    "Devices",
    "DiscriminatorOutputs",
    "Draw",
    "GAN",
    "Game",
    "ImageToImage",
    "Inpainting",
    "Labels",
    "Logs",
    "Loss",
    "Masked",
    "Modality",
    "NOW",
    "Number",
    "ONE",
    "Pair",
    "Player",
    "PlayerState",
    "PyTree",
    "Regularizer",
    "State",
    "Steer",
    "Turn",
    "Turns",
    "Vocoding",
    "add_regularizers",
    "as_batch",
    "as_drawn",
    "as_turns",
    "at",
    "bind",
    "check_gan",
    "check_player",
    "check_turns",
    "classes_of",
    "pretrained_of",
    "d_turn",
    "decoded",
    "discriminate",
    "dtype_of",
    "identity",
    "g_turn",
    "generate",
    "gradient",
    "half_life",
    "init",
    "init_player",
    "is_labeled",
    "latents",
    "make_turn",
    "monitor",
    "normal",
    "output",
    "pixels",
    "points",
    "stored",
    "stream",
    "train_step",
    "turns",
    "uniform",
    "update",
]
