"""Sets of TensorFlow Datasets, without TensorFlow and without a network."""

import gzip
import hashlib
import importlib
import importlib.util
import io
import logging
import shutil
import socket
import zlib
from pathlib import Path
from types import SimpleNamespace

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


# Sets that are only described, and whose records are made here


def png_of(value, size=(4, 5), mode="L"):
    file = io.BytesIO()
    Image.new(mode, size[::-1], value).save(file, "PNG")
    return file.getvalue()


def described(monkeypatch, sizes, records=None, shape=(4, 5, 1), **more):
    """A set with splits of some sizes; gives the splits and rows that were asked for."""
    features = tensorflow_datasets.features
    held = {
        "image": features.Image(shape=shape, dtype=more.get("dtype", np.uint8)),
        "label": more.get("label", features.ClassLabel(names=["cat", "dog"])),
    }
    asked = SimpleNamespace(splits=[], rows=[])

    class Stored(list):
        def __getitems__(self, rows):
            asked.rows.append(rows)
            return [self[row] for row in rows]

    def as_data_source(split, decoders):
        asked.splits.append(split)
        skips = tensorflow_datasets.decode.SkipDecoding
        assert isinstance(decoders["image"], skips) and len(decoders) == 1
        count = sizes.get(split.partition("[")[0], 0)
        made = [{"image": png_of(i), "label": i % 2} for i in range(count)]
        return Stored(made if records is None else records)

    info = SimpleNamespace(
        features=held,
        splits={name: SimpleNamespace(num_examples=n) for name, n in sizes.items()},
        full_name="set/1.0.0",
    )
    prepared = SimpleNamespace(
        info=info, as_data_source=as_data_source, is_prepared=lambda: True
    )
    monkeypatch.setattr(tfds, "builder", lambda where: prepared)
    return asked


SIZES = {"train": 6, "validation": 3}
DOMAINS = {"trainA": 6, "trainB": 5, "testA": 2, "testB": 4}


@pytest.mark.parametrize(
    "sizes, split, stored, held_out",
    [
        (SIZES, "train", "train", (3, "validation")),
        (SIZES, "train[:50%]", "train[:50%]", (3, "validation")),
        (SIZES, "test", "validation", (0, "")),
        (SIZES, "validation", "validation", (0, "")),
        ({**SIZES, "test": 2}, "train", "train", (2, "test")),
        ({**SIZES, "test": 2}, "val", "validation", (0, "")),
        ({"train": 6}, "train", "train", (0, "")),
        ({"train": 6}, "Training", "train", (0, "")),
        (DOMAINS, "trainA", "trainA", (2, "testA")),
        (DOMAINS, "trainB", "trainB", (4, "testB")),
        (DOMAINS, "valB", "testB", (0, "")),
    ],
)
def test_splits_are_found_under_their_own_names(
    monkeypatch, sizes, split, stored, held_out
):
    asked = described(monkeypatch, sizes)
    source = load(Spec("tfds:set", split=split))
    assert asked.splits == [stored] and source.report[:2] == held_out
    assert source.length == sizes[stored.partition("[")[0]]
    assert list(source.inventory()) == [f"set/1.0.0 {stored}"]


def test_a_split_without_records_is_refused(monkeypatch):
    described(monkeypatch, {"train": 0})
    with pytest.raises(UsageError, match="tfds:set holds no images in split 'train'"):
        load(Spec("tfds:set"))


def test_records_are_read_in_any_order_with_their_labels(monkeypatch):
    asked = described(monkeypatch, SIZES)
    source = load(Spec("tfds:set"))
    image, label = source.read(np.array([5, 0, 5, 2]))
    assert image[:, 0, 0, 0].tolist() == [5, 0, 5, 2] and image.shape[1:] == (4, 5, 1)
    assert label.tolist() == [1, 0, 1, 0] and label.dtype == np.int32
    assert asked.rows[-1] == [5, 0, 5, 2]  # all at once
    assert source.classes == ("cat", "dog")


@pytest.mark.parametrize(
    "label", [np.int64, tensorflow_datasets.features.ClassLabel(num_classes=0)]
)
def test_labels_without_names_of_classes_are_no_classes(monkeypatch, label):
    described(monkeypatch, SIZES, label=label)
    source = load(Spec("tfds:set"))
    assert source.classes == () and not read_all(source).label.any()


