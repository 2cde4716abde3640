"""What is read of a save to tell whether it is intact."""

import errno
import json
import os
import shutil
from pathlib import Path

import jax.numpy as jnp
import pytest

from ganjax.store import readback
from ganjax.store.checkpoint import open_saves, save
from tests.helpers.damage import flip, largest


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A save of two arrays, to be copied."""
    folder = tmp_path_factory.mktemp("whole")
    saves = open_saves(folder)
    save(saves, 1, {"params": {"w": jnp.arange(300.0)}, "step": jnp.int32(7)})
    saves.orbax.close()
    return folder / "1"


@pytest.fixture
def copy(whole, tmp_path):
    return Path(shutil.copytree(whole, tmp_path / "1"))


def edit(path, change):
    """Changes a JSON file by hand."""
    value = json.loads(path.read_text())
    path.write_text(json.dumps(change(value) or value))


@pytest.mark.parametrize(
    "change",
    [
        lambda listed: listed.pop("contents") and None,
        lambda listed: listed.pop("digests") and None,
        lambda listed: listed.update(contents=3),
        lambda listed: [listed],
    ],
)
def test_a_save_without_a_list_of_its_arrays_cannot_be_judged(copy, change):
    edit(copy / "check" / "metadata", change)
    assert readback.find_problem(copy) == "its list of arrays cannot be read"
    (copy / "check" / "metadata").unlink()
    assert readback.find_problem(copy) == "its list of arrays cannot be read"


@pytest.mark.parametrize("name", ["_CHECKPOINT_METADATA", "state/_METADATA"])
def test_a_file_that_orbax_needs_is_named_if_it_is_gone_or_torn(copy, name):
    assert readback.find_problem(copy) == ""
    for data in (b'{"a', b"\xff", b"[" * 10**5, None):
        (copy / name).unlink() if data is None else (copy / name).write_bytes(data)
        assert readback.find_problem(copy) == f"its file {name} cannot be read"


def test_files_that_describe_a_sharding_and_shapes_are_read_if_they_are_there(copy):
    (copy / "state" / "_sharding").unlink(missing_ok=True)
    assert readback.find_problem(copy) == ""
    (copy / "state" / "_sharding").write_text("{")
    assert readback.find_problem(copy) == "its file state/_sharding cannot be read"
    (copy / "state" / "_sharding").write_text("{}")
    (shapes,) = (copy / "state" / "array_metadatas").iterdir()
    shapes.write_text("")
    said = f"its file state/array_metadatas/{shapes.name} cannot be read"
    assert readback.find_problem(copy) == said


def test_a_description_that_lacks_an_array_is_not_of_this_save(copy):
    def rename(tree):
        edited = json.dumps(tree["tree_metadata"]).replace('"w"', '"v"')
        tree["tree_metadata"] = json.loads(edited)

    edit(copy / "state" / "_METADATA", rename)
    assert "state/_METADATA does not describe" in readback.find_problem(copy)
    for odd in ({}, [], {"tree_metadata": 3}, {"tree_metadata": {"a": []}}):
        (copy / "state" / "_METADATA").write_text(json.dumps(odd))
        assert "state/_METADATA does not describe" in readback.find_problem(copy)


def test_an_array_that_is_listed_and_not_stored_is_missing(copy, monkeypatch):
    listed = json.loads((copy / "check" / "metadata").read_text())
    listed["contents"]["more"] = "int32[]"
    (copy / "check" / "metadata").write_text(json.dumps(listed))
    described = readback._array_names(copy / "state" / "_METADATA")
    assert described == {"params.w", "step"}
    monkeypatch.setattr(readback, "_array_names", lambda path: described | {"more"})
    assert readback.find_problem(copy, arrays=False) == "more is missing"


def test_arrays_are_compared_with_their_digests_only_if_asked(copy):
    def alter(listed):
        listed["digests"]["params.w"] = "0" * 64

    edit(copy / "check" / "metadata", alter)
    assert readback.find_problem(copy, arrays=False) == ""
    assert readback.find_problem(copy) == "params.w is not what was saved"

    def shard(listed):
        listed["digests"]["params.w"] = ""  # as of an array of several processes

    edit(copy / "check" / "metadata", shard)
    assert readback.find_problem(copy) == ""
    flip(largest(copy / "state" / "d"))
    assert readback.find_problem(copy).startswith("an array cannot be read (")
    assert "\n" not in readback.find_problem(copy)


def test_a_save_is_apart_only_if_its_parts_have_no_common_index(copy):
    assert not readback.is_unjoined(copy)
    (copy / "state" / "manifest.ocdbt").unlink()
    assert readback.is_unjoined(copy)
    assert readback.find_problem(copy) == readback.NOT_JOINED
    readback.join_parts(copy)
    assert readback.find_problem(copy) == ""
    for part in readback._parts(copy / "state"):
        shutil.rmtree(part)
    (copy / "state" / "manifest.ocdbt").unlink()
    assert not readback.is_unjoined(copy), "there is nothing to be joined"
    assert not readback.is_unjoined(copy / "gone")


def test_errors_that_may_go_away_do_not_count_as_damage(copy, monkeypatch):
    def fail(*rest):
        raise ValueError(f"INTERNAL: {os.strerror(number)} [while reading]")

    monkeypatch.setattr(readback, "_read_array", fail)
    for number in (errno.EIO, errno.EMFILE, errno.ENOMEM, errno.EACCES, errno.EPERM):
        with pytest.raises(OSError, match=os.strerror(number)) as told:
            readback.find_problem(copy)
        assert (told.value.errno, told.value.filename) == (number, str(copy))
    number = errno.EINVAL
    assert readback.find_problem(copy).startswith("an array cannot be read (INTERNAL")


def test_too_little_memory_does_not_count_as_damage_and_other_errors_do(tmp_path):
    for error in (MemoryError(), ValueError("RESOURCE_EXHAUSTED: no room")):
        with pytest.raises(OSError, match="Cannot allocate memory") as told:
            readback.raise_if_temporary(error, tmp_path)
        assert told.value.errno == errno.ENOMEM and told.value.__cause__ is error
    for error in (ValueError("DATA_LOSS"), FileNotFoundError(2, os.strerror(2))):
        readback.raise_if_temporary(error, tmp_path)


def test_letters_that_no_path_of_a_save_may_have_are_named(tmp_path, monkeypatch):
    assert readback.unsafe_characters(tmp_path / "a]b*c?d[e\\f") == "*?[]\\"
    assert readback.unsafe_characters(tmp_path / "{a} ~b") == ""
    (tmp_path / "[x").mkdir()
    monkeypatch.chdir(tmp_path / "[x")
    assert readback.unsafe_characters(Path("run")) == "["
