"""ganjax: generative adversarial networks as pure functions in JAX.

    import ganjax as gx

`gx.GAN` says which networks play and what for, `gx.game` makes a game of it, `gx.train`
trains it in a run's folder, and `gx.load` brings a trained run back.

The rooms, such as `gx.losses` and `gx.models`, are imported when they are first used, and
with them what they need: JAX, Flax and Optax are enough for networks, losses and steps;
checkpoints, pictures and flags come with `gx.game`, `gx.train` and `gx.load`.
"""

import importlib
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from ganjax.core import (
    GAN,
    Augment,
    Batch,
    Game,
    Loss,
    Pair,
    Player,
    Regularizer,
    Turn,
    Turns,
    priors,
    schedules,
    turns,
)
from ganjax.errors import DivergedError, StopTraining, UsageError


if TYPE_CHECKING:  # so that editors and type checkers know what is imported later
    from ganjax import (
        augment,
        core,
        data,
        evaluation,
        games,
        layers,
        likelihoods,
        losses,
        modalities,
        models,
        ops,
        optim,
        parallel,
        pretrained,
        regularizers,
    )
    from ganjax.data import Sizes, Spec
    from ganjax.games import game
    from ganjax.layers.adapters import from_functions, from_nnx
    from ganjax.run import (
        Fraction,
        NonNegativeFloat,
        NonNegativeInt,
        NoPrefix,
        PositiveFloat,
        PositiveInt,
        Run,
        command,
        every,
        load,
        tracker,
        train,
    )

# Where the names are that are imported at their first use.
_LATER = {
    **dict.fromkeys(("Sizes", "Spec"), "ganjax.data"),
    "game": "ganjax.games",
    **dict.fromkeys(("from_functions", "from_nnx"), "ganjax.layers.adapters"),
    **dict.fromkeys(
        (
            "Fraction",
            "NoPrefix",
            "NonNegativeFloat",
            "NonNegativeInt",
            "PositiveFloat",
            "PositiveInt",
            "Run",
            "command",
            "every",
            "load",
            "tracker",
            "train",
        ),
        "ganjax.run",
    ),
}

__all__ = [
    "Augment",
    "Batch",
    "DivergedError",
    "Fraction",
    "GAN",
    "Game",
    "Loss",
    "NoPrefix",
    "NonNegativeFloat",
    "NonNegativeInt",
    "Pair",
    "Player",
    "PositiveFloat",
    "PositiveInt",
    "Regularizer",
    "Run",
    "Sizes",
    "Spec",
    "StopTraining",
    "Turn",
    "Turns",
    "UsageError",
    "augment",
    "command",
    "core",
    "data",
    "evaluation",
    "every",
    "from_functions",
    "from_nnx",
    "game",
    "games",
    "layers",
    "likelihoods",
    "load",
    "losses",
    "modalities",
    "models",
    "ops",
    "optim",
    "parallel",
    "pretrained",
    "priors",
    "regularizers",
    "schedules",
    "tracker",
    "train",
    "turns",
]


def __getattr__(name: str) -> Any:
    if name in _LATER:
        value = getattr(importlib.import_module(_LATER[name]), name)
        globals()[name] = value
        return value
    # Of the names above, all others that are not there yet are rooms.
    if name in __all__:
        return importlib.import_module(f"ganjax.{name}")
    if name == "__version__":
        return version("ganjax")
    raise AttributeError(f"module 'ganjax' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
