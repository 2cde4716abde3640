"""Sets of TensorFlow Datasets, prepared as array_record and read without TensorFlow."""

import difflib
import io
import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import tensorflow_datasets

from ganjax.data import image as images
from ganjax.data.source import Source, Spec
from ganjax.errors import Mistake
from ganjax.gan import Batch


PREFIX = "tfds:"


def tfds(spec: Spec) -> Source:
    """A prepared TFDS set that has a feature `image`; a `label` is its class.

    `split` is any that TFDS understands: 'train', 'train[:50%]', 'train+test'. Data is
    sought in TFDS_DATA_DIR or ~/tensorflow_datasets and never downloaded here.
    """
    prepared = builder(spec.where)
    if not is_prepared(prepared):
        raise Mistake(
            f"{spec.where} is not prepared in {data_dir()}: run `ganjax prepare "
            f"{spec.where}`."
        )
    classes = _classes(spec.where, dict(prepared.info.features.items()))
    rows = _rows(spec, prepared)
    if not len(rows):
        raise Mistake(f"{spec.where} holds no images in split {spec.split!r}.")
    labelled = bool(classes)
    shape = images.common(_headers(spec, rows, prepared.info.features["image"]), spec)

    def one(numbered: tuple[int, dict]) -> np.ndarray:
        number, record = numbered
        return images.decode(record["image"], _name(spec, number), spec)

    def read(numbers: np.ndarray) -> Batch:
        wanted = [int(number) for number in numbers]
        records = rows.__getitems__(wanted)
        label = [record["label"] if labelled else 0 for record in records]
        image = images.spread(one, list(zip(wanted, records, strict=True)))
        image = np.array(image, np.uint8).reshape(len(numbers), *shape)
        return Batch(image, np.array(label, np.int32))

    return Source(spec, len(rows), shape, np.dtype(np.uint8), classes, read)


def builder(where: str, **kwargs: Any) -> Any:
    """TFDS's builder of 'tfds:NAME[:config]'; a `Mistake` if there is no such set."""
    full = where.removeprefix(PREFIX)
    # TFDS itself writes NAME/config:version; the version keeps its colon.
    name = re.sub(r":(?!\d+\.\d+\.\d+$)", "/", full)
    try:
        with quietly():
            return tensorflow_datasets.builder(name, data_dir=data_dir(), **kwargs)
    except tensorflow_datasets.core.DatasetNotFoundError as error:
        known = tensorflow_datasets.list_builders(with_community_datasets=False)
        near = difflib.get_close_matches(name.split("/")[0], known, 3)
        raise Mistake(
            f"TensorFlow Datasets knows no set {full!r}: "
            + (f"did you mean {' or '.join(near)}?" if near else "check its name.")
        ) from error
    except (ValueError, RuntimeError, AssertionError) as error:
        reason = str(error).split('}": ')[-1].strip().split("\n")[0].rstrip(".:")
        raise Mistake(
            f"TensorFlow Datasets cannot open {full!r} ({reason}): give tfds:NAME or "
            "tfds:NAME:config."
        ) from error


def is_prepared(builder: Any) -> bool:
    """Whether the set lies on this disk."""
    with quietly():
        return builder.is_prepared()


def data_dir() -> str:
    """Where TFDS keeps its sets: TFDS_DATA_DIR, or its own default."""
    default = os.path.join("~", "tensorflow_datasets")
    return os.path.expanduser(os.environ.get("TFDS_DATA_DIR") or default)


@contextmanager
def quietly() -> Iterator[None]:
    """Without the remarks that TFDS logs about sets that are not there yet."""
    log = logging.getLogger("absl")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)


def _classes(where: str, features: dict[str, Any]) -> tuple[str, ...]:
    image = features.get("image")
    if not isinstance(image, tensorflow_datasets.features.Image):
        raise Mistake(
            f"{where} has no feature 'image' (it has {', '.join(sorted(features))}): "
            "choose a set of images."
        )
    if image.np_dtype not in (np.uint8, np.uint16):
        raise Mistake(
            f"The images of {where} are {image.np_dtype}, not uint8: choose "
            "another set."
        )
    label = features.get("label")
    if not isinstance(label, tensorflow_datasets.features.ClassLabel):
        return ()
    return tuple(label.names) if label.num_classes else ()


def _rows(spec: Spec, prepared: Any) -> Any:
    raw = {"image": tensorflow_datasets.decode.SkipDecoding()}
    try:
        return prepared.as_data_source(split=spec.split, decoders=raw)
    except NotImplementedError as error:
        raise Mistake(
            f"{spec.where} is prepared in a format that cannot be read by number: "
            f"remove {prepared.data_dir} and run `ganjax prepare {spec.where}`."
        ) from error
    except (ValueError, KeyError, AssertionError) as error:
        splits = ", ".join(prepared.info.splits)
        raise Mistake(
            f"{spec.where} has no split {spec.split!r}: its splits are {splits}, and "
            "parts of them such as train[:50%]."
        ) from error


def _headers(spec: Spec, rows: Any, image: Any) -> Iterator:
    height, width, channels = image.shape
    known = (spec.size or (height and width)) and (spec.channels or channels)
    last = 1 if known else len(rows)
    for start in range(0, last, 256):
        numbers = range(start, min(start + 256, last))
        for number, row in zip(numbers, rows.__getitems__(list(numbers)), strict=True):
            name = _name(spec, number)
            yield name, images.header(io.BytesIO(row["image"]), name)


def _name(spec: Spec, number: int) -> str:
    return f"example {number} of {spec.where} ({spec.split})"
