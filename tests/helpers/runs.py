"""Short runs of two small MLPs on the ring of Gaussians."""

import dataclasses
from contextlib import ExitStack

import optax

import ganjax
from ganjax import augment, losses
from ganjax.core import GAN, Player, normal
from ganjax.data import from_object
from ganjax.modalities import POINTS
from ganjax.models import mlp
from ganjax.run import NoPrefix, Run, training
from ganjax.run.config import make_config


ADAM = optax.adam(1e-3)


@dataclasses.dataclass(frozen=True)
class Args:
    run: NoPrefix[Run]


def game(width=8, optim=ADAM, regularizers=None):
    g = mlp.Generator(shape=(2,), width=width, output=mlp.linear)
    d = mlp.Discriminator(width=width)
    return ganjax.game(
        GAN(
            g=Player(g, optim),
            d=Player(d, optim, regularizers or {}),
            loss=losses.hinge(),
            augment=augment.identity(),
            prior=normal(2),
            ema=optax.constant_schedule(0.9),
        ),
        POINTS,
    )


def args(folder, **changes):
    return Args(Run(str(folder), **{"steps": 8, "batch": 16, "log_every": 2} | changes))


def train(folder, made=None, **changes):
    flags = args(folder, **changes)
    return ganjax.train(made or game(), "ring", flags.run, config=flags)


def found(flags, made):
    """The state with which a run of these flags begins, or goes on."""
    with ExitStack() as held:
        config = make_config(flags.run, flags, globals())
        data = from_object("ring", made.modality.load)
        return training.prepare(config, made, data, None, held)[1]
