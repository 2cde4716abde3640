"""A run's folder: what it is, so that no command has to be told again."""

import fcntl
import hashlib
import inspect
import json
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
from jax.experimental.multihost_utils import sync_global_devices

from ganjax.data import Source, Spec
from ganjax.errors import Mistake
from ganjax.gan import Turns
from ganjax.run.args import FREE_TO_CHANGE, plain


PACKAGES = ("ganjax", "jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy")
EXPERIMENT = "experiment.py"
AVERAGES = "averages"


def open_folder(args: Any, source: Source, shapes: Turns) -> Path:
    """The folder of a new run, or of the same run to resume.

    Raises a `Mistake` if it holds another run: another experiment, or an argument that
    changed and is none of `FREE_TO_CHANGE`.
    """
    folder = Path(args.run.workdir).expanduser()
    if folder.exists() and not folder.is_dir():
        raise Mistake(f"--workdir {folder} is a file; name a folder.")
    manifest = describe(args, source, shapes)
    if (folder / "run.json").exists():
        _compare(folder, read(folder), manifest)
    elif folder.is_dir() and any(folder.iterdir()) and not _begun(folder):
        raise Mistake(
            f"--workdir {folder} holds files but no run; name a new or empty folder."
        )
    if jax.process_count() > 1:
        sync_global_devices("every process has looked, so the first may write")
    if jax.process_index() == 0:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path = source_file(type(args))
            if path and not (folder / EXPERIMENT).exists():
                write(folder / EXPERIMENT, path.read_text())
            write(folder / "run.json", json.dumps(manifest, indent=1) + "\n")
        except OSError as error:
            why = f"cannot be written ({error.strerror})"
            raise Mistake(f"--workdir {folder} {why}; name another.") from error
    return folder


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Holds a folder while a run trains there; it is a `Mistake` if another does.

    The end of the process, however it comes, lets go. File systems without locks let
    every run in.
    """
    if jax.process_index():
        yield
        return
    held = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            where = f"{folder}: wait for it, or name another --workdir."
            raise Mistake(f"Another process trains in {where}") from None
        except OSError:
            pass
        yield
    finally:
        os.close(held)


def describe(args: Any, source: Source, shapes: Turns) -> dict[str, Any]:
    """The manifest: all that makes the run what it is, as plain values."""
    path = source_file(type(args))
    module = inspect.getmodule(type(args))
    doc = (getattr(module, "__doc__", None) or "").strip()
    packages = {name: version(name) for name in PACKAGES}
    return {
        "experiment": path.stem if path else "notebook",
        "sha256": digest(path) if path else "",
        "doc": doc.splitlines()[0] if doc else "",
        "command": " ".join(["python", *sys.argv]),
        "args": plain(args),
        "data": source.spec._asdict(),
        "examples": source.length,
        "classes": list(source.classes),
        "shapes": [[list(x.shape), str(x.dtype)] for x in jax.tree.leaves(shapes)],
        "versions": {"python": platform.python_version(), **packages},
        "device": f"{jax.devices()[0].device_kind} x{jax.device_count()}",
        "steps": args.run.steps,
    }


def read(folder: Path) -> dict[str, Any]:
    """The manifest of a run. Raises a `Mistake` if there is none or it is damaged."""
    try:
        return json.loads((folder / "run.json").read_text())
    except (FileNotFoundError, NotADirectoryError):
        raise Mistake(
            f"{folder} is no run, as it has no run.json; name the folder that an "
            "experiment wrote, its --workdir."
        ) from None
    except ValueError:
        raise Mistake(
            f"{folder}/run.json is damaged; mend it, or start again in a new --workdir."
        ) from None


def shapes_of(manifest: dict[str, Any], like: Turns) -> Turns:
    """The shapes of the turns that the run was trained on, in the tree of `like`."""
    leaves = [jax.ShapeDtypeStruct(tuple(s), d) for s, d in manifest["shapes"]]
    return jax.tree.unflatten(jax.tree.structure(like), leaves)


def spec_of(manifest: dict[str, Any]) -> Spec:
    """The data that the run was trained on."""
    return Spec(**manifest["data"])


def write(path: Path, text: str) -> None:
    """Writes a file whole or not at all."""
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)


def set_status(folder: Path, state: str, step: int, sentence: str = "") -> None:
    """Records whether the run is running, finished, stopped or diverged, and where."""
    status = {"state": state, "step": step, "sentence": sentence}
    write(folder / "status.json", json.dumps(status) + "\n")


def source_file(kind: type) -> Path | None:
    """The file in which an experiment's `Args` are written; None in a notebook."""
    try:
        path = Path(inspect.getfile(kind))
    except (TypeError, OSError):
        return None
    return path if path.suffix == ".py" and path.exists() else None


def digest(path: Path) -> str:
    """The SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def need_space(folder: Path, state_bytes: int, saves: int = 4) -> None:
    """Raises a `Mistake` unless the disk has room for `saves` states and pictures."""
    needed = saves * state_bytes + 50_000_000
    existing = next(
        p for p in [folder.absolute(), *folder.absolute().parents] if p.exists()
    )
    free = shutil.disk_usage(existing).free
    if free < needed:
        raise Mistake(
            f"The run needs {needed / 1e9:.2f} GB in {folder} and {free / 1e9:.2f} GB "
            "are free; make room or name another --workdir."
        )


def _begun(folder: Path) -> bool:
    return {p.name for p in folder.iterdir()} <= {EXPERIMENT, ".run.json.partial"}


def _compare(folder: Path, then: dict[str, Any], now: dict[str, Any]) -> None:
    if then["experiment"] != now["experiment"]:
        raise Mistake(
            f"{folder} is a run of {then['experiment']}, not of {now['experiment']}; "
            "name another --workdir."
        )
    before, after = _flatten(then["args"]), _flatten(now["args"])
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name, "nothing"), after.get(name, "nothing")
        if name not in FREE_TO_CHANGE and old != new:
            raise Mistake(
                f"--{name.replace('_', '-')} was {old} when {folder} was begun and is "
                f"{new} now; give it as it was, or name another --workdir."
            )
    if then["shapes"] != now["shapes"] or then["examples"] != now["examples"]:
        raise Mistake(
            f"The data is not what {folder} was begun with ({then['examples']} "
            f"examples then, {now['examples']} now, or of another shape); name another "
            "--workdir."
        )


def _flatten(values: dict[str, Any]) -> dict[str, Any]:
    flat = {}
    for name, value in values.items():
        flat |= _flatten(value) if isinstance(value, dict) else {name: value}
    return flat
