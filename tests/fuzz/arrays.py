"""Arrays in .npz files: of every type and shape, named and packed in every way."""

import io
import pickle
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ganjax.data import Spec, load, read_all
from tests.fuzz.harness import Outcome, Situation, need, refused, worked
from tests.fuzz.pool import chance, chosen


IMAGES = {
    "train": ("image", "images", "image_train", "x_train", "x", "arr_0"),
    "test": ("image_test", "images_test", "x_test"),
}
LABELS = {
    "train": ("label", "labels", "label_train", "y_train", "y"),
    "test": ("label_test", "labels_test", "y_test"),
}
INTEGERS = (
    "uint8",
    "int8",
    "int16",
    "uint16",
    "int32",
    "int64",
    "uint64",
    ">i4",
    "<i8",
)
FLOATS = ("float16", "float32", "float64", ">f8")


@dataclass
class Given:
    """A file, and what is right to read from it."""

    where: str
    split: str
    image: np.ndarray | None = None  # uint8 [n, h, w, c]; None where there is none
    label: list[int] | None = None  # as stored
    values: list[int] = field(default_factory=list)  # of both splits, ascending
    bad: str = ""  # why it must be refused
    doubtful: str = ""  # why it may be
    free: bool = False  # whatever ends in order is right


def npz(rng: np.random.Generator) -> Situation:
    """An .npz file."""
    return Situation("npz", _make, read, right)


def read(given: Given) -> Any:
    """The data, read to its end."""
    source = load(Spec(given.where, split=given.split))
    return source, read_all(source)


def right(given: Given, outcome: Outcome) -> None:
    """What was stored, to the bit, or a sentence."""
    if given.free:
        return
    if given.bad:
        need(outcome.sentence, f"was not refused: {given.bad}")
        return
    if given.doubtful and outcome.sentence:
        return
    if given.image is None:
        refused(outcome)
        return
    worked(outcome)
    source, batch = outcome.value
    need(
        source.length == len(given.image),
        f"{source.length} of {len(given.image)} images",
    )
    need(
        batch.x.shape == given.image.shape,
        f"shape {batch.x.shape} where {given.image.shape} is stored",
    )
    need(np.array_equal(batch.x, given.image), "other pixels than were stored")
    if given.label is None:
        need(not source.classes, f"classes {source.classes} without labels")
        return
    if len(given.values) > 1:
        told = [source.classes[i] for i in batch.label]
        right = [str(x) for x in given.label]
        need(told == right, f"labels {told[:9]} where {right[:9]} is stored")
        numbers = [str(x) for x in given.values]
        need(list(source.classes) == numbers, f"classes {source.classes}")


def _make(root: Path, rng: np.random.Generator) -> Given:
    path = root / chosen(
        rng, ("data.npz", "DATA.NPZ", "my data.npz", "[x].npz", "ü.npz")
    )
    split = "test" if chance(rng, 0.2) else "train"
    given = Given(str(path), split)
    n, h, w = (int(x) for x in rng.integers(1, 9, 3))
    c = chosen(rng, (0, 1, 3, 4))
    image = rng.integers(0, 256, (n, h, w, c) if c else (n, h, w), np.uint8)
    given.image = image if c else image[..., None]
    count = chosen(rng, (1, 2, 3, 12))
    kind = chosen(rng, INTEGERS)
    low = -3 if np.dtype(kind).kind == "i" and chance(rng, 0.3) else 0
    label = rng.integers(low, low + count, n).astype(kind)
    stored: dict[str, Any] = {}
    if chance(rng, 0.7):
        given.label = [int(x) for x in label]
        column = chance(rng, 0.2)
        stored[chosen(rng, LABELS[split])] = label[:, None] if column else label
        given.values = sorted({*given.label})
    else:
        label = None
    name = chosen(rng, IMAGES[split])
    if split == "test" and chance(rng, 0.7):
        stored["x_train"] = rng.integers(0, 256, (2, h, w, c or 1), np.uint8)
    if chance(rng, 0.2):
        stored[chosen(rng, ("meta", "données", "z", "image/deep"))] = np.arange(3)
    spoil = chosen(rng, _SPOILS) if chance(rng, 0.5) else None
    if spoil:
        image, label = spoil(rng, given, image, label, stored, name)
    if chance(rng, 0.2):
        image = np.asfortranarray(image)
    stored[name] = image
    packed = io.BytesIO()
    save = np.savez_compressed if chance(rng, 0.5) else np.savez
    save(packed, **stored)
    data = packed.getvalue()
    if chance(rng, 0.15):
        data = _damage(rng, given, data, name)
    path.write_bytes(data)
    return given


def _kind(rng, given, image, label, stored, name):
    """Images that are no bytes."""
    other = (*FLOATS, "int16", "int64", "uint16", "bool", "complex64", ">u2")
    kind = chosen(rng, other)
    if kind == "bool":
        given.image = np.where(given.image > 127, 255, 0).astype(np.uint8)
        given.doubtful = "booleans"
        return image > 127, label
    given.doubtful = f"images of {kind}"
    made = image.astype(kind)
    if chance(rng, 0.6):
        made = (image / chosen(rng, (255, 127.5, 1e-3)) - chosen(rng, (0, 1))).astype(
            kind
        )
        given.bad = f"images of {kind}, which are not 0 to 255"
    return made, label


