"""Inventories: by what a resumed run sees that its data has changed."""

import zlib

import numpy as np
import pytest

from ganjax.data import digest
from ganjax.data.files import Files


def test_the_entry_of_an_array_tells_shape_dtype_and_every_value():
    values = np.arange(1200, dtype=np.int32).reshape(30, 40)
    other = values.copy()
    other[29, 39] += 1
    early = values.copy()
    early[0, 0] += 1
    arrays = [values, other, early, values.reshape(40, 30), values.view(np.float32)]
    entries = [digest.array(array) for array in arrays]
    assert len(set(entries)) == 5
    assert all(entry.startswith("4800:") for entry in entries)


def test_the_entry_of_an_array_does_not_depend_on_how_it_lies_in_memory():
    values = np.arange(12, dtype=np.int32).reshape(3, 4)
    np.testing.assert_array_equal(
        digest.array(values.T), digest.array(np.array(values.T, order="C"))
    )


def test_the_entry_of_an_array_is_that_of_earlier_versions():
    """Else no run could be resumed by a newer one."""
    assert digest.array(np.arange(3, dtype="<i4")) == "12:0d4ded13"


def test_a_checksum_has_eight_digits():
    assert digest.entry(5, 0x1C) == "5:0000001c"


def listing(contents):
    return Files(
        names=[*contents],
        folders=[],
        others={},
        notes=(),
        open=lambda name: pytest.fail("only checksums are asked for"),
        display_name=str,
        size=lambda name: len(contents[name]),
        crc=lambda name: zlib.crc32(contents[name]),
    )


@pytest.mark.parametrize("limit, all_hashed", [(10, True), (9, False)])
def test_of_a_large_set_only_some_files_are_hashed(monkeypatch, limit, all_hashed):
    contents = {"a/x": b"1234", "a/y": b"123", "a/z": b"ab", "a/w": b"c"}
    monkeypatch.setattr(digest, "MAX_HASHED_BYTES", limit)
    monkeypatch.setattr(digest, "MAX_SAMPLES", 2)
    keys = {name: name.removeprefix("a/") for name in contents}
    found = digest.files(listing(contents), keys)
    hashed = contents if all_hashed else ("a/x", "a/w")
    assert found == {
        key: f"{len(contents[name])}:"
        + (f"{zlib.crc32(contents[name]):08x}" if name in hashed else "")
        for name, key in keys.items()
    }


@pytest.mark.parametrize(
    "count, wanted", [(1, [0]), (2, [0, 9]), (4, [0, 3, 6, 9]), (10, [*range(10)])]
)
def test_samples_are_evenly_spaced_from_the_first_to_the_last(count, wanted):
    assert digest.evenly_spaced([*range(10)], count) == wanted
    assert digest.evenly_spaced([*range(10)], 99) == [*range(10)]
