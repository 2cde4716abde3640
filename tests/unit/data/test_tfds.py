"""Sets of TensorFlow Datasets, without TensorFlow and without a network."""

import gzip
import hashlib
import importlib
import importlib.util
import shutil
import socket
from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets
from PIL import Image

from ganjax.data import (
    Spec,
    describe,
    find_unreadable,
    load,
    prepare as module,
    read_all,
    tfds,
)
from ganjax.data.prepare import prepare
from ganjax.errors import FileError, NoSplit, UsageError


RNG = np.random.default_rng(0)
SQUARE = RNG.integers(0, 256, (6, 8, 8, 3), np.uint8)


class Tiny(tensorflow_datasets.core.GeneratorBasedBuilder, skip_registration=True):
    """Six images of 8x8 to train on, and two of different sizes to test on."""

    VERSION = tensorflow_datasets.core.Version("1.0.0")
    pkg_dir_path = Path(__file__).parent

    def _info(self):
        features = {
            "image": tensorflow_datasets.features.Image(shape=(None, None, 3)),
            "label": tensorflow_datasets.features.ClassLabel(names=["cat", "dog"]),
        }
        return tensorflow_datasets.core.DatasetInfo(
            builder=self, features=tensorflow_datasets.features.FeaturesDict(features)
        )

    def _split_generators(self, dl_manager):
        return {"train": self._of(SQUARE), "test": self._of([SQUARE[0], SQUARE[0, :5]])}

    def _of(self, images):
        for i, image in enumerate(images):
            yield i, {"image": Image.fromarray(image), "label": i % 2}

    def _generate_examples(self):
        raise NotImplementedError


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def tiny(home):
    Tiny(data_dir=home, file_format="array_record").download_and_prepare()
    return "tfds:tiny"


def test_a_prepared_set_gives_back_its_images(tiny):
    source = load(Spec(tiny))
    image, label = read_all(source)
    assert source.length == 6 and source.shape == (8, 8, 3)
    assert source.classes == ("cat", "dog") and image.dtype == np.uint8
    order = [int((SQUARE == one).all((1, 2, 3)).argmax()) for one in image]
    assert sorted(order) == list(range(6))
    np.testing.assert_array_equal(label, np.array(order) % 2)
    rows = np.array([5, 0, 5])
    np.testing.assert_array_equal(source.read(rows).x, image[rows])


def test_splits_are_those_of_tfds(tiny):
    assert load(Spec(tiny, split="train[:50%]")).length == 3
    assert load(Spec(tiny, split="train+test", size=8)).length == 8
    with pytest.raises(NoSplit, match="no split 'extra': its splits are train, test"):
        load(Spec(tiny, split="extra"))
    with pytest.raises(UsageError) as caught:  # it is there, but cannot be read so
        load(Spec(tiny, split="train[:x%]"))
    assert not isinstance(caught.value, NoSplit)


def test_sizes_that_differ(tiny):
    with pytest.raises(UsageError, match="example 1 of tfds:tiny .* bring them to one"):
        load(Spec(tiny, split="test"))
    image = read_all(load(Spec(tiny, split="test", size=4, channels=1))).x
    assert image.shape == (2, 4, 4, 1)


def test_a_set_that_is_not_prepared(home):
    with pytest.raises(
        UsageError, match="not prepared in .* run `ganjax prepare tfds:mn"
    ):
        load(Spec("tfds:mnist"))
    assert not list(home.iterdir())


def test_a_set_that_is_prepared_as_tfrecord(tiny, home):
    info = home / "tiny" / "1.0.0" / "dataset_info.json"
    info.write_text(info.read_text().replace("array_record", "tfrecord"))
    with pytest.raises(
        UsageError, match="cannot be read by number: remove .*/tiny/1.0.0"
    ):
        load(Spec(tiny))


@pytest.mark.parametrize(
    "where, says",
    [
        ("tfds:fashion_mnits", "did you mean fashion_mnist"),
        ("tfds:zzzzzz", "knows no set 'zzzzzz': check its name"),
        ("tfds:cifar10_corrupted:nope", "BuilderConfig nope not found"),
        ("tfds:mnist:9.9.9", "cannot be loaded at version 9.9.9"),
        ("tfds:", "cannot open ''"),
    ],
)
def test_wrong_names(where, says):
    with pytest.raises(UsageError, match=says):
        load(Spec(where))


class Rows(list):
    def __getitems__(self, numbers):
        return [self[number] for number in numbers]


def mocked(monkeypatch, where, record, **fields):
    monkeypatch.setattr(tfds, "is_prepared", lambda builder: True)
    rows = Rows([record] * 4)
    with tensorflow_datasets.testing.mock_data(as_data_source_fn=lambda *_, **__: rows):
        return load(Spec(where, **fields))


def png(mode):
    image = Image.fromarray(SQUARE[0]).resize((32, 32)).convert(mode)
    path = tfds.data_dir() + "/one.png"
    image.save(path)
    return Path(path).read_bytes()


