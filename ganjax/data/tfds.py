"""Data sets of TensorFlow Datasets, read without TensorFlow.

TFDS reads data sets that are prepared in its format array_record by row, without importing
TensorFlow. `prepare` downloads and prepares them; this module only reads what is there.
Images stay encoded until a row is read, and are decoded like all others (`image_files`);
texts are read as a whole.
"""

import difflib
import io
import logging
import os
import re
import zlib
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import tensorflow_datasets
from jaxtyping import UInt8

from ganjax.core import Batch
from ganjax.data import digest, image_files, splits
from ganjax.data.files import reading
from ganjax.data.source import (
    TFDS_PREFIX,
    LoadReport,
    Source,
    Spec,
    example_struct,
    unreadable_files_error,
)
from ganjax.errors import FileError, NoSplit, UsageError


CHUNK_ROWS = 256  # records that are read at once to look at their headers


def tfds(spec: Spec) -> Source:
    """Returns a data set of TFDS that is prepared on this machine.

    It has a feature `image`; if it also has a feature `label`, that is the class. It is
    looked up in TFDS_DATA_DIR or ~/tensorflow_datasets, and never downloaded here.

    Args:
        spec: `where` is 'tfds:NAME[:config]'. `split` is any that TFDS understands:
            'train', 'train[:50%]', 'train+test'. What is held out may have another name
            in the data set, such as 'validation' for 'test'.

    Raises:
        NoSplit: the data set has no such split.
        UsageError: there is no such data set, it is not prepared, it has no images of 8 or
            16 bits, or they differ in size or channels.
    """
    prepared = _open_prepared(spec.where)
    classes = _classes(spec.where, dict(prepared.info.features.items()))
    # `sizes` has complete splits only. Parts such as train[:50%] are left to TFDS.
    sizes = {name: info.num_examples for name, info in prepared.info.splits.items()}
    split = _stored_name(spec.split, sizes)
    # Images stay encoded until they are needed.
    raw = {"image": tensorflow_datasets.decode.SkipDecoding()}
    data_source = _data_source(spec, prepared, split, raw)
    length = len(data_source)
    if not length:
        raise UsageError(f"{spec.where} holds no images in split {spec.split!r}.")

    def records(rows: list[int]) -> list[dict]:
        with reading(f"{spec.where} ({spec.split})"):
            return data_source.__getitems__(rows)

    def decode(numbered: tuple[int, dict]) -> UInt8[np.ndarray, "h w c"]:
        row, record = numbered
        return image_files.decode(record["image"], _row_name(spec, row), spec)

    def numbered_records(rows: np.ndarray) -> list[tuple[int, dict]]:
        # One call reads all records; threads then share the decoding.
        numbers = [int(row) for row in rows]
        return list(zip(numbers, records(numbers), strict=True))

    def find_errors(rows: np.ndarray) -> list[FileError]:
        return image_files.file_errors(decode, numbered_records(rows))

    feature = prepared.info.features["image"]
    shapes = _stored_shapes(spec, length, records, feature, find_errors)
    shape = image_files.common_shape(shapes, spec)

    def read(rows: np.ndarray) -> Batch:
        numbered = numbered_records(rows)
        label = [record["label"] if classes else 0 for _, record in numbered]
        image = image_files.parallel_batch(decode, numbered, shape)
        return Batch(image, np.array(label, np.int32))

    def inventory() -> dict[str, str]:
        # Published data sets differ in their version. Some contents are hashed as well, as
        # a data set of one's own may change without a new version.
        crc = 0
        samples = digest.evenly_spaced(list(range(length)), digest.MAX_SAMPLES)
        for record in records(samples):
            crc = zlib.crc32(record["image"], crc)
        name = f"{prepared.info.full_name} {split}"
        return {name: digest.entry(length, crc)}

    report = LoadReport()
    # A part of the training split has the same held-out split as all of it.
    base = splits.parse_exact(spec.split.partition("[")[0])
    if base and base.kind == "train":
        held_out = _stored_name(f"test{base.domain}", sizes)
        count = sizes.get(held_out, 0)
        report = LoadReport(count, held_out if count else "")
    return Source(
        spec=spec,
        length=length,
        example=example_struct(shape),
        classes=classes,
        read=read,
        report=report,
        inventory=inventory,
        find_errors=find_errors,
    )


def read_texts(where: str) -> tuple[list[str], list[str]]:
    """Returns the texts of a data set of TFDS that is prepared on this machine.

    Args:
        where: 'tfds:NAME[:config]' of a set with a feature `text`. Its classes, if it has
            any, are not read.

    Returns:
        Those of its split to train on, and those of the one that is held out: none where
        there is no such split.

    Raises:
        UsageError: there is no such data set, it is not prepared, or it has no texts.
    """
    prepared = _open_prepared(where)
    features = dict(prepared.info.features.items())
    if not isinstance(features.get("text"), tensorflow_datasets.features.Text):
        raise UsageError(
            f"{where} has no feature 'text' (it has {', '.join(sorted(features))}): "
            "choose a set of texts."
        )
    stored = list(prepared.info.splits)
    names = [_stored_name(kind, stored) for kind in ("train", "test")]
    found: list[list[str]] = []
    for name in names:
        rows = [] if name not in stored else _records(where, name, prepared)
        found.append([row["text"].decode(errors="replace") for row in rows])
    return found[0], found[1]


def _records(where: str, split: str, prepared: Any) -> list[dict]:
    data_source = _data_source(Spec(where, split=split), prepared, split, {})
    with reading(f"{where} ({split})"):
        return data_source.__getitems__(list(range(len(data_source))))


