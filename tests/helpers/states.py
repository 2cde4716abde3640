"""Variables of networks, and how far two states are apart."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np


def seat(net, x, label) -> dict:
    """Variables of the right shapes, nowhere zero, without compiling their making."""
    init, key = partial(net.init, train=False), jax.random.key(0)
    shapes = dict(jax.eval_shape(init, key, x, label))
    rng = np.random.default_rng(0)

    def weight(path, leaf):
        large = 100 if any("Stack" in key.key for key in path) else 1  # slow learners
        # Signals fade in the flat slopes of vocoders, whose kernels have these lengths.
        large = 3 if path[-1].key == "kernel_gain" else large
        return jnp.asarray(large * rng.normal(0, 0.5, leaf.shape), leaf.dtype)

    stat = lambda leaf: jnp.asarray(rng.uniform(0.1, 0.5, leaf.shape), leaf.dtype)
    params = jax.tree_util.tree_map_with_path(weight, shapes.pop("params"))
    return {"params": params, **jax.tree.map(stat, shapes)}


def arrays(state) -> dict[str, np.ndarray]:
    """Every array of a state, by its path."""
    found = {}
    for path, leaf in jax.tree_util.tree_leaves_with_path(state):
        if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            leaf = jax.random.key_data(leaf)
        found[jax.tree_util.keystr(path)] = np.asarray(leaf)
    return found


def apart(a, b) -> dict[str, float]:
    """The largest absolute difference of each array, by its path."""
    a, b = arrays(a), arrays(b)
    assert a.keys() == b.keys()
    gap = lambda x, y: np.abs(x.astype(np.float64) - y).max(initial=0.0)
    return {path: float(gap(a[path], b[path])) for path in a}


def same(a, b) -> None:
    """Asserts that two states are equal to the bit."""
    a, b = arrays(a), arrays(b)
    assert a.keys() == b.keys()
    for path in a:
        assert a[path].dtype == b[path].dtype, path
        assert a[path].tobytes() == b[path].tobytes(), path
