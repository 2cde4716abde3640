"""Short runs of two small MLPs on the ring of Gaussians."""

import dataclasses
from contextlib import ExitStack

import optax

import ganjax
from ganjax import augment, losses
from ganjax.core import GAN, Player, normal
from ganjax.data import Spec
from ganjax.modalities import POINTS
from ganjax.models import mlp
from ganjax.run import NoPrefix, Run, training


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
    return ganjax.train(args(folder, **changes), made or game(), Spec("ring"))


def found(flags, made):
    """The state with which a run of these flags begins, or goes on."""
    with ExitStack() as held:
        return training.prepare(flags, made, Spec("ring"), None, held)[1]
