"""A run's folder: what it is, so that no command has to be told again.

| file | what it holds |
|---|---|
| `run.json` | the manifest: arguments, data, shapes, versions |
| `status.json` | how the run stands or ended |
| `experiment.py`, `code/` | its code: see `ganjax.run.code` |
| `inventory.json.gz` | the names and contents of its data, to notice that these change |
| `checkpoints/`, `averages/` | saves |
| `metrics.jsonl`, `clock.jsonl`, `samples/`, `report.html` ... | what a person reads |
"""

import errno
import gzip
import json
import os
import platform
import shutil
import sys
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
from jax.experimental.multihost_utils import sync_global_devices

from ganjax import checkpoint
from ganjax.data import Source, Spec, describe as found_in
from ganjax.errors import Mistake
from ganjax.gan import Turns
from ganjax.run import code, objects
from ganjax.run.args import plain


try:
    import fcntl
except ImportError:  # Windows: nothing keeps two runs out of one folder there
    fcntl = None


PACKAGES = ("ganjax", "jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy")
AVERAGES, CHECKPOINTS, INVENTORY = "averages", "checkpoints", "inventory.json.gz"
# What a start that was killed leaves: such a folder is as good as new.
BEGINNINGS = {code.EXPERIMENT, code.BESIDE, CHECKPOINTS, AVERAGES, checkpoint.TRIAL}
BEGINNINGS |= {INVENTORY, "status.json", "real.png"}


@contextmanager
def claim(workdir: str) -> Iterator[Path]:
    """The folder of a run, made if it is new, and held against all other processes.

    Raises a `Mistake` if it cannot be one: a file, a folder of other things, a place where
    nothing can be written, or one where another process trains. Where what follows fails
    before anything was put into a new folder, that is taken away again.
    """
    folder = Path(workdir).expanduser()
    if not workdir.strip():
        raise Mistake("--workdir is empty: name a folder.")
    try:
        if folder.exists() and not folder.is_dir():
            raise Mistake(f"--workdir {folder} is a file; name a folder.")
        if folder.is_dir() and not (folder / "run.json").exists():
            names = {path.name for path in folder.iterdir()}
            if {name for name in names if name[0] != "."} - BEGINNINGS:
                raise Mistake(
                    f"--workdir {folder} holds files but no run; name a new or empty "
                    "folder."
                )
        for name in (CHECKPOINTS, AVERAGES):
            if (folder / name).exists() and not (folder / name).is_dir():
                raise Mistake(
                    f"{folder / name} is a file where the saves of the run are to be; "
                    "take it away, or name another --workdir."
                )
        missing = [p for p in (folder, *folder.parents) if not p.exists()]
        if jax.process_index() == 0:
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder, error) from error
    try:
        with alone(folder):
            yield folder
    except BaseException:
        if jax.process_index() == 0 and not (folder / "run.json").exists():
            if folder in missing:  # nobody else has put anything into it
                shutil.rmtree(folder, ignore_errors=True)
            ours = folder / CHECKPOINTS, folder / AVERAGES
            for path in (*ours, *missing[1:]):
                with suppress(OSError):  # not empty: others have
                    path.rmdir()
        raise


def begin(
    folder: Path, manifest: dict[str, Any], kept: code.Code | None, step: int
) -> bool:
    """Writes down what the run is, once all that could refuse it has been asked.

    `step` is that from which it goes on. Says whether its code has changed since then.
    """
    try:
        changed = kept is not None and code.keep(folder, kept, step)
        write(folder / "run.json", json.dumps(manifest, indent=1) + "\n")
    except OSError as error:
        raise _unwritable(folder, error) from error
    return changed


