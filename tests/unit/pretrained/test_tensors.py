"""Files of named tensors that are good, damaged, or not to be trusted."""

import hashlib
import io
import sys
import urllib.request

import numpy as np
import pytest

from ganjax.errors import UsageError
from ganjax.pretrained import tensors


ARRAYS = {
    "a.weight": np.arange(6, dtype=np.float32).reshape(2, 3),
    "a.bias": np.zeros(2, np.float32),
}


def assert_equal(found, wanted):
    assert found.keys() == wanted.keys()
    for name, array in wanted.items():
        np.testing.assert_array_equal(found[name], array)


@pytest.fixture
def path(tmp_path):
    tensors.write(tmp_path / "net.safetensors", ARRAYS)
    return tmp_path / "net.safetensors"


def test_tensors_are_read_as_they_were_written(path):
    assert_equal(tensors.read(path), ARRAYS)
    assert_equal(
        tensors.read(str(path), hashlib.sha256(path.read_bytes()).hexdigest()), ARRAYS
    )
    assert [x.name for x in path.parent.iterdir()] == ["net.safetensors"]


def test_another_or_a_damaged_file_is_named(path):
    with pytest.raises(UsageError, match="sha256 differs"):
        tensors.read(path, "0" * 64)
    with pytest.raises(UsageError, match="no file"):
        tensors.read(path.parent / "other.safetensors")
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(UsageError, match="cannot be read as safetensors"):
        tensors.read(path)


def test_a_pickle_is_refused_with_the_way_out(path):
    pickled = path.with_suffix(".pkl")
    pickled.write_bytes(b"\x80\x04.")
    with pytest.raises(UsageError, match=r"safetensors\.torch\.save_file"):
        tensors.read(pickled)


def test_a_url_is_fetched_once_checked_and_kept(path, tmp_path, monkeypatch):
    monkeypatch.setenv("GANJAX_CACHE", str(tmp_path / "cache"))
    requests = []
    digest = hashlib.sha256(path.read_bytes()).hexdigest()

    def urlopen(url):
        requests.append(url)
        response = io.BytesIO(path.read_bytes())
        response.headers = {"Content-Length": str(path.stat().st_size)}
        return response

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    url = "https://example.org/there/net.safetensors"
    for _ in range(2):
        assert_equal(tensors.read(url, digest), ARRAYS)
    assert requests == [url]
    with pytest.raises(UsageError, match="another file"):
        tensors.read(url, "0" * 64)
    (kept,) = (tmp_path / "cache").rglob("*.safetensors")
    kept.write_bytes(b"damaged since")
    with pytest.raises(UsageError, match="sha256 differs"):
        tensors.read(url, digest)
    with pytest.raises(UsageError, match="only https"):
        tensors.read("http://example.org/net.safetensors")


def test_files_of_one_name_from_two_urls_are_not_confused(tmp_path, monkeypatch):
    monkeypatch.setenv("GANJAX_CACHE", str(tmp_path / "cache"))
    there = {}
    for number, place in enumerate(("one", "two")):
        tensors.write(tmp_path / f"{place}.safetensors", {"a": np.full(3, number)})
        contents = (tmp_path / f"{place}.safetensors").read_bytes()
        there[f"https://example.org/{place}/net.safetensors"] = contents

    def urlopen(url):
        response = io.BytesIO(there[url])
        response.headers = {}
        return response

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    # Without a digest only the URL tells them apart.
    for _ in range(2):
        assert [tensors.read(url)["a"][0] for url in there] == [0, 1]


def test_a_url_that_does_not_answer_is_named(tmp_path, monkeypatch):
    def urlopen(url):
        raise urllib.error.URLError("no route")

    monkeypatch.setenv("GANJAX_CACHE", str(tmp_path))
    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    with pytest.raises(UsageError, match="could not be fetched.*no route"):
        tensors.read("https://example.org/net.safetensors")


def test_a_missing_extra_is_named(path, monkeypatch):
    monkeypatch.setattr(tensors.importlib.util, "find_spec", lambda name: None)
    for name in (path, path.with_suffix(".pt")):
        name.touch()
        with pytest.raises(UsageError, match=r"ganjax\[released\]"):
            tensors.read(name)


def test_a_state_dict_is_read_without_running_code(tmp_path):
    torch = pytest.importorskip("torch")
    state = {name: torch.from_numpy(array) for name, array in ARRAYS.items()}
    torch.save(state, tmp_path / "a.pt")
    assert_equal(tensors.read(tmp_path / "a.pt"), ARRAYS)
    torch.save({"g": {"ema": state}, "step": 3}, tmp_path / "b.pth")
    assert_equal(tensors.read(tmp_path / "b.pth", part="g.ema"), ARRAYS)
    with pytest.raises(UsageError, match="no part d"):
        tensors.read(tmp_path / "b.pth", part="d")
    with pytest.raises(UsageError, match="holds no tensors but g, step"):
        tensors.read(tmp_path / "b.pth")


class Malicious:
    """An object whose unpickling runs code: it would exit."""

    def __reduce__(self):
        return sys.exit, ("it ran",)


def test_code_in_a_state_dict_does_not_run(tmp_path):
    torch = pytest.importorskip("torch")
    torch.save({"a": Malicious()}, tmp_path / "bad.pt")
    with pytest.raises(UsageError, match="without running code"):
        tensors.read(tmp_path / "bad.pt")


def test_views_in_other_orders_are_written_right(tmp_path):
    rows = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    views = {
        "turned": rows.transpose(2, 0, 1),
        "some": rows[:, ::2],
        "one": rows[0, 0, 0],
    }
    tensors.write(tmp_path / "views.safetensors", views)
    found = tensors.read(tmp_path / "views.safetensors")
    for name, view in views.items():
        np.testing.assert_array_equal(found[name], view)
        assert found[name].shape == view.shape