def test_published_sets_by_their_features(monkeypatch):
    record = {"image": png("RGB"), "label": 7, "id": b""}
    source = mocked(monkeypatch, "tfds:cifar10", record)
    assert source.shape == (32, 32, 3) and len(source.classes) == 10
    assert read_all(source).label.tolist() == [7] * 4


def test_a_set_without_classes_and_one_without_images(monkeypatch):
    source = mocked(monkeypatch, "tfds:celeb_a", {"image": png("RGB")}, size=16)
    assert source.classes == () and read_all(source).x.shape == (4, 16, 16, 3)
    with pytest.raises(UsageError, match="no feature 'image' .it has label, text"):
        mocked(monkeypatch, "tfds:imdb_reviews", {})


def idx(array):
    head = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes()
    return gzip.compress(head + array.tobytes())


@pytest.fixture
def by_hand(home, monkeypatch):
    """The four files of fashion_mnist, with checksums of our own making."""
    folder = home / "by-hand"
    folder.mkdir()
    for part, n in (("train", 5), ("t10k", 3)):
        image = RNG.integers(0, 256, (n, 28, 28), np.uint8)
        (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(idx(image))
        label = np.arange(n, dtype=np.uint8)
        (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(idx(label))
    infos = {}
    for url, info in module.IDX["fashion_mnist"].url_infos.items():
        data = (folder / info.filename).read_bytes()
        checksum = hashlib.sha256(data).hexdigest()
        infos[url] = type(info)(len(data), checksum, info.filename)
    make = module.idx_builder

    def with_our_checksums(stock):
        made = make(stock)
        made.url_infos = infos
        return made

    monkeypatch.setattr(module, "idx_builder", with_our_checksums)
    return folder


def test_fashion_mnist_from_files_fetched_by_hand(by_hand):
    where = prepare("tfds:fashion_mnist", str(by_hand))
    assert where == prepare("fashion_mnist")
    source = load(Spec("tfds:fashion_mnist", split="test"))
    assert source.shape == (28, 28, 1) and source.classes[0] == "T-shirt/top"
    assert sorted(read_all(source).label.tolist()) == [0, 1, 2]
    stored = gzip.decompress((by_hand / "t10k-images-idx3-ubyte.gz").read_bytes())[16:]
    assert read_all(source).x.astype(int).sum() == sum(stored)


def test_a_file_that_is_not_the_published_one(by_hand):
    name = "t10k-labels-idx1-ubyte.gz"
    (by_hand / name).write_bytes(idx(np.array([0, 0, 0], np.uint8)))
    with pytest.raises(UsageError, match="checksum differs.: download it again"):
        prepare("fashion_mnist", str(by_hand))
    (by_hand / name).unlink()
    with pytest.raises(UsageError, match=f"lacks {name}: put the four files"):
        prepare("fashion_mnist", str(by_hand))
    with pytest.raises(UsageError, match="no folder /nowhere"):
        prepare("fashion_mnist", "/nowhere")


def test_prepare_without_tensorflow_network_or_room(monkeypatch):
    def offline(*_):
        raise socket.gaierror("no name")

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(socket, "getaddrinfo", offline)
    with pytest.raises(UsageError, match=r"pip install 'ganjax\[prepare\]'"):
        prepare("tfds:cifar10")
    with pytest.raises(UsageError, match="could not be downloaded .* --manual-dir"):
        prepare("tfds:mnist")
    full = lambda folder: type("Usage", (), {"free": 1000})
    monkeypatch.setattr(shutil, "disk_usage", full)
    with pytest.raises(UsageError, match="needs 0.1 GB .* set TFDS_DATA_DIR"):
        prepare("tfds:fashion_mnist")


def test_what_tfds_holds_out_is_counted_and_all_that_is_broken_told(tiny, monkeypatch):
    source = load(Spec(tiny))
    assert (source.report.held_out, source.report.held_out_name) == (2, "test")
    told = describe(source)
    assert told == "6 images of 8x8x3 in 2 classes (cat, dog), 2 held out (test)."
    assert find_unreadable(source) == []
    decode = tfds.image_files.decode

    def refuse(data, name, spec):
        if "example 1 " in name or "example 4 " in name:
            message = f"{name} cannot be read as an image (it is cut off): repair it."
            raise FileError(message, name, "(it is cut off)")
        return decode(data, name, spec)

    monkeypatch.setattr(tfds.image_files, "decode", refuse)
    with pytest.raises(
        UsageError, match="^2 of the 6 images of tfds:tiny cannot be used"
    ):
        read_all(source)


def test_an_inventory_of_tfds_tells_splits_and_contents(tiny):
    seen = [
        load(Spec(tiny, 8, split=s)).inventory() for s in ("train", "test", "train")
    ]
    assert seen[0] == seen[2] != seen[1]
    assert list(seen[0]) == ["tiny/1.0.0 train"]
    assert seen[0]["tiny/1.0.0 train"].startswith("6:")
