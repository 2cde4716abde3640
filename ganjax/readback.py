"""Whether a save on disk is whole, read with TensorStore alone.

Orbax says that a save has succeeded once it has written what it meant to write. Here the
files are read back, without Orbax and without the experiment: every array that the save
lists is there and has the SHA-256 that it had in memory. A save is a folder of the layout
that `checkpoint.save` leaves: `check/metadata` lists the arrays, `state/` holds them.
"""

import errno
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import tensorstore


# Orbax gathers what each process wrote into one data base, found by a glob over the
# absolute path. These characters mean something to a glob, or to TensorStore's paths.
UNSAFE = "*?[]\\"
APART = "what each process wrote was never joined"
PROCESS = "ocdbt.process_"
# What the system says where the fault is not the save's.
PASSING = (
    errno.EIO,
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOMEM,
    errno.EACCES,
    errno.EPERM,
)
DESCRIPTIONS = ("_CHECKPOINT_METADATA", "state/_METADATA", "state/_sharding")


def unsafe(path: Path) -> str:
    """Those characters of an absolute path with which no save can be read back."""
    return "".join(x for x in UNSAFE if x in str(path.absolute()))


def problem(save: Path, *, arrays: bool = True) -> str:
    """Why the save in the folder `save` is not whole, in a few words; '' if it is.

    Without `arrays` these are only looked for, not read, which takes milliseconds. Raises
    an OSError where it cannot be read now, for a reason that is none of the save's.
    """
    try:
        listed = json.loads(_text(save / "check" / "metadata"))
        contents, digests = dict(listed["contents"]), dict(listed["digests"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return "its list of arrays cannot be read"
    if is_apart(save):
        return APART
    shapes = save / "state" / "array_metadatas"
    more = [f"state/{shapes.name}/{path.name}" for path in _inside(shapes)]
    for name in (*DESCRIPTIONS, *more):
        if not _is_json(save / name):
            return f"its file {name} cannot be read"
    if not contents.keys() <= _described(save / "state" / "_METADATA"):
        return "its file state/_METADATA does not describe its arrays"
    try:
        there = {key.decode() for key in _open(save / "state").list().result()}
        missing = [name for name in contents if f"{name}/.zarray" not in there]
        if missing:
            return f"{missing[0]} is missing"
        for name in contents if arrays else ():
            wanted = digests.get(name)  # '' where an array was split over processes
            if wanted and wanted != _digest(_array(save / "state", name)):
                return f"{name} is not what was saved"
    except (ValueError, RuntimeError, OSError) as error:
        raise_if_passing(error, save)
        return f"an array cannot be read ({str(error).splitlines()[0][:100]})"
    return ""


def raise_if_passing(error: Exception, save: Path) -> None:
    """Raises an OSError for what may go away: too little memory, no right, a faulty disk.

    TensorStore and Orbax tell what the system said as a part of their own text.
    """
    text = str(error)
    for number in PASSING:
        if os.strerror(number) in text:
            raise OSError(number, os.strerror(number), str(save)) from error
    if "RESOURCE_EXHAUSTED" in text or isinstance(error, MemoryError):
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM), str(save)) from error


def is_apart(save: Path) -> bool:
    """Whether the arrays lie as each process wrote them, without a common index."""
    whole = (save / "state" / "manifest.ocdbt").exists()
    return not whole and bool(_parts(save / "state"))


def join(save: Path) -> None:
    """Joins what each process wrote of a save, which Orbax left apart.

    Orbax up to 0.12 finds those parts by a glob, so in a folder whose path has a [ or
    another character of `UNSAFE` it joined nothing, and warned of it in its log alone.
    Raises OSError or ValueError where the parts cannot be read or the result not written.
    """
    index = _open(save / "state")
    # One transaction: killed at any moment, the save is apart as before or whole.
    transaction = tensorstore.Transaction(atomic=True)
    together = index.with_transaction(transaction)
    for part in _parts(save / "state"):
        stored = _open(part)
        for key in stored.list().result():
            together[key] = stored[key]
    transaction.commit_async().result()


def _parts(state: Path) -> list[Path]:
    # Not by a glob, for the reason above.
    names = state.iterdir() if state.is_dir() else ()
    return sorted(path for path in names if path.name.startswith(PROCESS))


def _base(folder: Path) -> dict[str, Any]:
    file = {"driver": "file", "path": f"{folder.absolute()}/"}
    return {"driver": "ocdbt", "base": file}


def _open(folder: Path) -> tensorstore.KvStore:
    return tensorstore.KvStore.open(_base(folder)).result()


def _array(state: Path, name: str) -> np.ndarray:
    where = {"driver": "zarr", "kvstore": _base(state), "path": f"{name}/"}
    return tensorstore.open(where, read=True).result().read().result()


def _digest(array: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def _text(path: Path) -> str:
    """The text of a file; '' where it is missing or is none."""
    try:
        return path.read_text("utf-8")
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError, ValueError):
        return ""


def _inside(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _is_json(path: Path) -> bool:
    if path.name == "_sharding" and not path.exists():
        return True  # it is only written where a state is sharded
    try:
        json.loads(_text(path))
    except (ValueError, RecursionError):
        return False
    return True


def _described(path: Path) -> set[str]:
    """The names of the arrays that Orbax's own list has."""
    try:
        each = json.loads(_text(path))["tree_metadata"].values()
        return {
            ".".join(str(part["key"]) for part in one["key_metadata"])
            for one in each
            if one["value_metadata"]["value_type"] == "jax.Array"
        }
    except (KeyError, TypeError, AttributeError):
        return set()
