"""Arrays kept on disk between runs."""

import os
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np


def folder() -> Path:
    """`$GANJAX_CACHE`, or ~/.cache/ganjax; without a home, a temporary one."""
    given = os.environ.get("GANJAX_CACHE")
    if given:
        return Path(given).expanduser()
    try:
        return Path.home() / ".cache" / "ganjax"
    except RuntimeError:  # a user whom the system does not know, as in a container
        return Path(tempfile.gettempdir(), "ganjax")


def load(path: Path, like: Mapping[str, np.ndarray]) -> dict[str, np.ndarray] | None:
    """The kept arrays, or None if there are none such; a damaged file warns by name.

    Names, shapes and types must be those of `like`. Nothing is unpickled.
    """
    if not path.exists():
        return None
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except Exception as error:  # there is no end to what zipfile and NumPy raise
        _warn(f"{path} is damaged ({error}) and is made again.")
        return None
    if _shapes(arrays) != _shapes(like):
        _warn(f"{path} holds other arrays than expected and is made again.")
        return None
    return arrays


def save(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Keeps the arrays whole or not at all; warns if the folder cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as unfinished:
            part = Path(unfinished, path.name)
            np.savez(part, allow_pickle=False, **arrays)
            os.replace(part, path)
    except OSError as error:
        _warn(f"{path} could not be kept for the next time ({error}).")


def _shapes(arrays: Mapping[str, np.ndarray]) -> dict:
    return {name: (array.shape, array.dtype) for name, array in arrays.items()}


def _warn(text: str) -> None:
    warnings.warn(text, stacklevel=4)