def _open_prepared(where: str) -> Any:
    """Returns the builder of a data set, or raises a `UsageError` if it is not here."""
    prepared = builder(where)
    if not is_prepared(prepared):
        raise UsageError(
            f"{where} is not prepared in {data_dir()}: run `ganjax prepare {where}`."
        )
    return prepared


def builder(where: str, **kwargs: Any) -> Any:
    """Returns TFDS's builder of a data set.

    Args:
        where: 'tfds:NAME', 'tfds:NAME:config', or either with ':1.0.0', its version.
        **kwargs: further arguments of `tensorflow_datasets.builder`.

    Raises:
        UsageError: TFDS knows no such data set, or cannot open it.
    """
    full = where.removeprefix(TFDS_PREFIX)
    # TFDS itself writes NAME/config:version; the version keeps its colon.
    name = re.sub(r":(?!\d+\.\d+\.\d+$)", "/", full)
    try:
        with quietly():
            return tensorflow_datasets.builder(name, data_dir=data_dir(), **kwargs)
    except tensorflow_datasets.core.DatasetNotFoundError as error:
        names = tensorflow_datasets.list_builders(with_community_datasets=False)
        similar = difflib.get_close_matches(name.split("/")[0], names, 3)
        advice = (
            f"did you mean {' or '.join(similar)}?" if similar else "check its name."
        )
        raise UsageError(
            f"TensorFlow Datasets knows no set {full!r}: {advice}"
        ) from error
    except (ValueError, RuntimeError, AssertionError) as error:
        # Some messages begin with the arguments of the builder, which end in this way.
        reason = str(error).split('}": ')[-1].strip().split("\n")[0].rstrip(".:")
        raise UsageError(
            f"TensorFlow Datasets cannot open {full!r} ({reason}): give tfds:NAME or "
            "tfds:NAME:config."
        ) from error


def is_prepared(builder: Any) -> bool:
    """Returns whether the data set of a TFDS builder is on this disk."""
    with quietly():
        return builder.is_prepared()


def data_dir() -> str:
    """Returns the folder of TFDS: TFDS_DATA_DIR, or its own default."""
    default = os.path.join("~", "tensorflow_datasets")
    return os.path.expanduser(os.environ.get("TFDS_DATA_DIR") or default)


@contextmanager
def quietly() -> Iterator[None]:
    """Silences what TFDS logs about data sets that are not prepared yet."""
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
        raise UsageError(
            f"{where} has no feature 'image' (it has {', '.join(sorted(features))}): "
            "choose a set of images."
        )
    stored: Any = image.np_dtype
    if stored not in (np.uint8, np.uint16):
        raise UsageError(
            f"The images of {where} are {np.dtype(stored)}, not uint8: choose another set."
        )
    label = features.get("label")
    if not isinstance(label, tensorflow_datasets.features.ClassLabel):
        return ()
    return tuple(label.names) if label.num_classes else ()


def _stored_name(split: str, stored: Collection[str]) -> str:
    """Returns what a data set calls the split that is asked for as `split`.

    That is one of the names in `stored`, or else `split` itself.
    """
    wanted = splits.parse_exact(split)
    if split in stored or wanted is None:
        return split
    for kind in splits.LOOKUP_ORDER[wanted.kind]:
        for name in stored:
            parsed = splits.parse_exact(name)
            if parsed and (parsed.kind, parsed.domain) == (kind, wanted.domain):
                return name
    return split


def _data_source(
    spec: Spec, prepared: Any, split: str, decoders: dict[str, Any]
) -> Any:
    """Returns the rows of a split, with features decoded as `decoders` say."""
    try:
        return prepared.as_data_source(split=split, decoders=decoders)
    except NotImplementedError as error:
        raise UsageError(
            f"{spec.where} is prepared in a format that cannot be read by number: "
            f"remove {prepared.data_dir} and run `ganjax prepare {spec.where}`."
        ) from error
    except (ValueError, KeyError, AssertionError) as error:
        names = list(prepared.info.splits)
        # In "train[:x]" the split exists, and only the part of it is wrong.
        is_absent = re.split(r"[\[+]", split)[0] not in names
        raise (NoSplit if is_absent else UsageError)(
            f"{spec.where} has no split {spec.split!r}: its splits are "
            f"{', '.join(names)}, and parts of them such as train[:50%]."
        ) from error


def _stored_shapes(
    spec: Spec,
    length: int,
    records: Callable[[list[int]], list[dict]],
    feature: Any,
    find_errors: Callable[[np.ndarray], list[FileError]],
) -> list[tuple[str, image_files.Shape]]:
    """Returns the name and shape of each image, or of one if all are known to agree."""
    height, width, channels = feature.shape
    is_known = (spec.size or (height and width)) and (spec.channels or channels)
    end = 1 if is_known else length
    shapes = []
    for start in range(0, end, CHUNK_ROWS):
        rows = list(range(start, min(start + CHUNK_ROWS, end)))
        for row, record in zip(rows, records(rows), strict=True):
            name = _row_name(spec, row)
            file = io.BytesIO(record["image"])
            try:
                shapes.append((name, image_files.stored_shape(file, name)))
            except FileError as error:
                # After one broken image, all others are looked for, too.
                errors = find_errors(np.arange(length)) or [error]
                raise unreadable_files_error(spec.where, length, errors) from None
    return shapes


def _row_name(spec: Spec, row: int) -> str:
    return f"example {row} of {spec.where} ({spec.split})"
