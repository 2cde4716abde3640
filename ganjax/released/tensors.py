"""Tensors by name in files: safetensors, and PyTorch's state dicts read safely."""

import hashlib
import importlib.util
import os
import tempfile
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import numpy as np
from tqdm import tqdm

from ganjax.errors import Mistake
from ganjax.evaluation import cache


CHUNK = 1 << 20
TORCH = ".pt", ".pth", ".bin"
CONVERT = (
    "torch.load it with the authors' code, and `safetensors.torch.save_file("
    "net.state_dict(), 'net.safetensors')`."
)


def read(where: str | Path, sha256: str = "", part: str = "") -> dict[str, np.ndarray]:
    """The tensors of a .safetensors file, or of a state dict in a .pt, .pth or .bin file.

    `where` is a path or an https URL, which is fetched once and kept. `sha256` is what the
    file's digest must be, if given. `part` names the state dict in a file that has several.
    A state dict is read without running code (`weights_only`). Raises a `Mistake` where
    the file is missing, another one, damaged, or of a kind that can only be unpickled.
    """
    path = _fetch(str(where), sha256) if "://" in str(where) else Path(where)
    if not path.is_file():
        raise Mistake(f"There is no file {path}: give the path or URL of weights.")
    if sha256 and _digest(path) != sha256:
        raise Mistake(f"{path} is not the file that was asked for: its sha256 differs.")
    if path.suffix == ".safetensors":
        return _safetensors(path)
    if path.suffix in TORCH:
        return _state_dict(path, part)
    raise Mistake(f"{path} is no .safetensors file and no state dict: {CONVERT}")


def write(path: str | Path, tensors: Mapping[str, np.ndarray]) -> None:
    """Writes a .safetensors file, whole or not at all."""
    _need("safetensors")
    from safetensors.numpy import save_file

    path = Path(path)
    with tempfile.TemporaryDirectory(dir=path.parent) as unfinished:
        made = Path(unfinished, path.name)
        rows = {name: np.asarray(x, order="C") for name, x in tensors.items()}
        save_file(rows, str(made))  # which takes memory for rows, whatever the order
        os.replace(made, path)


def _safetensors(path: Path) -> dict[str, np.ndarray]:
    _need("safetensors")
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return load_file(str(path))
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise Mistake(f"{path} cannot be read as safetensors ({error}).") from None


def _state_dict(path: Path, part: str) -> dict[str, np.ndarray]:
    _need("torch")
    import torch  # pyright: ignore[reportMissingImports]

    try:
        found: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # there is no end to what it raises
        raise Mistake(
            f"{path} cannot be read without running code from it "
            f"({type(error).__name__}): {CONVERT}"
        ) from None
    for name in filter(None, part.split(".")):
        if name not in found:
            raise Mistake(f"{path} has no part {name}: it has {', '.join(found)}.")
        found = found[name]
    tensors = {k: x for k, x in found.items() if isinstance(x, torch.Tensor)}
    if not tensors:
        names = ", ".join(map(str, found))
        raise Mistake(f"{path} holds no tensors but {names}: name one as `part`.")
    return {k: x.float().numpy() for k, x in tensors.items()}


def _fetch(url: str, sha256: str) -> Path:
    """The file of a URL, kept in the cache under its name and the URL's digest."""
    if urlparse(url).scheme != "https":
        raise Mistake(f"{url} is not fetched: only https URLs are.")
    digest = hashlib.sha256(f"{url} {sha256}".encode()).hexdigest()[:8]
    path = cache.folder() / "weights" / digest / Path(urlparse(url).path).name
    if path.is_file():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as unfinished:
        made = Path(unfinished, path.name)
        try:
            with urllib.request.urlopen(url) as answer, made.open("wb") as file:
                total = int(answer.headers.get("Content-Length") or 0) or None
                bar = tqdm(total=total, unit="B", unit_scale=True, desc=path.name)
                while data := answer.read(CHUNK):
                    file.write(data)
                    bar.update(len(data))
                bar.close()
        except (OSError, urllib.error.URLError) as error:
            raise Mistake(
                f"{url} could not be fetched ({error}): give the path of a copy."
            ) from None
        if sha256 and _digest(made) != sha256:
            raise Mistake(
                f"{url} gave another file than asked for: its sha256 differs."
            )
        os.replace(made, path)
    return path


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _need(package: str) -> None:
    if importlib.util.find_spec(package) is None:
        raise Mistake(
            f"This needs {package}, an extra: run `pip install 'ganjax[released]'`."
        )
