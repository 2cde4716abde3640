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
from ganjax.core import ONE, Game, ImageToImage, Inpainting, Masked
from ganjax.data import Spec
from ganjax.games.translation import no_latents
from ganjax.modalities import IMAGES
from ganjax.run import NoPrefix, Run, command


GRAY = 0.25  # of -1..1, what is made up


@dataclass(frozen=True)
class Args:
    run: NoPrefix[Run] = Run("runs/identity", steps=1, batch=8)
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

    def hidden(image):
        mask = np.zeros((*image.shape[:3], 1), np.float32)
        mask[:, :4, :4] = 1
        return Masked(image, mask)

    def fill(state, z, condition, key):
        return jnp.full(condition.image.shape, GRAY)

    return Game(
        init=lambda key, turns: State(jnp.zeros((), jnp.int32)),
        step=step,
        latents=no_latents,
        generate=fill if args.fills else lambda state, z, image, key: image,
        modality=IMAGES,
        conditions=Inpainting(hidden) if args.fills else ImageToImage(lambda x: x),
    )


def main(args: Args):
    data = Spec(args.data, channels=args.channels)
    return ganjax.train(make(args), data, args.run, config=args)


if __name__ == "__main__":
    command(main)
