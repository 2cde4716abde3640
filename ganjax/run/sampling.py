"""Drawing many samples, a chunk at a time, always the same ones."""

from collections.abc import Callable

import jax
import numpy as np

from ganjax.data import Source, Spec, load
from ganjax.errors import Mistake
from ganjax.gan import Game, PyTree


CHUNK = 256
FIXED, SCORED, ASKED = 0, 1, 2  # what draws are for: each purpose has its own latents


def asked(game: Game, spec: Spec, n: int, classes: int) -> PyTree:
    """What `n` samples are asked for, [n, ...] in NumPy's arrays."""

    def images(n: int) -> np.ndarray:
        source = held_out(spec) or load(spec)
        return source.read(np.arange(n) % source.length).image

    return jax.tree.map(np.asarray, game.ask(n, classes, images))


def held_out(spec: Spec) -> Source | None:
    """The split `test` of the data, if there is one."""
    try:
        return load(spec._replace(split="test"))
    except Mistake:
        return None


def draw(
    sample: Callable, state: object, purpose: int, asked: PyTree, seed: int = 0
) -> np.ndarray:
    """A sample for each row asked for, [seeds, n, ...] in -1..1: fixed by purpose, seed.

    `sample(state, key, asked)` gives [seeds, chunk, ...]; every call has one size.
    """
    key = jax.random.fold_in(jax.random.key(seed), purpose)
    n = len(jax.tree.leaves(asked)[0])
    size = min(CHUNK, n)
    parts = []
    for i in range(-(-n // size)):
        rows = np.arange(i * size, (i + 1) * size) % n
        part = jax.tree.map(lambda x, rows=rows: x[rows], asked)
        parts.append(sample(state, jax.random.fold_in(key, i), part))
    return np.concatenate(parts, axis=1)[:, :n]
