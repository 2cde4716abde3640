"""Arrays that are cached on disk between runs, such as features of real images.

Whatever is cached can be computed again, so nothing here raises an error: a file that
cannot be read or written gives a warning.
"""

import os
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ganjax.store.atomic import draft


def folder() -> Path:
    """Returns the folder of the cache, which need not exist yet.

    It is `$GANJAX_CACHE`, or else ~/.cache/ganjax. A user without a home folder gets one
    among the temporary files.
    """
    setting = os.environ.get("GANJAX_CACHE")
    if setting:
        return Path(setting).expanduser()
    try:
        return Path.home() / ".cache" / "ganjax"
    except RuntimeError:  # a user whom the system does not know, as in a container
        return Path(tempfile.gettempdir(), "ganjax")


def load(
    path: Path, like: Mapping[str, np.ndarray] | None = None
) -> dict[str, np.ndarray] | None:
    """Returns the arrays in an npz file, or None if the file is missing or unusable.

    A file that is damaged or holds other arrays gives a warning that names it. Nothing is
    unpickled.

    Args:
        path: the file.
        like: arrays with the names, shapes and dtypes that the file must have; any will
            do by default.
    """
    if not path.exists():
        return None
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except Exception as error:  # zipfile and NumPy raise errors of many types
        _warn(f"{path} is damaged ({error}) and is made again.")
        return None
    if like is not None and _shapes(arrays) != _shapes(like):
        _warn(f"{path} holds other arrays than expected and is made again.")
        return None
    return arrays


def save(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes arrays to an npz file, atomically; warns if that fails.

    Args:
        path: the file; missing parent folders are created.
        arrays: the arrays by name.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with draft(path) as unfinished, unfinished.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
    except OSError as error:
        _warn(f"{path} could not be cached for the next run ({error}).")


def _shapes(
    arrays: Mapping[str, np.ndarray],
) -> dict[str, tuple[tuple[int, ...], np.dtype]]:
    return {name: (array.shape, array.dtype) for name, array in arrays.items()}


def _warn(text: str) -> None:
    # Attribute the warning to the caller of the module that uses the cache.
    warnings.warn(text, stacklevel=4)