def _shape(rng, given, image, label, stored, name):
    """Images of a shape that no image has."""
    n = len(image)
    shapes = [
        (n, 3, 8, 9),
        (n, 8, 9, 2),
        (n, 8, 9, 5),
        (n, 64),
        (n,),
        (n, 1, 2, 8, 8, 3),
    ]
    shapes += [(n, 0, 8, 3), (n, 8, 8, 0), (0, 8, 8, 3), ()]
    given.bad = "a shape that no images have"
    return np.zeros(chosen(rng, shapes), np.uint8), label


def _objects(rng, given, image, label, stored, name):
    """Python's objects, which only a pickle can hold."""
    objects = np.empty(len(image), object)
    objects[:] = [{} for _ in image]
    given.bad = "objects"
    return objects, label


def _fewer(rng, given, image, label, stored, name):
    """Another number of labels than of images."""
    given.bad = "more labels than images"
    _put(stored, given, np.zeros(len(image) + int(rng.integers(1, 4)), np.int64))
    return image, label


def _labels(rng, given, image, label, stored, name):
    """Labels that are no whole numbers, or not one for each image."""
    n = len(image)
    ways = [
        np.linspace(0, 1, n),
        np.full(n, np.nan),
        np.array(0),
        np.zeros((n, 2), np.int64),
        np.array(["cat", "dog"] * n)[:n],
        np.array([b"a"] * n),
        np.array(["2026-01-01"] * n, "datetime64[D]"),
        np.zeros(n, [("a", "i4")]),
        np.zeros(n, np.complex64),
        np.zeros((n, 1, 1), bool),
    ]
    one = chosen(rng, ways)
    given.bad, given.label = "labels that are no numbers", None
    if one.dtype.kind in "US" or n == 1:
        # A name for each image says what is meant, and so does one of one image.
        given.bad, given.free = "", True
    _put(stored, given, one)
    return image, label


def _large(rng, given, image, label, stored, name):
    """Labels at the ends of what an integer holds."""
    ends = [2**63, 2**64 - 1, 7] if chance(rng, 0.5) else [-(2**63), 2**63 - 1, 0]
    values = [ends[i % 3] for i in range(len(image))]
    array = np.array(values, np.uint64 if ends[0] > 0 else np.int64)
    given.label, given.values = values, sorted({*values})
    _put(stored, given, array)
    return image, label


def _unnamed(rng, given, image, label, stored, name):
    """Images of no usual name."""
    stored["pictures"] = image
    given.bad = "no array that is named like images"
    stored.pop(name, None)
    for one in IMAGES[given.split]:
        stored.pop(one, None)
    return np.zeros(0, np.uint8), label  # under the usual name, yet of nothing


def _both(rng, given, image, label, stored, name):
    """Labels of the other split, which number the classes, too."""
    other = "test" if given.split == "train" else "train"
    if given.label is not None:
        more = np.array([40, 50])
        stored[LABELS[other][0]] = more
        stored[IMAGES[other][0]] = np.zeros((2, *image.shape[1:]), np.uint8)
        given.values = sorted({*given.label, 40, 50})
    return image, label


_SPOILS = (
    _kind,
    _kind,
    _shape,
    _objects,
    _fewer,
    _labels,
    _labels,
    _large,
    _unnamed,
    _both,
)


def _put(stored: dict[str, Any], given: Given, label: np.ndarray) -> None:
    for one in LABELS[given.split]:
        stored.pop(one, None)
    stored[LABELS[given.split][0]] = label


def _damage(rng: np.random.Generator, given: Given, data: bytes, name: str) -> bytes:
    """A file that is cut, is another's, or has a header that lies."""
    given.bad = "a damaged file"
    way = int(rng.integers(8))
    if way == 0:
        return data[: int(rng.integers(0, len(data) - 30))]
    if way == 1:
        return b""
    if way == 2:
        return pickle.dumps({"image": [1, 2, 3]})
    if way == 3:  # an .npy under this name
        alone = io.BytesIO()
        np.save(alone, given.image if given.image is not None else np.zeros(3))
        return alone.getvalue()
    if way == 4:  # members that are no arrays
        return _zip({f"{name}.npy": b"no array", "label.npy": b""})
    if way == 5:
        return _zip({name: b"raw bytes without a header"})
    if way == 6:
        return _zip({f"{name}.npy": _lie(rng)})
    changed = bytearray(data)
    place = int(rng.integers(0, len(changed)))
    changed[place] ^= 1 << int(rng.integers(8))
    # Python's zipfile knows which bytes matter: the sum of each member's is in the file.
    given.bad, given.doubtful = "", "changed bytes"
    given.free = _members(data) != _members(bytes(changed))
    return bytes(changed)


def _members(data: bytes) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            return {name: packed.read(name) for name in packed.namelist()}
    except Exception:
        return {}


def _lie(rng: np.random.Generator) -> bytes:
    """An .npy whose header claims what is not there."""
    claims = [
        "{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000000, 8, 8, 3), }",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (4, 8, 8, 3), }",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (-4, 8, 8, 3), }",
        "{'descr': '|O', 'fortran_order': False, 'shape': (4,), }",
        "{'descr': 'nonsense', 'fortran_order': False, 'shape': (4,), }",
        "{'descr': '|u1', 'fortran_order': False, 'shape': 4}",
        "__import__('os').system('touch ran')",
        "(" * 3000,
    ]
    text = chosen(rng, claims).encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + b"\0" * 20


def _zip(members: dict[str, bytes]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    return data.getvalue()
