"""Checks before a download, and what its failures are called; nothing is downloaded."""

import gzip
import importlib
import importlib.util
import socket
import urllib.error
import urllib.request
from types import SimpleNamespace

import numpy as np
import pytest
import requests

from ganjax.data import prepare as module
from ganjax.data.prepare import prepare
from ganjax.errors import UsageError


class Builder:
    """What is asked of a builder of TFDS."""

    name = "set"
    BUILDER_CONFIGS = ()

    def __init__(self, download=0, unpacked=0, prepared=False, form="array_record"):
        self.info = SimpleNamespace(
            download_size=download,
            dataset_size=unpacked,
            file_format=SimpleNamespace(value=form),
        )
        self.url_infos = {
            "https://one.org/a": SimpleNamespace(size=100),
            "https://two.org/b": SimpleNamespace(size=50),
        }
        self.data_dir = "/where/it/is"
        self.prepared = prepared
        self.configs = []
        self.error = None

    def is_prepared(self):
        return self.prepared

    def download_and_prepare(self, download_config):
        self.configs.append(download_config)
        if self.error:
            raise self.error


@pytest.fixture(autouse=True)
def machine(tmp_path, monkeypatch):
    """Room on the disk, and hosts that resolve; gives what was asked of them."""
    asked = SimpleNamespace(hosts=[], folders=[], free=10**12)

    def usage(folder):
        asked.folders.append(folder)
        return SimpleNamespace(free=asked.free)

    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "none" / "yet"))
    monkeypatch.setattr(module.shutil, "disk_usage", usage)
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, port: asked.hosts.append((host, port))
    )
    monkeypatch.setattr(urllib.request, "getproxies", dict)
    return asked


def prepared(monkeypatch, builder, manual_dir=""):
    monkeypatch.setattr(module, "_builder", lambda name: builder)
    return prepare("tfds:set", manual_dir)


def test_a_set_is_downloaded_once_its_host_is_known(monkeypatch, machine):
    builder = Builder()
    assert prepared(monkeypatch, builder) == "/where/it/is"
    (config,) = builder.configs
    assert config.manual_dir is None and config.try_download_gcs is False
    assert machine.hosts == [("one.org", 443)]


def test_nothing_is_done_for_a_set_that_is_prepared(monkeypatch, machine):
    machine.free = 0
    builder = Builder(prepared=True)
    assert prepared(monkeypatch, builder) == "/where/it/is"
    assert not builder.configs and not machine.hosts
    with pytest.raises(UsageError, match="set is prepared as tfrecord in /where/it/is"):
        prepared(monkeypatch, Builder(prepared=True, form="tfrecord"))


@pytest.mark.parametrize("why", ["by hand", "downloaded", "proxy", "no address"])
def test_the_network_is_not_asked_for_where_it_may_not_be_needed(
    monkeypatch, machine, tmp_path, why
):
    builder = Builder()
    if why == "downloaded":
        (tmp_path / "none" / "yet" / "downloads" / "set").mkdir(parents=True)
    elif why == "proxy":
        monkeypatch.setattr(urllib.request, "getproxies", lambda: {"https": "x"})
    elif why == "no address":
        builder.url_infos = None
    prepared(monkeypatch, builder, str(tmp_path) if why == "by hand" else "")
    assert not machine.hosts and len(builder.configs) == 1


def test_files_fetched_by_hand_are_looked_for_at_home(monkeypatch, tmp_path):
    (tmp_path / "mine").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    builder = Builder()
    prepared(monkeypatch, builder, "~/mine")
    assert str(builder.configs[0].manual_dir) == str(tmp_path / "mine")
    with pytest.raises(UsageError, match="no folder ~/other: give the one with the"):
        prepared(monkeypatch, builder, "~/other")


