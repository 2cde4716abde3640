"""A game that learns nothing and gives back what it is asked: it shows what else changes.

Its answer is the image itself, or, where it completes images, one gray everywhere. It is
an experiment file, of which a tiny run is made and copied.
"""

from dataclasses import dataclass, replace

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np

import ganjax
from ganjax.data import Spec
from ganjax.gan import ONE, Game, pixels
from ganjax.run import Flat, Run, command


GRAY = 0.25  # of -1..1, what is made up


@dataclass(frozen=True)
class Args:
    run: Flat[Run] = Run("runs/identity", steps=1, batch=8)
    data: str = ""
    channels: int = 3
    fills: bool = False
    """Completes images, in place of giving them back."""


@flax.struct.dataclass
class State:
    step: jax.Array


def make(args: Args) -> Game:
    def step(state, turns, on=ONE):
        return replace(state, step=state.step + 1), {"g": {"loss": jnp.zeros(())}}

    def ask(n, classes, images):
        given = images(n)
        known = np.full((*given.shape[:3], 1), 255, np.uint8)
        known[:, :4, :4] = 0
        return np.concatenate([given, known], axis=-1) if args.fills else given

    def sample(state, key, asked):
        return jnp.full(asked[..., :-1].shape, GRAY) if args.fills else pixels(asked)

    return Game(
        init=lambda key, turns: State(jnp.zeros((), jnp.int32)),
        step=step,
        sample=sample,
        decode=pixels,
        ask=ask,
        show=lambda asked, samples: samples,
    )


def main(args: Args):
    return ganjax.train(args, make(args), Spec(args.data, channels=args.channels))


if __name__ == "__main__":
    command(main)
