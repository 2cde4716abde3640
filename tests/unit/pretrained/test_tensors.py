"""Files of named tensors that are good, damaged, or not to be trusted."""

import hashlib
import io
import sys
import urllib.request
from importlib.machinery import ModuleSpec
from types import ModuleType

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

    def urlopen(url, timeout):
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

    def urlopen(url, timeout):
        response = io.BytesIO(there[url])
        response.headers = {}
        return response

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    # Without a digest only the URL tells them apart.
    for _ in range(2):
        assert [tensors.read(url)["a"][0] for url in there] == [0, 1]


def test_a_url_that_does_not_answer_is_named(tmp_path, monkeypatch):
    def urlopen(url, timeout):
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
    with pytest.raises(UsageError, match="This needs safetensors, an extra"):
        tensors.write(path, ARRAYS)


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


class Tensor:
    """In place of PyTorch's: an array that has a type of its own."""

    def __init__(self, array):
        self.array = np.asarray(array)

    def float(self):
        return Tensor(self.array.astype(np.float32))

    def numpy(self):
        return self.array


@pytest.fixture
def torch(monkeypatch):
    """In place of PyTorch: it reads what a test puts into `saved`."""

    def read(path, *, map_location, weights_only):
        assert (map_location, weights_only) == ("cpu", True)
        if isinstance(torch.saved, Exception):
            raise torch.saved
        return torch.saved

    torch = ModuleType("torch")
    torch.__spec__ = ModuleSpec("torch", None)
    torch.Tensor, torch.load = Tensor, read
    monkeypatch.setitem(sys.modules, "torch", torch)
    return torch


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".bin"])
def test_tensors_of_a_state_dict_are_read_as_float32(torch, tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    path.touch()
    weight = np.arange(6, dtype=np.float16).reshape(2, 3)
    torch.saved = {"weight": Tensor(weight), "steps": Tensor([3]), "name": "net"}
    found = tensors.read(path)
    assert found.keys() == {"weight", "steps"}
    np.testing.assert_array_equal(found["weight"], np.float32(weight), strict=True)
    np.testing.assert_array_equal(found["steps"], np.float32([3]), strict=True)


def test_a_part_of_a_checkpoint_is_found_by_its_keys(torch, tmp_path):
    path = tmp_path / "a.pt"
    path.touch()
    g, d = {"weight": Tensor([1.0])}, {"weight": Tensor([2.0])}
    torch.saved = {"g": {"ema": d, "now": g}, "step": 3, 7: None, "list": [d]}
    assert tensors.read(path, part="g.now")["weight"] == 1
    assert tensors.read(str(path), part="g.ema")["weight"] == 2
    for part, said in (
        ("d", r"a\.pt has no part d: it has g, step, 7, list\."),
        ("g.d", r"a\.pt has no part d: it has ema, now\."),
        ("", r"a\.pt holds no tensors but g, step, 7, list: name one as `part`"),
        ("g", r"a\.pt holds no tensors but ema, now: name"),
        ("step", r"a\.pt holds no state dict but a int: name one as `part`"),
        ("list.0", r"a\.pt holds no state dict but a list: name one as `part`"),
    ):
        with pytest.raises(UsageError, match=said):
            tensors.read(path, part=part)


def test_a_state_dict_that_would_run_code_is_refused_with_the_way_out(torch, tmp_path):
    path = tmp_path / "a.pt"
    path.touch()
    torch.saved = RuntimeError("Weights only load failed.")
    said = r"a\.pt cannot be read without running code from it \(RuntimeError\): torch"
    with pytest.raises(UsageError, match=said):
        tensors.read(path)
    with pytest.raises(UsageError, match="sha256 differs"):
        tensors.read(path, sha256="0" * 64)


def test_the_beginning_of_a_digest_is_enough(path):
    tensors.write(path, ARRAYS)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert_equal(tensors.read(path, digest[:8]), ARRAYS)
    assert_equal(tensors.read(path, digest[:8].upper()), ARRAYS)
    other = "0" if digest[8] != "0" else "1"
    with pytest.raises(UsageError, match="sha256 differs"):
        tensors.read(path, digest[:8] + other)
    for wrong in (digest[:7], f"{digest}0", "not a digest"):
        with pytest.raises(UsageError, match="is no sha256 digest: give 8 to 64"):
            tensors.read(path, wrong)


def test_a_long_download_is_read_in_pieces_and_a_wrong_one_is_not_kept(
    path, tmp_path, monkeypatch
):
    monkeypatch.setenv("GANJAX_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(tensors, "CHUNK", 7)
    data = path.read_bytes()

    def urlopen(url, timeout):
        response = io.BytesIO(data)
        response.headers = {"Content-Length": "0"}
        return response

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    url = "https://example.org/there/net.safetensors?download=true"
    with pytest.raises(UsageError, match="gave another file than asked for"):
        tensors.read(url, "0" * 64)
    kept = lambda: [x for x in (tmp_path / "cache").rglob("*") if x.is_file()]
    assert kept() == []
    assert_equal(tensors.read(url, hashlib.sha256(data).hexdigest()), ARRAYS)
    (file,) = kept()
    assert file.name == "net.safetensors" and file.read_bytes() == data
    assert file.parents[1] == tmp_path / "cache" / "weights"


def test_a_download_that_is_cut_off_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("GANJAX_CACHE", str(tmp_path / "cache"))

    class Cut(io.BytesIO):
        headers = {"Content-Length": "9"}  # noqa: RUF012

        def read(self, size):
            if not self.tell():
                return super().read(3)
            raise ConnectionResetError("the connection was reset")

    monkeypatch.setattr(
        urllib.request, "urlopen", lambda *args, **kwargs: Cut(b"123456789")
    )
    with pytest.raises(UsageError, match=r"could not be fetched .the connection"):
        tensors.read("https://example.org/net.safetensors")
    assert not [x for x in (tmp_path / "cache").rglob("*") if x.is_file()]
