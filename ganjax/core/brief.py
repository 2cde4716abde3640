"""Short text for states and games, as a notebook shows the last value of a cell.

A state has thousands of numbers, and a game functions that hold networks and optimizers:
printed in full they fill pages.
"""

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import partial
from typing import Any

import jax
import numpy as np
from jax.core import Tracer


def brief_state(state: Any) -> str:
    """Returns the fields of a state: scalars, types and shapes of arrays, counts of trees.

    Args:
        state: a dataclass of arrays, of their shapes, or of trees of either.
    """
    parts = (f"{x.name}={_brief(getattr(state, x.name))}" for x in fields(state))
    return f"{type(state).__name__}({', '.join(parts)})"


def brief_array(x: Any) -> str:
    """Returns the type and shape of an array, such as float32[8,32]."""
    return f"{x.dtype}[{','.join(map(str, x.shape))}]"


def brief_function(function: Callable) -> str:
    """Returns the name of a function, also of one with some arguments bound."""
    while isinstance(function, partial):
        function = function.func
    return getattr(function, "__name__", type(function).__name__)


def _brief(value: Any) -> str:
    if is_dataclass(value):
        return repr(value)
    leaves = jax.tree.leaves(value)
    if not leaves:
        return "()"
    if leaves[0] is not value:
        numbers = sum(int(np.prod(np.shape(x))) for x in leaves)
        return f"<{numbers:,} numbers in {len(leaves)} arrays>"
    if not hasattr(value, "dtype"):
        return repr(value)
    # Only what can be read: no number of a trace, a donated state, or several hosts.
    is_known = isinstance(value, np.ndarray | np.generic) or (
        isinstance(value, jax.Array)
        and not isinstance(value, Tracer)
        and not value.is_deleted()
        and value.is_fully_addressable
        and not jax.numpy.issubdtype(value.dtype, jax.dtypes.prng_key)
    )
    return (
        str(np.asarray(value)) if is_known and not value.shape else brief_array(value)
    )
