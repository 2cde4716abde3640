"""The shapes of a run's data as JSON, so that its manifest can record them.

An example may be any tree of arrays in dictionaries, lists and tuples, and in the named
tuples of ganjax. A leaf {"shape": [32, 32, 3], "dtype": "uint8"} is one array; each other
node names its type: "dict", "list", "tuple", or a named tuple.
"""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from ganjax.core import Batch, Masked, Pair, PyTree, Turns
from ganjax.errors import UsageError


# The named tuples that data may contain. A manifest is read without running code, so no
# others could be rebuilt from it.
NAMED_TUPLES = {kind.__name__: kind for kind in (Turns, Batch, Pair, Masked)}


def to_json(tree: PyTree) -> dict[str, Any]:
    """Returns a tree of shapes as an object that JSON can hold.

    Args:
        tree: a tree whose leaves have a shape and a dtype, such as arrays or
            `jax.ShapeDtypeStruct`.

    Raises:
        UsageError: if the tree has a node of another type, or a key that is not a string.
    """
    if hasattr(tree, "shape") and hasattr(tree, "dtype"):
        return {"shape": list(tree.shape), "dtype": str(np.dtype(tree.dtype))}
    if type(tree) in NAMED_TUPLES.values():
        return {"named": type(tree).__name__, "parts": [to_json(part) for part in tree]}
    if isinstance(tree, Mapping):
        for name in tree:
            if not isinstance(name, str):  # JSON would silently turn it into one
                raise UsageError(
                    f"An example of the data is a dictionary with the key {name!r}: name "
                    "its arrays by strings."
                )
        return {"dict": {name: to_json(part) for name, part in tree.items()}}
    if type(tree) in (list, tuple):
        return {type(tree).__name__: [to_json(part) for part in tree]}
    raise UsageError(
        f"An example of the data contains a {type(tree).__name__}: give arrays, or "
        "dictionaries, lists and tuples of arrays."
    )


def from_json(value: Any) -> PyTree:
    """Returns the tree of `jax.ShapeDtypeStruct` that `to_json` described.

    Args:
        value: what `to_json` returned, as it was read from a file.

    Raises:
        ValueError: if `to_json` cannot have returned it, as in a manifest that was edited.
    """
    match value:
        case {"shape": list(shape), "dtype": str(dtype)} if all(
            isinstance(side, int) and side >= 0 for side in shape
        ):
            try:
                return jax.ShapeDtypeStruct(tuple(shape), np.dtype(dtype))
            except TypeError as error:
                raise ValueError(f"{dtype!r} is not a dtype") from error
        case {"named": str(name), "parts": list(parts)} if name in NAMED_TUPLES:
            kind = NAMED_TUPLES[name]
            if len(parts) == len(kind._fields):
                return kind(*map(from_json, parts))
        case {"dict": dict(parts)}:
            return {name: from_json(part) for name, part in parts.items()}
        case {"list": list(parts)}:
            return [from_json(part) for part in parts]
        case {"tuple": list(parts)}:
            return tuple(map(from_json, parts))
    raise ValueError(f"{str(value)[:80]} does not describe shapes")
