"""Streams of random numbers have names, of which no two collide."""

import ast
from collections import Counter
from zlib import crc32

import jax
import numpy as np

from ganjax.core import stream
from tests.helpers.processes import ROOT


FILES = sorted((ROOT / "ganjax").rglob("*.py"))
TREES = {path: ast.parse(path.read_text()) for path in FILES}
FIRST = 2**20  # rows of a batch and parts of a split key have lower numbers


def takers() -> dict[str, int]:
    """Functions with a parameter `stream` or `stream_name`, and its place."""
    found = {"stream": 1}
    for tree in TREES.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                names = [argument.arg for argument in node.args.args]
                for name in {"stream", "stream_name"} & set(names):
                    own = names[0] == "self"
                    found[node.name] = names.index(name) - own
    return found


def names() -> list[str]:
    """The name of each stream, as often as it is written."""
    places, found = takers(), []
    for tree in TREES.values():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            place = places.get(called, len(node.args))
            given = node.args[place] if place < len(node.args) else None
            if isinstance(given, ast.Constant) and isinstance(given.value, str):
                found.append(given.value)
    return found


def test_every_stream_is_drawn_from_in_one_place():
    counted = Counter(names())
    assert counted.keys() >= {"path_length", "interpolation", "present", "unrolled"}
    assert len(counted) >= 12 and set(counted.values()) == {1}


def test_no_two_names_have_one_number_and_none_is_that_of_a_row():
    numbers = {name: crc32(name.encode()) for name in names()}
    assert len(set(numbers.values())) == len(numbers)
    assert min(numbers.values()) > FIRST


def test_streams_differ_and_differ_from_what_a_key_is_split_into():
    key = jax.random.key(0)
    drawn = [jax.random.normal(stream(key, name)) for name in names()]
    drawn += [jax.random.normal(part) for part in jax.random.split(key, 64)]
    assert len(set(np.asarray(drawn).tolist())) == len(drawn)


def test_no_key_is_folded_with_a_number_that_is_written_down():
    """Such numbers meet in silence; a stream has a name."""
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(
                "fold_in"
            ):
                assert not isinstance(node.args[1], ast.Constant), path
