"""Writes a trained generator as a program that JAX alone can run."""

from pathlib import Path

import jax
import numpy as np
from jax import export

from ganjax.core import Game, PyTree
from ganjax.errors import UsageError
from ganjax.store import write


PLATFORMS = ("cpu", "cuda", "rocm", "tpu")


def export_generator(
    path: Path,
    game: Game,
    state: PyTree,
    n: int | None,
    condition: PyTree,
) -> Path:
    """Writes G and its weights to a file, as a function (z, condition, seed) -> samples.

    Args:
        path: the file, whose folder exists.
        game: the game.
        state: its state, of which the weights are stored in the file.
        n: how many samples a call makes; None for any number.
        condition: the shapes of one condition [1, ...].

    Returns:
        The path.

    Raises:
        UsageError: the network cannot be traced for an unknown number of samples.
    """

    def generate(z, condition, seed):
        return game.generate(state, z, condition, jax.random.key(seed))

    # A symbol for the number of samples: one program for all of them.
    (rows,) = (n,) if n else export.symbolic_shape("n")
    z = jax.eval_shape(lambda: game.latents(jax.random.key(0), 1))
    z, condition = jax.tree.map(
        lambda x: jax.ShapeDtypeStruct((rows, *x.shape[1:]), x.dtype), (z, condition)
    )
    seed = jax.ShapeDtypeStruct((), np.uint32)
    try:
        exported = export.export(jax.jit(generate), platforms=PLATFORMS)(
            z, condition, seed
        )
    except Exception as error:
        if n is not None:
            raise
        raise UsageError(
            "This network cannot be traced for an unknown number of samples "
            f"({type(error).__name__}): give the number, as in export(path, n=64)."
        ) from error
    try:
        program = exported.serialize()
    except ImportError as error:
        raise UsageError(
            "JAX serializes programs by flatbuffers, which is not installed: "
            'pip install "ganjax[export]".'
        ) from error
    write(path, bytes(program))
    return path
