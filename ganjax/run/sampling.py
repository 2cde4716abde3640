"""Drawing many samples, a chunk at a time, always the same ones."""

import functools
import math
from collections.abc import Callable, Iterator

import jax
import numpy as np
from tqdm import tqdm

from ganjax.data import Source, Spec, load
from ganjax.errors import NoSplit
from ganjax.gan import Game, PyTree


CHUNK = 256
CHUNK_BYTES = 2**28  # of float32 in a chunk at most: 256 images of 256 px in color
FIXED, SCORED, ASKED = 0, 1, 2  # what draws are for: each purpose has its own latents


def asked(game: Game, spec: Spec, n: int, classes: int) -> PyTree:
    """What `n` samples are asked for, [n, ...] in NumPy's arrays."""
    return _reader(game, spec, classes)(np.arange(n))


def asked_in_parts(
    game: Game, spec: Spec, n: int, classes: int
) -> Callable[[np.ndarray], PyTree]:
    """The same for some of the rows below `n`: images are read only when their turn comes.

    Where what is asked for depends on more than the image of each row, as labels that
    go through the classes in turn do, all of it is made at once.
    """
    read = _reader(game, spec, classes)
    first, later = read(np.arange(3)), read(np.arange(1, 3))
    whole = (
        read(np.arange(n)) if not _equal(_take(first, slice(1, None)), later) else None
    )
    return read if whole is None else functools.partial(_take, whole)


def held_out(spec: Spec) -> Source | None:
    """The split `test` of the data; None if the data has no such split.

    Headers of its files are read: one that is no image raises a `Mistake`.
    """
    try:
        return load(spec._replace(split="test"))
    except NoSplit:
        return None


def rows_at_once(shape: tuple[int, ...], seeds: int = 1) -> int:
    """How many samples of `shape` are drawn together: `CHUNK`, or as many as fit."""
    each = 4 * seeds * math.prod(shape)
    return max(1, min(CHUNK, CHUNK_BYTES // each))


def chunks(
    sample: Callable,
    state: object,
    purpose: int,
    asked: Callable[[np.ndarray], PyTree],
    n: int,
    seed: int = 0,
    size: int = CHUNK,
) -> Iterator[np.ndarray]:
    """Samples for `n` rows, [seeds, chunk, ...] in -1..1: fixed by purpose, seed, size.

    `asked(rows)` says what rows are asked for, and `sample(state, key, asked)` gives
    [seeds, size, ...]: every call has one size, and what the last has too many is cut.
    """
    key = jax.random.fold_in(jax.random.key(seed), purpose)
    size = min(size, n)
    for i, start in enumerate(range(0, n, size)):
        part = asked(np.arange(start, start + size) % n)
        yield sample(state, jax.random.fold_in(key, i), part)[:, : n - start]


def draw(
    sample: Callable, state: object, purpose: int, asked: PyTree, seed: int = 0
) -> np.ndarray:
    """A sample for each row asked for, [seeds, n, ...] in -1..1, as `chunks` draws them."""
    n = len(jax.tree.leaves(asked)[0])
    rows = functools.partial(_take, asked)
    parts = []
    with tqdm(total=n, desc="samples", delay=2, disable=None) as bar:
        for part in chunks(sample, state, purpose, rows, n, seed):
            parts.append(part)
            bar.update(part.shape[1])
    return np.concatenate(parts, axis=1)


def _reader(game: Game, spec: Spec, classes: int) -> Callable[[np.ndarray], PyTree]:
    """What rows are asked for, as if they were the first; images are those of the rows."""
    source = functools.cache(lambda: held_out(spec) or load(spec))

    def read(rows: np.ndarray) -> PyTree:
        images = lambda n: source().read(rows[:n] % source().length).image
        return jax.tree.map(np.asarray, game.ask(len(rows), classes, images))

    return read


def _take(tree: PyTree, rows: slice | np.ndarray) -> PyTree:
    return jax.tree.map(lambda x: x[rows], tree)


def _equal(a: PyTree, b: PyTree) -> bool:
    return all(jax.tree.leaves(jax.tree.map(np.array_equal, a, b)))
