"""Arrays and initializers as a few numbers, by which they are known again."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import flax.linen as nn
import jax
import numpy as np
import pytest


def fingerprint(tree) -> float:
    """A sum of all numbers of a tree, each with a weight of its own."""
    flat = _flat(tree)
    return float(flat @ np.cos(np.arange(len(flat))))


def has_fingerprint(tree, wanted: float) -> bool:
    """Whether a tree has this fingerprint, but for rounding."""
    length = np.linalg.norm(_flat(tree))
    return abs(fingerprint(tree) - wanted) <= 3e-4 * length + 1e-9


def _flat(tree) -> np.ndarray:
    leaves = [np.ravel(np.asarray(leaf, np.float64)) for leaf in jax.tree.leaves(tree)]
    return np.concatenate([np.zeros(1), *leaves])


ONE_SHAPE = (48, 96)


@contextmanager
def noted() -> Iterator[dict]:
    """Notes the initializer and the shape of each parameter that networks ask for."""
    found, param = {}, nn.Module.param

    def note(self, name, init_fn, *args, **more):
        found[*self.path, name] = init_fn, args
        return param(self, name, init_fn, *args, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nn.Module, "param", note)
        yield found


def initial(found: dict) -> dict[str, int]:
    """How many parameters of a name are drawn with a deviation and a largest size.

    All are drawn in one shape, whatever their own is: so little is compiled, and the two
    numbers tell a distribution and its scale.
    """
    said, key = Counter(), jax.random.key(0)
    for (*_, name), (init_fn, (shape, *rest)) in found.items():
        try:
            drawn = init_fn(key, ONE_SHAPE, *rest)
        except (IndexError, TypeError, ValueError):  # one that asks for its own shape
            drawn = init_fn(key, shape, *rest)
        x = np.asarray(drawn, np.float64)
        said[f"{name} {x.std():.3g} {np.abs(x).max():.3g}"] += 1
    return dict(said)
