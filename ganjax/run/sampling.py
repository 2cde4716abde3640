"""Drawing many samples, a chunk at a time, always the same ones."""

from collections.abc import Callable

import jax
import numpy as np


CHUNK = 256
FIXED, SCORED, ASKED = 0, 1, 2  # what draws are for: each purpose has its own latents


def labels(n: int, classes: int) -> np.ndarray:
    """`n` labels that go through the classes in turn."""
    return np.arange(n, dtype=np.int32) % max(classes, 1)


def draw(
    sample: Callable, state: object, purpose: int, label: np.ndarray, seed: int = 0
) -> np.ndarray:
    """A sample for each label, [seeds, n, ...] in -1..1: fixed by purpose and seed.

    `sample(state, key, label)` gives [seeds, chunk, ...]; every call has one size.
    """
    key = jax.random.fold_in(jax.random.key(seed), purpose)
    size = min(CHUNK, len(label))
    padded = np.resize(label, -(-len(label) // size) * size)
    parts = [
        sample(state, jax.random.fold_in(key, i), part)
        for i, part in enumerate(padded.reshape(-1, size))
    ]
    return np.concatenate(parts, axis=1)[:, : len(label)]
