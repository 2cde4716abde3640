"""Where arrays are cached, and which of them are taken from there."""

import tempfile
from pathlib import Path

import numpy as np
import pytest

from ganjax.store import cache


ARRAYS = {"x": np.arange(6, dtype=np.int16).reshape(2, 3), "y": np.ones(4)}


def test_the_folder_is_the_setting_or_below_the_home_or_a_temporary_one(monkeypatch):
    monkeypatch.setenv("HOME", "/home/someone")
    monkeypatch.setenv("GANJAX_CACHE", "~/own")
    assert cache.folder() == Path("/home/someone/own")
    monkeypatch.setenv("GANJAX_CACHE", "")
    assert cache.folder() == Path("/home/someone/.cache/ganjax")

    def unknown():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", unknown)
    assert cache.folder() == Path(tempfile.gettempdir()) / "ganjax"


def test_arrays_come_back_as_they_were_saved_in_a_folder_that_is_made(tmp_path):
    path = tmp_path / "some" / "folder" / "x.npz"
    assert cache.load(path, ARRAYS) is None
    cache.save(path, ARRAYS)
    assert [file.name for file in path.parent.iterdir()] == ["x.npz"]
    like = {name: np.empty_like(array) for name, array in ARRAYS.items()}
    found = cache.load(path, like)
    assert found is not None and found.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(found[name], array, strict=True)


@pytest.mark.parametrize(
    "like",
    [
        ARRAYS | {"y": np.ones(4, np.float32)},
        ARRAYS | {"x": ARRAYS["x"].T},
        ARRAYS | {"z": np.ones(1)},
        {"x": ARRAYS["x"]},
        {"x": ARRAYS["x"], "w": ARRAYS["y"]},
    ],
    ids=["type", "shape", "one more", "one less", "name"],
)
def test_arrays_of_other_names_shapes_or_types_are_not_taken(tmp_path, like):
    cache.save(tmp_path / "x.npz", ARRAYS)
    with pytest.warns(UserWarning, match="x.npz holds other arrays than expected"):
        assert cache.load(tmp_path / "x.npz", like) is None


def test_objects_are_not_cached(tmp_path):
    with pytest.raises(ValueError, match="Object arrays cannot be saved"):
        cache.save(tmp_path / "x.npz", {"x": np.array([{}], dtype=object)})
    assert not list(tmp_path.iterdir())
