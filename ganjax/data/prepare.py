"""Downloads a data set of TensorFlow Datasets once and stores it as array_record.

TFDS prepares data sets with TensorFlow, a large dependency for a mere download. MNIST and
Fashion-MNIST are published in a simple format that NumPy can read, so they are prepared
without TensorFlow.
"""

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

from ganjax.data import tfds
from ganjax.data.source import TFDS_PREFIX
from ganjax.data.tfds import data_dir, is_prepared, quietly
from ganjax.errors import UsageError


# Data sets in MNIST's IDX format, with TFDS's own builders.
IDX = {"mnist": mnist.MNIST, "fashion_mnist": mnist.FashionMNIST}
IDX_FILES = {
    "train": ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
    "test": ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
}


def prepare(where: str, manual_dir: str = "") -> str:
    """Prepares a data set of TFDS, so that `load` can read it.

    mnist and fashion_mnist are prepared without TensorFlow, all others need it. Nothing is
    done for a data set that is prepared already.

    Args:
        where: 'tfds:NAME' or 'tfds:NAME:config'.
        manual_dir: a folder with files that were downloaded by hand and have the names
            under which they are published. Their checksums are verified.

    Returns:
        The folder that the data set is in.

    Raises:
        UsageError: there is no such data set, TensorFlow is missing, the disk is full, the
            network cannot be reached, or files are missing or damaged.
    """
    name = where.removeprefix(TFDS_PREFIX)
    _check_manual(name, manual_dir)
    builder = _builder(name)
    if not is_prepared(builder):
        _check_disk(name, builder)
        _check_network(name, builder, manual_dir)
        _download_and_prepare(name, builder, manual_dir)
    file_format = builder.info.file_format.value
    # Training reads rows in any order, but TFRecord can only be read in sequence.
    if file_format != "array_record":
        raise UsageError(
            f"{name} is prepared as {file_format} in {builder.data_dir}: remove that "
            "folder and prepare it again."
        )
    return str(builder.data_dir)


def idx_builder(stock: Any) -> Any:
    """Returns a TFDS builder of a data set in MNIST's format that needs no TensorFlow.

    Args:
        stock: TFDS's own builder class, whose name, version, features, URLs and checksums
            are kept.
    """

    # TFDS registers every builder class by its name, where this one would replace its own.
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
                return {
                    split: self._generate_examples(*pair)
                    for split, pair in paths.items()
                }

            def _generate_examples(self, image_path, label_path):
                images, labels = read_idx(image_path), read_idx(label_path)
                for i, (image, label) in enumerate(zip(images, labels, strict=True)):
                    yield i, {"image": Image.fromarray(image), "label": int(label)}

    return Builder


def read_idx(path: str | os.PathLike) -> np.ndarray:
    """Reads a gzipped IDX file of bytes (LeCun, 1998).

    Returns uint8 images [n, h, w] or labels [n].
    """
    data = gzip.decompress(Path(path).read_bytes())
    # The file has two zero bytes, the type of the values (8 is uint8), the number of axes,
    # their lengths as big-endian integers, and the values.
    axes = data[3]
    if data[:2] != b"\0\0" or data[2] != 8:
        raise ValueError(f"{path} is not an IDX file of bytes")
    shape = np.frombuffer(data, ">i4", axes, offset=4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * axes).reshape(shape)


def _builder(name: str) -> Any:
    if name in IDX:
        make = partial(idx_builder(IDX[name]), data_dir=data_dir())
    else:
        make = partial(tfds.builder, name)
    # If the data set is already prepared, in whatever format, it is not prepared again.
    existing = make()
    if is_prepared(existing):
        return existing
    if name not in IDX and importlib.util.find_spec("tensorflow") is None:
        raise UsageError(
            f"Preparing {name} needs TensorFlow (reading it does not): run "
            "`pip install 'ganjax[prepare]'`."
        )
    return make(file_format="array_record")


# These checks save the user from hours of downloading that must fail in the end.
def _check_manual(name: str, manual_dir: str) -> None:
    if not manual_dir:
        return
    folder = Path(manual_dir).expanduser()
    if not folder.is_dir():
        raise UsageError(
            f"There is no folder {manual_dir}: give the one with the files."
        )
    files = [file for pair in IDX_FILES.values() for file in pair]
    missing = [f for f in files if name in IDX and not (folder / f).is_file()]
    if missing:
        raise UsageError(
            f"{manual_dir} lacks {', '.join(missing)}: put the four files of {name} "
            "into it, gzipped as published."
        )


def _check_disk(name: str, builder: Any) -> None:
    # A builder with several configurations has the URLs of all of them, whose sizes do not
    # tell that of one.
    urls = () if builder.BUILDER_CONFIGS else (builder.url_infos or {}).values()
    download = int(builder.info.download_size) or sum(int(url.size) for url in urls)
    need = download + (int(builder.info.dataset_size) or download)
    folder = Path(data_dir())
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if need > free:
        raise UsageError(
            f"{name} needs {need / 1e9:.1f} GB and {folder} has {free / 1e9:.1f} GB "
            "free: make room, or set TFDS_DATA_DIR to another disk."
        )


def _check_network(name: str, builder: Any, manual_dir: str) -> None:
    # TFDS itself would retry for minutes. Behind a proxy, names of hosts need not resolve.
    is_downloaded = Path(data_dir(), "downloads", builder.name).exists()
    has_proxy = bool(urllib.request.getproxies())
    if manual_dir or is_downloaded or has_proxy or not builder.url_infos:
        return
    host = urlparse(next(iter(builder.url_infos))).hostname or ""
    try:
        socket.getaddrinfo(host, 443)
    except OSError as error:
        raise UsageError(_offline(name, f"{host} cannot be reached")) from error


def _offline(name: str, reason: str) -> str:
    return (
        f"{name} could not be downloaded ({reason}): try again with a network, or "
        "download its files by hand and give their folder with --manual-dir."
    )


def _download_and_prepare(name: str, builder: Any, manual_dir: str) -> None:
    manual = str(Path(manual_dir).expanduser()) if manual_dir else None
    config = DownloadConfig(manual_dir=manual, try_download_gcs=False)
    try:
        with quietly():
            builder.download_and_prepare(download_config=config)
    except NonMatchingChecksumError as error:
        raise UsageError(
            f"A file of {name} is not the one that was published (its checksum "
            "differs): download it again."
        ) from error
    except (requests.RequestException, urllib.error.URLError, TimeoutError) as error:
        raise UsageError(_offline(name, type(error).__name__)) from error
    except (OSError, EOFError, ValueError, AssertionError, zlib.error) as error:
        reason = " ".join(str(error).split())[:200]
        raise UsageError(f"{name} could not be prepared: {reason}") from error
