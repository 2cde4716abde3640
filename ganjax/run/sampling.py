"""Draws many samples, a chunk at a time, always the same ones.

A sample is drawn for a condition: a label, an image to translate, or an image with a hole
(`Game.conditions`). Samples are determined by the state, their purpose, a seed and the size
of the chunks. Each chunk has a random key of its own, so only one need be in memory.
"""

import functools
import math
from collections.abc import Callable, Iterator

import jax
import jax.numpy as jnp
import numpy as np
from tqdm import tqdm

from ganjax.core import Game, PyTree
from ganjax.data import Source, Spec
from ganjax.errors import NoSplit, UsageError


CHUNK = 256  # samples that are drawn together
# A chunk of float32 has at most so many bytes: somewhat more than 256 color images of
# 256 px.
CHUNK_BYTES = 2**28
MAX_DRAWS = 10_000  # of latents that are truncated
# The purposes of samples, each of which has latents of its own.
FIXED = 0  # a run's pictures, which show the same latents at every step
SCORED = 1  # its scores
ASKED = 2  # what a user asks a loaded run for

DrawSamples = Callable[[PyTree, jax.Array, PyTree], np.ndarray]
"""(state, key, condition [n, ...]) -> samples [seeds, n, ...]"""
MakeConditions = Callable[[np.ndarray], PyTree]
"""row numbers int [n] -> conditions [n, ...] in NumPy arrays"""


def conditions(game: Game, spec: Spec, n: int, classes: int) -> PyTree:
    """Makes the conditions for `n` samples.

    Labels cycle through the classes. Images are the first ones of the held-out split, or of
    the training data if there is no such split.

    Args:
        game: the game that is sampled.
        spec: where the training data is.
        n: how many samples.
        classes: how many classes the data has.

    Returns:
        Conditions [n, ...] in NumPy arrays.
    """
    return _condition_maker(game, spec, classes)(np.arange(n))


def real_of_conditions(game: Game, spec: Spec, n: int) -> np.ndarray:
    """Returns the real examples that the conditions of the first `n` samples are made of.

    Args:
        game: a game whose conditions are made of examples.
        spec: where the training data is.
        n: how many.
    """
    source = _source_of_conditions(game, spec)
    stored = source.read(np.arange(n) % source.length).x
    return np.asarray(game.real(game.modality.decode(stored)))


def conditions_in_parts(game: Game, spec: Spec, n: int, classes: int) -> MakeConditions:
    """Returns a function that makes `conditions(game, spec, n, classes)` for some rows.

    Examples are read only when their rows are asked for. Where a condition depends on more
    than the example of its row, as labels that cycle through the classes do, all conditions
    are made at once.
    """
    # A trial tells the two cases apart: do rows 1 and 2 get the same conditions whether or
    # not row 0 is made with them?
    make = _condition_maker(game, spec, classes)
    first_three, last_two = make(np.arange(3)), make(np.arange(1, 3))
    if _equal(_take(first_three, slice(1, None)), last_two):
        return make
    return functools.partial(_take, make(np.arange(n)))


def held_out(spec: Spec, load: Callable[[Spec], Source]) -> Source | None:
    """Loads the split `test` of the data; None if the data has no such split.

    Args:
        spec: where the training data is.
        load: the `load` of its modality.

    Raises:
        UsageError: if one of its files is not an image by its header; only headers are
            read.
    """
    try:
        return load(spec._replace(split="test"))
    except NoSplit:
        return None


