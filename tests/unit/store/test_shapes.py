"""Shapes come back from a manifest as they were, or are refused before it is written."""

import json

import jax
import numpy as np
import pytest

from ganjax.core import Batch, Masked
from ganjax.errors import UsageError
from ganjax.store import shapes


def test_every_node_and_leaf_comes_back_with_its_type():
    leaf = jax.ShapeDtypeStruct((4, 2), np.dtype(np.uint8))
    tree = Batch({"a": [leaf], "b": (leaf, Masked(leaf, leaf))}, leaf)
    text = json.dumps(shapes.to_json(tree))
    assert shapes.from_json(json.loads(text)) == tree


def test_a_key_that_json_would_turn_into_text_is_refused():
    with pytest.raises(UsageError, match="dictionary with the key 0"):
        shapes.to_json({0: np.zeros(2)})


@pytest.mark.parametrize(
    "edited", [{"shape": [-1], "dtype": "uint8"}, {"named": "Batch", "parts": []}, 3]
)
def test_what_was_edited_into_something_else_is_an_error(edited):
    with pytest.raises(ValueError, match="does not describe shapes"):
        shapes.from_json(edited)