def test_images_of_8_and_16_bits_are_read_and_others_refused(monkeypatch):
    described(monkeypatch, SIZES, dtype=np.uint16)
    assert load(Spec("tfds:set")).shape == (4, 5, 1)
    described(monkeypatch, SIZES, dtype=np.float32)
    with pytest.raises(UsageError, match="of tfds:set are float32, not uint8: choose"):
        load(Spec("tfds:set"))


@pytest.mark.parametrize(
    "shape, fields, is_known",
    [
        ((4, 5, 1), {}, True),
        ((None, 5, 1), {}, False),
        ((4, None, 1), {}, False),
        ((4, 5, None), {}, False),
        ((4, 5, None), {"channels": 1}, True),
        ((None, None, 1), {"size": 4}, True),
        ((None, None, None), {"size": 4}, False),
        ((None, None, None), {"size": 4, "channels": 1}, True),
    ],
)
def test_headers_are_read_until_all_are_known_to_agree(
    monkeypatch, shape, fields, is_known
):
    monkeypatch.setattr(tfds, "CHUNK_ROWS", 4)
    asked = described(monkeypatch, SIZES, shape=shape)
    load(Spec("tfds:set", **fields))
    assert asked.rows == ([[0]] if is_known else [[0, 1, 2, 3], [4, 5]])


def test_all_broken_records_are_told_once_one_is_met(monkeypatch):
    whole = png_of(0, (40, 40))
    images = [png_of(0), b"no image", png_of(2), whole[:40], png_of(4)]
    records = [{"image": image, "label": 0} for image in images]
    described(monkeypatch, SIZES, records, shape=(None, None, 1))
    with pytest.raises(UsageError) as caught:
        load(Spec("tfds:set"))
    told = str(caught.value)
    assert told.startswith(
        "2 of the 5 images of tfds:set cannot be used (example 1 of "
    )
    assert "example 3 of tfds:set (train) (" in told
    described(monkeypatch, SIZES, records)  # of which only the first header is read
    source = load(Spec("tfds:set"))
    names = [error.file for error in find_unreadable(source)]
    assert names == [f"example {row} of tfds:set (train)" for row in (1, 3)]
    (error,) = source.find_errors(np.array([0, 3]))
    assert error.file == names[1]


def test_records_that_cannot_be_read_name_their_set(monkeypatch):
    described(monkeypatch, SIZES)
    source = load(Spec("tfds:set", split="train[:50%]"))
    with pytest.raises(FileError, match=r"^tfds:set \(train\[:50%\]\) cannot be read"):
        source.read(np.array([99]))


def test_an_inventory_is_of_records_from_the_first_to_the_last(monkeypatch):
    described(monkeypatch, SIZES)
    monkeypatch.setattr(tfds.digest, "MAX_SAMPLES", 2)
    crc = zlib.crc32(png_of(0) + png_of(5))
    assert load(Spec("tfds:set")).inventory() == {"set/1.0.0 train": f"6:{crc:08x}"}


@pytest.mark.parametrize(
    "where, name",
    [
        ("tfds:a", "a"),
        ("tfds:a:b", "a/b"),
        ("tfds:a:1.0.12", "a:1.0.12"),
        ("tfds:a:b:1.0.12", "a/b:1.0.12"),
        ("tfds:a:b-1.0", "a/b-1.0"),
        ("a:b", "a/b"),
    ],
)
def test_a_configuration_and_a_version_follow_the_name(monkeypatch, home, where, name):
    seen = []
    record = lambda name, **more: seen.append((name, more))
    monkeypatch.setattr(tensorflow_datasets, "builder", record)
    tfds.builder(where, file_format="array_record")
    assert seen == [(name, {"data_dir": str(home), "file_format": "array_record"})]


def test_sets_lie_at_home_unless_said_otherwise(monkeypatch):
    monkeypatch.setenv("HOME", "/home/of/someone")
    for value in (None, ""):
        if value is None:
            monkeypatch.delenv("TFDS_DATA_DIR")
        else:
            monkeypatch.setenv("TFDS_DATA_DIR", value)
        assert tfds.data_dir() == "/home/of/someone/tensorflow_datasets"
    monkeypatch.setenv("TFDS_DATA_DIR", "~/sets")
    assert tfds.data_dir() == "/home/of/someone/sets"


def test_what_tfds_logs_is_silenced_for_a_while():
    log = logging.getLogger("absl")
    level = log.level
    log.setLevel(logging.INFO)
    try:
        with pytest.raises(KeyError), tfds.quietly():
            assert not log.isEnabledFor(logging.WARNING)
            assert log.isEnabledFor(logging.ERROR)
            raise KeyError
        assert log.level == logging.INFO
    finally:
        log.setLevel(level)
