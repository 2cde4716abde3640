"""Files of named tensors that are good, damaged, or not to be trusted."""

import hashlib
import io
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from ganjax.errors import UsageError
from ganjax.pretrained import tensors


FIXTURES = Path(__file__).parents[2] / "parity" / "fixtures"
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
    with pytest.raises(UsageError, match=r"ganjax\[released\]"):
        tensors.read(path)
    with pytest.raises(UsageError, match="This needs safetensors, an extra"):
        tensors.write(path, ARRAYS)


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


CHECKPOINTS = ("checkpoint.pt", "checkpoint_legacy.pth")


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_tensors_of_a_state_dict_are_read_as_float32(name):
    found = tensors.read(FIXTURES / name, part="g.ema")
    assert {x.dtype for x in found.values()} == {np.dtype(np.float32)}
    np.testing.assert_array_equal(found["bfloat16"], [[0, 1, 2], [3, 4, 5]])


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_a_part_of_a_checkpoint_is_found_by_its_keys(name):
    path = FIXTURES / name
    assert tensors.read(str(path), part="net")["0.weight"].shape == (3, 2)
    held = "g, step, net, parameter, list"
    held += ", module" * (name == "checkpoint.pt")
    assert tensors.read(path).keys() == {"parameter"}
    for part, said in (
        ("d", rf"{name} has no part d: it has {held}\."),
        ("g.d", rf"{name} has no part d: it has ema\."),
        ("g", rf"{name} holds no tensors but ema: name one as `part`"),
        ("step", rf"{name} holds no state dict but a int: name one as `part`"),
        ("list.0", rf"{name} holds no state dict but a list: name one as `part`"),
    ):
        with pytest.raises(UsageError, match=said):
            tensors.read(path, part=part)


def test_a_module_is_known_by_its_name_alone():
    with pytest.raises(
        UsageError, match=r"but torch\.nn\.modules\.container Sequential"
    ):
        tensors.read(FIXTURES / "checkpoint.pt", part="module")


def test_a_file_that_is_no_state_dict_is_refused_with_the_way_out(tmp_path):
    path = tmp_path / "a.pt"
    path.write_bytes(b"no checkpoint")
    said = r"a\.pt cannot be read without running code from it \(.*\): torch\.load it"
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
