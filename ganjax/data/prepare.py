"""Fetches a set of TensorFlow Datasets once and stores it as array_record."""

import gzip
import importlib.util
import os
import shutil
import socket
import urllib.error
import urllib.request
import zlib
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlparse

import numpy as np
import requests
from PIL import Image
from tensorflow_datasets.core import registered
from tensorflow_datasets.core.download.download_manager import (
    DownloadConfig,
    NonMatchingChecksumError,
)
from tensorflow_datasets.image_classification import mnist

from ganjax.data.tfds import PREFIX, builder, data_dir, is_prepared, quietly
from ganjax.errors import Mistake


IDX = {"mnist": mnist.MNIST, "fashion_mnist": mnist.FashionMNIST}
IDX_FILES = {
    "train": ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
    "test": ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
}


def prepare(where: str, manual_dir: str = "") -> str:
    """Prepares 'tfds:NAME[:config]' to be read by `load`; returns the folder it is in.

    `manual_dir` holds files that were downloaded by hand, under their own names, and
    their checksums are verified. mnist and fashion_mnist need no TensorFlow, all other
    sets do. Raises a `Mistake` where a person can help: name, disk, network, files.
    """
    name = where.removeprefix(PREFIX)
    _check_manual(name, manual_dir)
    maker = _builder(name)
    if not is_prepared(maker):
        _check_disk(name, maker)
        _check_network(name, maker, manual_dir)
        _make(name, maker, manual_dir)
    kind = maker.info.file_format.value
    if kind != "array_record":
        raise Mistake(
            f"{name} is prepared as {kind} in {maker.data_dir}: remove that folder and "
            "prepare it again."
        )
    return str(maker.data_dir)


def idx_builder(stock: Any) -> Any:
    """TFDS's builder of a set in MNIST's format, reading with NumPy and not TensorFlow.

    Name, version, features, URLs and checksums are those of `stock`.
    """

    with registered.skip_registration():

        class Builder(stock):
            name = stock.name
            url_infos = stock.url_infos

            def _split_generators(self, dl_manager):
                urls = {
                    split: [urljoin(self.URL, file) for file in files]
                    for split, files in IDX_FILES.items()
                }
                paths = dl_manager.download(urls)
                return {s: self._generate_examples(*pair) for s, pair in paths.items()}

            def _generate_examples(self, image_path, label_path):
                images, labels = read_idx(image_path), read_idx(label_path)
                for i, (image, label) in enumerate(zip(images, labels, strict=True)):
                    yield i, {"image": Image.fromarray(image), "label": int(label)}

    return Builder


def read_idx(path: str | os.PathLike) -> np.ndarray:
    """The bytes in a gzipped IDX file: [n, h, w] images or [n] labels (LeCun, 1998)."""
    data = gzip.decompress(Path(path).read_bytes())
    zero, kind, dims = data[:2], data[2], data[3]
    if zero != b"\0\0" or kind != 8:
        raise ValueError(f"{path} is not an IDX file of bytes")
    shape = np.frombuffer(data, ">i4", dims, offset=4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * dims).reshape(shape)


def _builder(name: str):
    if name in IDX:
        make = partial(idx_builder(IDX[name]), data_dir=data_dir())
    else:
        make = partial(builder, name)
    found = make()
    if is_prepared(found):
        return found
    if name not in IDX and importlib.util.find_spec("tensorflow") is None:
        raise Mistake(
            f"Preparing {name} needs TensorFlow (reading it does not): run "
            "`pip install 'ganjax[prepare]'`."
        )
    return make(file_format="array_record")


def _check_manual(name: str, manual_dir: str) -> None:
    if not manual_dir:
        return
    folder = Path(manual_dir).expanduser()
    if not folder.is_dir():
        raise Mistake(f"There is no folder {manual_dir}: give the one with the files.")
    files = [file for pair in IDX_FILES.values() for file in pair]
    missing = [f for f in files if name in IDX and not (folder / f).is_file()]
    if missing:
        raise Mistake(
            f"{manual_dir} lacks {', '.join(missing)}: put the four files of {name} "
            "into it, gzipped as published."
        )


def _check_disk(name: str, maker) -> None:
    known = (maker.url_infos or {}).values() if not maker.BUILDER_CONFIGS else ()
    download = int(maker.info.download_size) or sum(int(url.size) for url in known)
    need = download + (int(maker.info.dataset_size) or download)
    folder = Path(data_dir())
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if need > free:
        raise Mistake(
            f"{name} needs {need / 1e9:.1f} GB and {folder} has {free / 1e9:.1f} GB "
            "free: make room, or set TFDS_DATA_DIR to another disk."
        )


def _check_network(name: str, maker, manual_dir: str) -> None:
    # TFDS itself would go on trying for minutes.
    cached = Path(data_dir(), "downloads", maker.name).exists()
    if manual_dir or cached or urllib.request.getproxies() or not maker.url_infos:
        return
    host = urlparse(next(iter(maker.url_infos))).hostname or ""
    try:
        socket.getaddrinfo(host, 443)
    except OSError as error:
        raise Mistake(_offline(name, f"{host} cannot be reached")) from error


def _offline(name: str, reason: str) -> str:
    return (
        f"{name} could not be downloaded ({reason}): try again with a network, or "
        "download its files by hand and give their folder with --manual-dir."
    )


def _make(name: str, maker, manual_dir: str) -> None:
    manual = str(Path(manual_dir).expanduser()) if manual_dir else None
    config = DownloadConfig(manual_dir=manual, try_download_gcs=False)
    try:
        with quietly():
            maker.download_and_prepare(download_config=config)
    except NonMatchingChecksumError as error:
        raise Mistake(
            f"A file of {name} is not the one that was published (its checksum "
            "differs): download it again."
        ) from error
    except (requests.RequestException, urllib.error.URLError, TimeoutError) as error:
        raise Mistake(_offline(name, type(error).__name__)) from error
    except (OSError, EOFError, ValueError, AssertionError, zlib.error) as error:
        reason = " ".join(str(error).split())[:200]
        raise Mistake(f"{name} could not be prepared: {reason}") from error
