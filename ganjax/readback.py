"""Whether a save on disk is whole, read with TensorStore alone.

Orbax says that a save has succeeded once it has written what it meant to write. Here the
files are read back, without Orbax and without the experiment: every array that the save
lists is there and has the SHA-256 that it had in memory. A save is a folder of the layout
that `checkpoint.save` leaves: `check/metadata` lists the arrays, `state/` holds them.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import tensorstore


# Orbax gathers what each process wrote into one data base, found by a glob over the
# absolute path. These characters mean something to a glob, or to TensorStore's paths.
UNSAFE = "*?[]\\"
APART = "what each process wrote was never joined"
PROCESS = "ocdbt.process_"
DESCRIPTIONS = ("_CHECKPOINT_METADATA", "state/_METADATA", "state/_sharding")


def unsafe(path: Path) -> str:
    """Those characters of an absolute path with which no save can be read back."""
    return "".join(x for x in UNSAFE if x in str(path.absolute()))


def problem(save: Path, *, arrays: bool = True) -> str:
    """Why the save in the folder `save` is not whole, in a few words; '' if it is.

    Without `arrays` these are only looked for, not read, which takes milliseconds.
    """
    try:
        listed = json.loads((save / "check" / "metadata").read_text())
        contents, digests = dict(listed["contents"]), dict(listed["digests"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return "its list of arrays cannot be read"
    if is_apart(save):
        return APART
    for name in DESCRIPTIONS:
        if not _is_json(save / name):
            return f"its file {name} cannot be read"
    try:
        there = {key.decode() for key in _open(save / "state").list().result()}
        missing = [name for name in contents if f"{name}/.zarray" not in there]
        if missing:
            return f"{missing[0]} is missing"
        for name in contents if arrays else ():
            wanted = digests.get(name)  # '' where an array was split over processes
            if wanted and wanted != _digest(_array(save / "state", name)):
                return f"{name} is not what was saved"
    except (ValueError, OSError) as error:
        return f"an array cannot be read ({str(error).splitlines()[0][:100]})"
    return ""


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


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_text())
    except FileNotFoundError:
        return path.name == "_sharding"  # only written where a state is sharded
    except (OSError, ValueError, RecursionError):
        return False
    return True
