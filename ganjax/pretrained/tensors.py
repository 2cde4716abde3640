"""Files of named tensors: safetensors files and PyTorch state dicts, read safely.

A pickle can run any code when it is loaded. So a state dict, which is one, is only decoded
(`ganjax.pretrained.state_dict`), and what cannot be read so is refused, with a message that
says how to convert it. `read` also fetches https URLs.
"""

import importlib.util
import re
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import numpy as np
from tqdm import tqdm

from ganjax.errors import UsageError
from ganjax.pretrained import state_dict
from ganjax.store import cache, draft, hashing


CHUNK = 1 << 20  # bytes of a download that are read at once
TIMEOUT = 30  # seconds to wait for a server's answer
MIN_DIGEST = 8  # hexadecimal digits of a digest, as the names of torch.hub's files have
TORCH_SUFFIXES = (".pt", ".pth", ".bin", "")  # some programs write none
CONVERT = (
    "torch.load it with the authors' code, and `safetensors.torch.save_file("
    "net.state_dict(), 'net.safetensors')`."
)


def read(where: str | Path, sha256: str = "", part: str = "") -> dict[str, np.ndarray]:
    """Reads the tensors of a safetensors file or of a PyTorch state dict.

    A state dict is read without PyTorch, and without running code from it.

    Args:
        where: path or https URL of a .safetensors, .pt, .pth or .bin file, or of a state
            dict without a suffix. A URL is fetched once and kept in the cache.
        sha256: the digest that the file must have, in hexadecimal, or its first 8 digits or
            more; empty for no check.
        part: keys to the state dict in a file that holds several, such as "g.ema".

    Returns:
        The tensors by name; those of a state dict are converted to float32.

    Raises:
        UsageError: the file is missing or damaged, has another digest than `sha256`, or can
            only be unpickled; or a package that reads it is not installed; or `sha256` is
            not the beginning of a digest.
    """
    if sha256 and not re.fullmatch(f"[0-9a-fA-F]{{{MIN_DIGEST},64}}", sha256):
        raise UsageError(
            f"{sha256!r} is no sha256 digest: give {MIN_DIGEST} to 64 hexadecimal digits."
        )
    path = _fetch(str(where), sha256) if "://" in str(where) else Path(where)
    if not path.is_file():
        raise UsageError(f"There is no file {path}: give the path or URL of weights.")
    # Checked for cached files, too, which may have been damaged since.
    if not _has_digest(path, sha256):
        raise UsageError(
            f"{path} is not the file that was asked for: its sha256 differs."
        )
    if path.suffix == ".safetensors":
        return _safetensors(path)
    if path.suffix in TORCH_SUFFIXES:
        return _state_dict(path, part)
    raise UsageError(
        f"{path} is neither a .safetensors file nor a state dict: {CONVERT}"
    )


def write(path: str | Path, tensors: Mapping[str, np.ndarray]) -> None:
    """Writes a .safetensors file atomically.

    Args:
        path: the file.
        tensors: arrays by name, such as `dump` returns.

    Raises:
        UsageError: the package safetensors is not installed.
    """
    _require("safetensors")
    from safetensors.numpy import save_file

    path = Path(path)
    with draft(path) as unfinished:
        # safetensors writes an array's memory as if it were contiguous, so a view in
        # another order would be written wrong.
        contiguous = {name: np.asarray(x, order="C") for name, x in tensors.items()}
        save_file(contiguous, str(unfinished))


def _safetensors(path: Path) -> dict[str, np.ndarray]:
    _require("safetensors")
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return load_file(str(path))
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path} cannot be read as safetensors ({error}).") from None


def _state_dict(path: Path, part: str) -> dict[str, np.ndarray]:
    try:
        state = state_dict.read(path)
    except state_dict.NotReadable as error:
        raise UsageError(
            f"{path} cannot be read without running code from it ({error}): {CONVERT}"
        ) from None
    # A checkpoint may hold several state dicts, such as {"g": {"ema": ...}}.
    for name in filter(None, part.split(".")):
        names = _names(path, state)
        if name not in state:
            raise UsageError(f"{path} has no part {name}: it has {names}.")
        state = state[name]
    names = _names(path, state)
    tensors = {k: x for k, x in state.items() if isinstance(x, np.ndarray)}
    if not tensors:
        raise UsageError(f"{path} holds no tensors but {names}: name one as `part`.")
    return {k: x.astype(np.float32) for k, x in tensors.items()}


def _names(path: Path, state: Any) -> str:
    # A file may hold any object, and a dictionary in it may have keys of any type.
    if not isinstance(state, Mapping):
        raise UsageError(
            f"{path} holds no state dict but {_kind(state)}: name one as `part`."
        )
    return ", ".join(map(str, state))


def _kind(value: Any) -> str:
    if isinstance(value, state_dict.Unknown | state_dict.Global):
        return value.name
    return f"a {type(value).__name__}"


def _fetch(url: str, sha256: str) -> Path:
    """Returns the file of a URL in the cache, after downloading it if it is not there."""
    if urlparse(url).scheme != "https":
        raise UsageError(f"{url} is not fetched: only https URLs are.")
    # Each URL and digest has a folder, as files from several URLs may have one name.
    digest = hashing.sha256(f"{url} {sha256}")[:8]
    path = cache.folder() / "weights" / digest / Path(urlparse(url).path).name
    if path.is_file():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    # A download that is cut off leaves nothing behind in the cache.
    with draft(path) as unfinished:
        try:
            with (
                urllib.request.urlopen(url, timeout=TIMEOUT) as response,
                unfinished.open("wb") as file,
            ):
                total = int(response.headers.get("Content-Length") or 0) or None
                bar = tqdm(total=total, unit="B", unit_scale=True, desc=path.name)
                while data := response.read(CHUNK):
                    file.write(data)
                    bar.update(len(data))
                bar.close()
        except (OSError, urllib.error.URLError) as error:
            raise UsageError(
                f"{url} could not be fetched ({error}): give the path of a copy."
            ) from None
        # Checked before the draft is kept, so that no wrong file enters the cache.
        if not _has_digest(unfinished, sha256):
            raise UsageError(
                f"{url} gave another file than asked for: its sha256 differs."
            )
    return path


def _has_digest(path: Path, sha256: str) -> bool:
    """Returns whether a file's digest begins so; it is not read if nothing is asked for."""
    return not sha256 or hashing.sha256_of_file(path).startswith(sha256.lower())


def _require(package: str) -> None:
    if importlib.util.find_spec(package) is None:
        raise UsageError(
            f"This needs {package}, an extra: run `pip install 'ganjax[released]'`."
        )
