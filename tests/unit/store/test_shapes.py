"""Shapes come back from a manifest as they were, or are refused before it is written."""

import json
from types import MappingProxyType
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganjax.core import Batch, Masked, Pair, Turns
from ganjax.errors import UsageError
from ganjax.store import shapes


LEAF = jax.ShapeDtypeStruct((4, 2), np.dtype(np.uint8))


def test_every_node_and_leaf_comes_back_with_its_type():
    scalar = jax.ShapeDtypeStruct((), jnp.dtype(jnp.bfloat16))
    pair = Pair(LEAF, scalar)
    tree = Batch({"a": [LEAF], "b": (scalar, Masked(LEAF, scalar))}, Turns(pair, []))
    text = json.dumps(shapes.to_json(tree))
    assert shapes.from_json(json.loads(text)) == tree


def test_shapes_are_written_as_runs_of_earlier_versions_have_them():
    tree = Pair(np.zeros((3, 0), np.float32), MappingProxyType({"x": (LEAF,)}))
    leaf = {"shape": [4, 2], "dtype": "uint8"}
    assert shapes.to_json(tree) == {
        "named": "Pair",
        "parts": [
            {"shape": [3, 0], "dtype": "float32"},
            {"dict": {"x": {"tuple": [leaf]}}},
        ],
    }
    assert shapes.to_json([]) == {"list": []}


def test_a_key_that_json_would_turn_into_text_is_refused():
    with pytest.raises(UsageError, match="dictionary with the key 0"):
        shapes.to_json({0: np.zeros(2)})


class Foreign(NamedTuple):
    """A type that a manifest cannot name."""

    x: object


@pytest.mark.parametrize("tree", [Foreign(LEAF), None, {"a": [3]}, "text"])
def test_what_is_no_tree_of_arrays_is_named(tree):
    with pytest.raises(UsageError, match="contains a (Foreign|NoneType|int|str): give"):
        shapes.to_json(tree)


@pytest.mark.parametrize(
    "edited",
    [
        {"shape": [-1], "dtype": "uint8"},
        {"shape": [1.0], "dtype": "uint8"},
        {"shape": 3, "dtype": "uint8"},
        {"shape": [1]},
        {"named": "Batch", "parts": []},
        {"named": "Foreign", "parts": [{"list": []}]},
        {"dict": []},
        {"list": [3]},
        {"set": []},
        3,
    ],
)
def test_what_was_edited_into_something_else_is_an_error(edited):
    with pytest.raises(ValueError, match="does not describe shapes"):
        shapes.from_json(edited)


def test_an_unknown_type_of_numbers_is_named():
    with pytest.raises(ValueError, match="'complex7' is not a dtype"):
        shapes.from_json({"shape": [1], "dtype": "complex7"})
