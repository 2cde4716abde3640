"""Whether a save on disk is intact, checked with TensorStore alone.

Orbax reports a save as done once it has issued its writes. Here the files are read back,
without Orbax and without the experiment: every array that the save lists must be there and
have the SHA-256 that it had in memory. A save is a folder as `checkpoint.save` leaves it:
`check/metadata` lists the arrays, `state/` holds them.

Orbax keeps the arrays in an OCDBT database, a key-value store of TensorStore. Each process
writes a database of its own, and the last step of a save joins these into one index.
"""

import errno
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import tensorstore

from ganjax.store.hashing import sha256


# Orbax finds the databases of the processes by a glob over the absolute path. These
# characters have a meaning in a glob, or in TensorStore's paths.
UNSAFE_CHARACTERS = "*?[]\\"
NOT_JOINED = "what each process wrote was never joined"
PROCESS_PREFIX = "ocdbt.process_"  # of the folder of one process's database
# Errors of the operating system that do not mean that the save is damaged.
TEMPORARY_ERRORS = (
    errno.EIO,
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOMEM,
    errno.EACCES,
    errno.EPERM,
)
# Orbax's own JSON files in every save.
METADATA_FILES = ("_CHECKPOINT_METADATA", "state/_METADATA", "state/_sharding")


def unsafe_characters(path: Path) -> str:
    """Returns the characters of an absolute path with which no save can be read back."""
    return "".join(x for x in UNSAFE_CHARACTERS if x in str(path.absolute()))


def find_problem(save: Path, *, arrays: bool = True) -> str:
    """Returns what is wrong with a save, in a few words, or '' if it is intact.

    Args:
        save: the folder of the save.
        arrays: whether the arrays are read and compared with their digests. If not, only
            their presence is checked, which takes milliseconds.

    Raises:
        OSError: if the save cannot be read now, for a reason that may go away.
    """
    # The list that `checkpoint.save` made of the arrays in memory.
    try:
        listed = json.loads(_text(save / "check" / "metadata"))
        contents = dict(listed["contents"])
        digests = dict(listed["digests"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return "its list of arrays cannot be read"
    if is_unjoined(save):
        return NOT_JOINED

    # The metadata, without which Orbax cannot restore.
    shapes = save / "state" / "array_metadatas"
    shape_files = [f"state/{shapes.name}/{path.name}" for path in _list_folder(shapes)]
    for name in (*METADATA_FILES, *shape_files):
        if not _is_json(save / name):
            return f"its file {name} cannot be read"
    if not contents.keys() <= _array_names(save / "state" / "_METADATA"):
        return "its file state/_METADATA does not describe its arrays"

    # The arrays: zarr stores a description, `.zarray`, next to the chunks of each.
    try:
        keys = {key.decode() for key in _open(save / "state").list().result()}
        missing = [name for name in contents if f"{name}/.zarray" not in keys]
        if missing:
            return f"{missing[0]} is missing"
        for name in contents if arrays else ():
            digest = digests.get(name)  # '' if the array was sharded over processes
            if digest and digest != _digest(_read_array(save / "state", name)):
                return f"{name} is not what was saved"
    except (ValueError, RuntimeError, OSError) as error:
        raise_if_temporary(error, save)
        return f"an array cannot be read ({str(error).splitlines()[0][:100]})"
    return ""


def raise_if_temporary(error: Exception, save: Path) -> None:
    """Raises an OSError if `error` may go away: too little memory, no right, a faulty disk.

    Then the save must not count as damaged: the run would go back to an older one, or start
    from scratch, although nothing is lost.

    Args:
        error: what TensorStore or Orbax raised while it read the save. The message of the
            operating system is a part of its text.
        save: the folder of the save.
    """
    text = str(error)
    for number in TEMPORARY_ERRORS:
        if os.strerror(number) in text:
            raise OSError(number, os.strerror(number), str(save)) from error
    if "RESOURCE_EXHAUSTED" in text or isinstance(error, MemoryError):
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM), str(save)) from error


def is_unjoined(save: Path) -> bool:
    """Returns whether the databases of the processes were never joined into one index."""
    joined = (save / "state" / "manifest.ocdbt").exists()
    return not joined and bool(_parts(save / "state"))


def join_parts(save: Path) -> None:
    """Joins the databases of the processes of a save, which Orbax has left separate.

    Orbax up to 0.12 finds them by a glob, so where a path has one of `UNSAFE_CHARACTERS` it
    joined nothing, and reported that in its log only.

    Raises:
        OSError, ValueError: if the parts cannot be read, or the result not written.
    """
    # One transaction: a kill at any moment leaves the save as it was, or joined.
    transaction = tensorstore.Transaction(atomic=True)
    index = _open(save / "state").with_transaction(transaction)
    for part in _parts(save / "state"):
        stored = _open(part)
        for key in stored.list().result():
            index[key] = stored[key]
    transaction.commit_async().result()


def _parts(state: Path) -> list[Path]:
    """The folders of the databases of the processes."""
    # Not by a glob, as the path may have `UNSAFE_CHARACTERS`.
    return [
        path for path in _list_folder(state) if path.name.startswith(PROCESS_PREFIX)
    ]


def _kvstore_spec(folder: Path) -> dict[str, Any]:
    """TensorStore's specification of the OCDBT database in a folder."""
    file = {"driver": "file", "path": f"{folder.absolute()}/"}
    return {"driver": "ocdbt", "base": file}


def _open(folder: Path) -> tensorstore.KvStore:
    return tensorstore.KvStore.open(_kvstore_spec(folder)).result()


def _read_array(state: Path, name: str) -> np.ndarray:
    spec = {"driver": "zarr", "kvstore": _kvstore_spec(state), "path": f"{name}/"}
    return tensorstore.open(spec, read=True).result().read().result()


def _digest(array: np.ndarray) -> str:
    return sha256(np.ascontiguousarray(array).tobytes())


def _text(path: Path) -> str:
    """The text of a file, or '' if it is missing or is not text."""
    try:
        return path.read_text("utf-8")
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError, ValueError):
        return ""


def _list_folder(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _is_json(path: Path) -> bool:
    # Orbax writes this file only if a state is sharded.
    if path.name == "_sharding" and not path.exists():
        return True
    try:
        json.loads(_text(path))
    except (ValueError, RecursionError):
        return False
    return True


def _array_names(path: Path) -> set[str]:
    """The names of the arrays in Orbax's own description of the tree."""
    # A path of keys is joined by dots, as `checkpoint.describe_arrays` names the arrays.
    try:
        leaves = json.loads(_text(path))["tree_metadata"].values()
        return {
            ".".join(str(part["key"]) for part in leaf["key_metadata"])
            for leaf in leaves
            if leaf["value_metadata"]["value_type"] == "jax.Array"
        }
    except (KeyError, TypeError, AttributeError):
        return set()