def _unwritable(folder: Path, error: OSError) -> Mistake:
    return Mistake(
        f"--workdir {folder} cannot be written ({error.strerror}); name another."
    )


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Holds a folder while a run trains there; it is a `Mistake` if another does.

    The end of the process, however it comes, lets go. File systems and platforms without
    locks let every run in.
    """
    if jax.process_index() or fcntl is None:
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


def is_held(folder: Path) -> bool:
    """Whether a process trains in the folder now, as far as locks can tell."""
    try:
        with alone(folder):
            return False
    except Mistake:
        return True
    except OSError:
        return False


def together(what: str) -> None:
    """Waits until every process of the run has come here."""
    if jax.process_count() > 1:
        sync_global_devices(what)


def describe(args: Any, source: Source, shapes: Turns) -> dict[str, Any]:
    """The manifest: all that makes the run what it is, as plain values."""
    path = code.source_file(type(args))
    module = sys.modules.get(type(args).__module__) if path else None
    doc = (getattr(module, "__doc__", None) or "").strip()
    packages = {name: version(name) for name in PACKAGES}
    return {
        "experiment": path.stem if path else "notebook",
        "sha256": code.digest(code.read(path)) if path else "",
        "folder": str(path.absolute().parent) if path else "",
        "doc": doc.splitlines()[0] if doc else "",
        "command": " ".join(["python", *sys.argv]),
        "args": plain(args),
        "data": source.spec._asdict(),
        "found": found_in(source),
        "examples": source.length,
        "classes": list(source.classes),
        "shapes": [[list(x.shape), str(x.dtype)] for x in jax.tree.leaves(shapes)],
        "versions": {"python": platform.python_version(), **packages},
        "device": device(),
        "steps": args.run.steps,
    }


def device() -> str:
    """Which devices a run plays on, in words."""
    return f"{jax.devices()[0].device_kind} x{jax.device_count()}"


def read(folder: Path, *, whole: bool = True) -> dict[str, Any]:
    """The manifest of a run. Raises a `Mistake` if there is none or it is damaged.

    With `whole` all is there that makes a run's game and data anew; without, any part of
    it may be missing.
    """
    try:
        manifest = objects.parse((folder / "run.json").read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise Mistake(
            f"{folder} is no run, as it has no run.json; name the folder that an "
            "experiment wrote, its --workdir."
        ) from None
    except OSError as error:
        raise Mistake(
            f"{folder}/run.json cannot be read ({error.strerror})."
        ) from error
    except ValueError:
        raise _damaged(folder) from None
    if not isinstance(manifest, dict) or (whole and not _is_whole(manifest)):
        raise _damaged(folder)
    return manifest


def _damaged(folder: Path) -> Mistake:
    return Mistake(
        f"{folder}/run.json is damaged or was not written by ganjax; mend it, or start "
        "again in a new --workdir."
    )


def _is_whole(found: dict[str, Any]) -> bool:
    """Whether a manifest has all that is read from it, of the right kinds."""
    kinds = {"experiment": str, "args": dict, "data": dict, "examples": int}
    kinds |= {"classes": list, "shapes": list}
    if not all(isinstance(found.get(name), kind) for name, kind in kinds.items()):
        return False
    run = found["args"].get("run")
    shapes = all(
        isinstance(x, list)
        and len(x) == 2
        and isinstance(x[0], list)
        and all(isinstance(side, int) and side >= 0 for side in x[0])
        and isinstance(x[1], str)
        for x in found["shapes"]
    )
    if not isinstance(run, dict) or not isinstance(run.get("seeds", 1), int):
        return False
    track = run.get("track", [])
    lengths = isinstance(track, list) and all(isinstance(x, int | float) for x in track)
    return lengths and shapes and isinstance(found["data"].get("where"), str)


def seeds_of(manifest: dict[str, Any]) -> int:
    """How many seeds the run trains at once; one where the manifest does not say."""
    args = manifest.get("args")
    run = args.get("run") if isinstance(args, dict) else None
    seeds = run.get("seeds", 1) if isinstance(run, dict) else 1
    return seeds if isinstance(seeds, int) else 1


def inventory(folder: Path) -> dict[str, str] | None:
    """The names and contents of the data that the run was begun with, if it kept them."""
    try:
        packed = (folder / INVENTORY).read_bytes()
        found = objects.parse(gzip.decompress(packed))
    except (OSError, EOFError, ValueError, zlib.error):
        return None
    return found if isinstance(found, dict) else None


def keep_inventory(folder: Path, found: Mapping[str, str]) -> None:
    """Keeps the names and contents of the data."""
    draft = folder / f".{INVENTORY}.partial"
    draft.write_bytes(gzip.compress(json.dumps(found).encode(), mtime=0))
    os.replace(draft, folder / INVENTORY)


def shapes_of(manifest: dict[str, Any], like: Turns) -> Turns:
    """The shapes of the turns that the run was trained on, in the tree of `like`."""
    try:
        leaves = [jax.ShapeDtypeStruct(tuple(s), d) for s, d in manifest["shapes"]]
        return jax.tree.unflatten(jax.tree.structure(like), leaves)
    except (TypeError, ValueError) as error:
        raise Mistake(
            f"The run's run.json has other shapes than it should: {error}."
        ) from (error)


def spec_of(manifest: dict[str, Any]) -> Spec:
    """The data that the run was trained on.

    What another version of ganjax noted besides is left out.
    """
    known = {name: x for name, x in manifest["data"].items() if name in Spec._fields}
    return Spec(**known)


def write(path: Path, text: str) -> None:
    """Writes a file whole or not at all."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def status(folder: Path) -> dict[str, Any]:
    """How the run stands, as `set_status` wrote it; {} where that cannot be read."""
    return objects.read(folder / "status.json")


def set_status(folder: Path, state: str, step: int, sentence: str = "") -> None:
    """Records how the run stands: running, finished, stopped, diverged or failed."""
    text = json.dumps({"state": state, "step": step, "sentence": sentence}) + "\n"
    path = folder / "status.json"
    try:
        write(path, text)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT) or not path.exists():
            raise
        # No room for a second file: the old one's block is written over in its place.
        with path.open("r+") as file:
            file.write(text)
            file.truncate()


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
