"""What a run keeps of itself and of its data."""

import copy
import gzip
import json
from pathlib import Path

import jax
import numpy as np
import pytest

from ganjax.core import Batch, Turns
from ganjax.errors import UsageError
from ganjax.store import shapes
from ganjax.store.manifest import (
    INVENTORY,
    MANIFEST,
    example_shapes,
    num_seeds,
    read_inventory,
    read_manifest,
    turn_shapes,
    write_inventory,
    write_manifest,
)


def struct(*shape, dtype=np.uint8):
    return jax.ShapeDtypeStruct(shape, np.dtype(dtype))


# D plays 3 turns of 5 examples, G one of 7.
D = Batch({"a": struct(3, 5, 4, 2), "b": struct(3, 5, dtype=np.float32)}, struct(3, 5))
G = Batch({"a": struct(7, 4, 2), "b": struct(7, dtype=np.float32)}, struct(7))
WHOLE = {
    "experiment": "dcgan",
    "args": {"run": {"seeds": 4, "posthoc_ema": [0.05, 1]}, "lr": 1e-3},
    "data": {"where": "mnist"},
    "examples": 60000,
    "classes": ["0", "1"],
    "shapes": shapes.to_json(Turns(D, G)),
}


def edited(path, value):
    """The manifest with one value changed, by the keys that lead there, or removed."""
    manifest = inner = copy.deepcopy(WHOLE)
    *outer, last = path.split(".")
    for name in outer:
        inner = inner[name]
    if value is None:
        del inner[last]
    else:
        inner[last] = value
    return manifest


def test_a_manifest_is_read_as_it_was_written_in_lines(tmp_path):
    write_manifest(tmp_path, WHOLE)
    assert read_manifest(tmp_path) == WHOLE
    text = (tmp_path / "run.json").read_text()
    assert text.endswith("\n}\n") and '\n "experiment": "dcgan",\n' in text


@pytest.mark.parametrize(
    ("path", "value"),
    [
        *((name, None) for name in WHOLE),
        ("experiment", 3),
        ("args", []),
        ("args.run", None),
        ("args.run", []),
        ("args.run.seeds", "4"),
        ("args.run.posthoc_ema", 0.1),
        ("args.run.posthoc_ema", [0.1, "0.2"]),
        ("data", "mnist"),
        ("data.where", None),
        ("data.where", 3),
        ("examples", "60000"),
        ("classes", {}),
        ("shapes", []),
        ("shapes", shapes.to_json(G)),
        ("shapes", {"named": "Turns"}),
    ],
)
def test_a_manifest_without_what_commands_need_is_damaged_unless_parts_suffice(
    tmp_path, path, value
):
    write_manifest(tmp_path, edited(path, value))
    with pytest.raises(UsageError, match=r"run\.json is damaged"):
        read_manifest(tmp_path)
    assert read_manifest(tmp_path, complete=False) == edited(path, value)


@pytest.mark.parametrize(
    ("path", "value"),
    [("args.run", {}), ("args.run.posthoc_ema", []), ("args.lr", None), ("new", 1)],
)
def test_arguments_of_other_versions_may_be_missing_or_more(tmp_path, path, value):
    write_manifest(tmp_path, edited(path, value))
    assert read_manifest(tmp_path) == edited(path, value)


def test_what_is_no_manifest_is_told_apart_from_a_damaged_one(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    for folder in (tmp_path, tmp_path / "gone", tmp_path / "file"):
        with pytest.raises(UsageError, match=r"is not a run: it has no run\.json"):
            read_manifest(folder)
    for text in ("{", "[]", "3", "[" * 10**5):
        (tmp_path / MANIFEST).write_text(text)
        with pytest.raises(UsageError, match=r"run\.json is damaged"):
            read_manifest(tmp_path, complete=False)

    def fail(path, encoding):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", fail)
    with pytest.raises(UsageError, match=r"run\.json cannot be read \(Permission"):
        read_manifest(tmp_path)


def test_a_run_has_one_seed_unless_its_manifest_says_more():
    assert num_seeds(WHOLE) == 4
    for manifest in (
        {},
        {"args": 3},
        {"args": {}},
        {"args": {"run": [7]}},
        {"args": {"run": {}}},
        {"args": {"run": {"seeds": "7"}}},
    ):
        assert num_seeds(manifest) == 1


def test_shapes_of_turns_and_of_one_example_are_those_of_the_manifest():
    assert turn_shapes(WHOLE) == Turns(D, G)
    assert example_shapes(WHOLE) == {"a": struct(4, 2), "b": struct(dtype=np.float32)}


def test_the_inventory_is_the_same_file_for_the_same_data(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
        write_inventory(tmp_path / name, {"x.png": "3:1f"})
    one, other = ((tmp_path / name / INVENTORY).read_bytes() for name in "ab")
    assert one == other and json.loads(gzip.decompress(one)) == {"x.png": "3:1f"}
    assert one[4:8] == bytes(4), "no time is written"
    assert read_inventory(tmp_path / "a") == {"x.png": "3:1f"}
    (tmp_path / "a" / INVENTORY).write_bytes(one[:5])
    assert read_inventory(tmp_path / "a") is None


def test_an_inventory_that_is_missing_or_spoilt_is_none(tmp_path):
    assert read_inventory(tmp_path) is None
    whole = gzip.compress(b'{"x.png": "3:1f"}')
    middle = len(whole) // 2
    for data in (
        b"{}",
        whole[:-9],
        whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :],
        gzip.compress(b"{"),
        gzip.compress(b'["x.png"]'),
    ):
        (tmp_path / INVENTORY).write_bytes(data)
        assert read_inventory(tmp_path) is None
