"""Sets of TensorFlow Datasets, prepared as array_record and read without TensorFlow."""

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

from ganjax.data import digest, image as images, splits
from ganjax.data.files import blaming, fault
from ganjax.data.source import Found, Source, Spec, broken_files
from ganjax.errors import Mistake, NoSplit
from ganjax.gan import Batch


PREFIX = "tfds:"


def tfds(spec: Spec) -> Source:
    """A prepared TFDS set that has a feature `image`; a `label` is its class.

    `split` is any that TFDS understands: 'train', 'train[:50%]', 'train+test'; what is
    held out may have another name, such as 'validation' for 'test'. Data is sought in
    TFDS_DATA_DIR or ~/tensorflow_datasets and never downloaded here.
    """
    prepared = builder(spec.where)
    if not is_prepared(prepared):
        raise Mistake(
            f"{spec.where} is not prepared in {data_dir()}: run `ganjax prepare "
            f"{spec.where}`."
        )
    classes = _classes(spec.where, dict(prepared.info.features.items()))
    sizes = {name: each.num_examples for name, each in prepared.info.splits.items()}
    split = _known(spec.split, sizes)
    rows = _rows(spec, split, prepared)
    if not len(rows):
        raise Mistake(f"{spec.where} holds no images in split {spec.split!r}.")
    labelled = bool(classes)

    def records(numbers: list[int]) -> list[dict]:
        with blaming(f"{spec.where} ({spec.split})"):
            return rows.__getitems__(numbers)

    def decoded(number: int, record: dict) -> np.ndarray:
        return images.decode(record["image"], _name(spec, number), spec)

    def faults(numbers: np.ndarray) -> list[str]:
        wanted = [int(number) for number in numbers]
        pairs = list(zip(wanted, records(wanted), strict=True))
        told = images.spread(lambda pair: fault(lambda: decoded(*pair)), pairs)
        return [sentence for sentence in told if sentence]

    image = prepared.info.features["image"]
    shape = images.common(_headers(spec, len(rows), records, image, faults), spec)

    def read(numbers: np.ndarray) -> Batch:
        wanted = [int(number) for number in numbers]
        chosen = records(wanted)
        label = [record["label"] if labelled else 0 for record in chosen]
        pairs = list(zip(wanted, chosen, strict=True))
        image = images.spread(lambda pair: decoded(*pair), pairs)
        image = np.array(image, np.uint8).reshape(len(numbers), *shape)
        return Batch(image, np.array(label, np.int32))

    def inventory() -> dict[str, str]:
        # The version tells sets apart; some contents besides, as one's own set may
        # change without a new version.
        crc = 0
        for record in records(digest.evenly(list(range(len(rows))), digest.PICKED)):
            crc = zlib.crc32(record["image"], crc)
        name = f"{prepared.info.full_name} {split}"
        return {name: digest.digest(len(rows), crc)}

    found = Found()
    base = splits.exact(spec.split.partition("[")[0])
    if base and base.kind == "train":
        held_out = _known(f"test{base.domain}", sizes)
        found = Found(sizes.get(held_out, 0), held_out if sizes.get(held_out) else "")
    return Source(
        spec=spec,
        length=len(rows),
        shape=shape,
        dtype=np.dtype(np.uint8),
        classes=classes,
        read=read,
        found=found,
        inventory=inventory,
        faults=faults,
    )


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


def _known(split: str, there: Collection[str]) -> str:
    """The name by which a set has the split, or `split` itself if it has none."""
    wanted = splits.exact(split)
    if split in there or wanted is None:
        return split
    for kind in splits.SOUGHT[wanted.kind]:
        for name in there:
            parsed = splits.exact(name)
            if parsed and parsed[:2] == (kind, wanted.domain):
                return name
    return split


def _rows(spec: Spec, split: str, prepared: Any) -> Any:
    raw = {"image": tensorflow_datasets.decode.SkipDecoding()}
    try:
        return prepared.as_data_source(split=split, decoders=raw)
    except NotImplementedError as error:
        raise Mistake(
            f"{spec.where} is prepared in a format that cannot be read by number: "
            f"remove {prepared.data_dir} and run `ganjax prepare {spec.where}`."
        ) from error
    except (ValueError, KeyError, AssertionError) as error:
        there = list(prepared.info.splits)
        # A name that is there with a part of it that cannot be is no absent split.
        absent = re.split(r"[\[+]", split)[0] not in there
        raise (NoSplit if absent else Mistake)(
            f"{spec.where} has no split {spec.split!r}: its splits are "
            f"{', '.join(there)}, and parts of them such as train[:50%]."
        ) from error


def _headers(
    spec: Spec,
    count: int,
    records: Callable[[list[int]], list[dict]],
    image: Any,
    faults: Callable[[np.ndarray], list[str]],
) -> list[tuple[str, images.Shape]]:
    height, width, channels = image.shape
    known = (spec.size or (height and width)) and (spec.channels or channels)
    last = 1 if known else count
    found = []
    for start in range(0, last, 256):
        numbers = list(range(start, min(start + 256, last)))
        for number, record in zip(numbers, records(numbers), strict=True):
            name = _name(spec, number)
            try:
                found.append((name, images.header(io.BytesIO(record["image"]), name)))
            except Mistake:
                sentences = faults(np.arange(count))
                raise broken_files(spec.where, count, sentences) from None
    return found


def _name(spec: Spec, number: int) -> str:
    return f"example {number} of {spec.where} ({spec.split})"