@pytest.mark.parametrize(
    "builder, need",
    [
        (Builder(download=100, unpacked=250), 350),
        (Builder(download=100), 200),
        (Builder(unpacked=30), 180),
        (Builder(), 300),
    ],
)
def test_there_is_room_for_what_is_downloaded_and_what_is_made_of_it(
    monkeypatch, machine, tmp_path, builder, need
):
    machine.free = need
    prepared(monkeypatch, builder)
    assert machine.folders == [tmp_path]  # the next folder above that there is
    machine.free = need - 1
    says = rf"set needs 0.0 GB and {tmp_path} has 0.0 GB free: make room"
    with pytest.raises(UsageError, match=says):
        prepared(monkeypatch, builder)


def test_sizes_of_all_variants_do_not_tell_that_of_one(monkeypatch, machine):
    machine.free = 0
    builder = Builder()
    builder.BUILDER_CONFIGS = ("one", "other")
    prepared(monkeypatch, builder)
    builder.url_infos = None
    prepared(monkeypatch, builder)


@pytest.mark.parametrize(
    "error, says",
    [
        (requests.ConnectionError("x"), r"downloaded \(ConnectionError\): try again"),
        (urllib.error.URLError("x"), r"downloaded \(URLError\): try again"),
        (TimeoutError(), r"downloaded \(TimeoutError\): try again"),
        (OSError("No  space\nleft"), "set could not be prepared: No space left$"),
        (EOFError("cut off"), "set could not be prepared: cut off$"),
        (ValueError("y" * 300), f"set could not be prepared: {'y' * 200}$"),
        (AssertionError("odd"), "set could not be prepared: odd$"),
        (module.zlib.error("torn"), "set could not be prepared: torn$"),
    ],
)
def test_a_download_that_fails_is_one_sentence(monkeypatch, error, says):
    builder = Builder()
    builder.error = error
    with pytest.raises(UsageError, match=says):
        prepared(monkeypatch, builder)


def test_a_host_that_cannot_be_reached_is_named(monkeypatch):
    def offline(*_):
        raise socket.gaierror("no name")

    monkeypatch.setattr(socket, "getaddrinfo", offline)
    with pytest.raises(UsageError, match=r"\(one.org cannot be reached\): .*--manual"):
        prepared(monkeypatch, Builder())


def idx(array, kind=8):
    head = bytes([0, 0, kind, array.ndim]) + np.array(array.shape, ">i4").tobytes()
    return head + array.tobytes()


@pytest.mark.parametrize("shape", [(5,), (2, 3, 4), (300, 1, 2)])
def test_files_of_mnist_hold_axes_and_then_bytes(tmp_path, shape):
    array = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(idx(array)))
    np.testing.assert_array_equal(module.read_idx(path), array)
    for wrong in (idx(array, 9), b"\1" + idx(array)[1:], b"\0\1" + idx(array)[2:]):
        path.write_bytes(gzip.compress(wrong))
        with pytest.raises(ValueError, match=r"x.gz is not an IDX file of bytes"):
            module.read_idx(path)


def test_each_split_is_made_of_its_own_files():
    made = module.idx_builder(module.IDX["mnist"])
    builder = object.__new__(made)
    asked = []

    def download(urls):
        asked.append(urls)
        return {
            split: [url.rpartition("/")[2] for url in urls[split]] for split in urls
        }

    builder._generate_examples = lambda *pair: pair
    found = builder._split_generators(SimpleNamespace(download=download))
    assert found == {
        "train": ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
        "test": ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
    }
    urls = [url for pair in asked[0].values() for url in pair]
    assert set(urls) == set(module.IDX["mnist"].url_infos)


@pytest.mark.parametrize("where", ["tfds:cifar10", "tfds:mnist"])
def test_a_set_is_prepared_in_the_format_that_is_read_by_number(monkeypatch, where):
    made = []

    def make(*given, **more):
        made.append(more.get("file_format"))
        return Builder()

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: "TensorFlow")
    monkeypatch.setattr(module.tfds, "builder", make)
    monkeypatch.setattr(module, "idx_builder", lambda stock: make)
    prepare(where)
    assert made == [None, "array_record"]


def test_what_is_prepared_already_needs_no_tensorflow(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(
        module.tfds, "builder", lambda name, **more: Builder(prepared=not more)
    )
    assert prepare("tfds:cifar10") == "/where/it/is"