def rows_at_once(shape: tuple[int, ...], seeds: int = 1) -> int:
    """Returns how many samples of `shape` are drawn together: `CHUNK` or what fits."""
    row_bytes = 4 * seeds * math.prod(shape)  # of float32
    return max(1, min(CHUNK, CHUNK_BYTES // row_bytes))


def chunks(
    sample: DrawSamples,
    state: PyTree,
    purpose: int,
    conditions: MakeConditions,
    n: int,
    seed: int = 0,
    size: int = CHUNK,
) -> Iterator[np.ndarray]:
    """Draws samples for rows 0 to n - 1, a chunk at a time.

    Args:
        sample: draws the samples of one chunk.
        state: the state of the game.
        purpose: `FIXED`, `SCORED` or `ASKED`.
        conditions: makes the conditions of some rows.
        n: how many samples.
        seed: the seed of the latents.
        size: how many samples are drawn together.

    Yields:
        Samples [seeds, chunk, ...] as networks see them.
    """
    key = jax.random.fold_in(jax.random.key(seed), purpose)
    size = min(size, n)
    # Every call has the same size, so that `sample` is compiled once: the last chunk is
    # filled up with the first rows, and the samples of these are dropped.
    for i, start in enumerate(range(0, n, size)):
        condition = conditions(np.arange(start, start + size) % n)
        yield sample(state, jax.random.fold_in(key, i), condition)[:, : n - start]


def draw(
    sample: DrawSamples, state: PyTree, purpose: int, condition: PyTree, seed: int = 0
) -> np.ndarray:
    """Draws a sample for each row of a condition, all of `chunks` in one array.

    Args:
        sample: draws the samples of one chunk.
        state: the state of the game.
        purpose: `FIXED`, `SCORED` or `ASKED`.
        condition: the conditions [n, ...].
        seed: the seed of the latents.

    Returns:
        Samples [seeds, n, ...] as networks see them.
    """
    n = len(jax.tree.leaves(condition)[0])
    rows = functools.partial(_take, condition)
    drawn = []
    with tqdm(total=n, desc="samples", delay=2, disable=None) as bar:
        for chunk in chunks(sample, state, purpose, rows, n, seed):
            drawn.append(chunk)
            bar.update(chunk.shape[1])
    return np.concatenate(drawn, axis=1)


def truncated(
    latents: Callable[[jax.Array, int], PyTree],
    key: jax.Array,
    n: int,
    truncation: float,
) -> PyTree:
    """Draws latents of which no number is farther from 0 than the truncation.

    Those that are farther are drawn again until none is (Brock et al., 2019, section 3.1).

    Args:
        latents: (key, n) -> z [n, ...].
        key: the key.
        n: how many.
        truncation: the largest absolute value, above 0.

    Raises:
        UsageError: the prior has hardly any numbers so near to 0, or the truncation is not
            above 0.
    """
    if not truncation > 0:
        raise UsageError(f"The truncation is {truncation}: give a number above 0.")
    z = latents(key, n)
    for again in range(1, MAX_DRAWS):
        beyond = jax.tree.map(lambda x: jnp.abs(x) > truncation, z)
        if not any(bool(x.any()) for x in jax.tree.leaves(beyond)):
            return z
        fresh = latents(jax.random.fold_in(key, again), n)
        z = jax.tree.map(jnp.where, beyond, fresh, z)
    raise UsageError(
        f"Hardly any latent is within {truncation} of 0: give a larger truncation."
    )


def _condition_maker(game: Game, spec: Spec, classes: int) -> MakeConditions:
    """Returns a function that makes the conditions of some rows, from their examples.

    `Game.conditions.make` makes those of the first n rows; it is given the examples of
    `rows` as if they were the first ones.
    """
    modality = game.modality

    # Opened only if a condition asks for examples: labels need no data.
    @functools.cache
    def source() -> Source:
        return _source_of_conditions(game, spec)

    def make(rows: np.ndarray) -> PyTree:
        def examples(n):
            return modality.decode(source().read(rows[:n] % source().length).x)

        condition = game.conditions.make(len(rows), classes, examples)
        return jax.tree.map(np.asarray, condition)

    return make


def _source_of_conditions(game: Game, spec: Spec) -> Source:
    """The data whose examples conditions are made of: what is held out, or else all."""
    load = game.modality.load
    return held_out(spec, load) or load(spec)


def _take(tree: PyTree, rows: slice | np.ndarray) -> PyTree:
    return jax.tree.map(lambda x: x[rows], tree)


def _equal(a: PyTree, b: PyTree) -> bool:
    return all(jax.tree.leaves(jax.tree.map(np.array_equal, a, b)))
