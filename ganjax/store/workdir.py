"""The folder of a run, its `--workdir`: what lies in it, and who may train in it.

| file | contents |
|---|---|
| `run.json` | the manifest: what the run is (`ganjax.store.manifest`) |
| `inventory.json.gz` | names and digests of its data, to notice changes |
| `status.json` | whether the run is going on, or how it ended (`ganjax.store.status`) |
| `experiment.py`, `code/` | its code (`ganjax.store.code`) |
| `checkpoints/`, `averages/` | saves (`ganjax.store.checkpoint`) |
| `metrics.jsonl`, `clock.jsonl` | numbers (`ganjax.store.metrics`) |
| `samples/`, `reconstructions/` | pictures at some of the steps |
| `real.png`, `report.html`, ... | what else a person looks at (`ganjax.report`) |
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import jax

from ganjax.errors import UsageError
from ganjax.store import code
from ganjax.store.manifest import INVENTORY, MANIFEST, write_manifest
from ganjax.store.status import STATUS


try:
    import fcntl
except ImportError:  # Windows, where nothing keeps two runs out of one folder
    fcntl = None


AVERAGES = "averages"
CHECKPOINTS = "checkpoints"
RECONSTRUCTIONS = "reconstructions"
# What a start that was killed may leave: a folder with nothing else counts as empty.
START_FILES = {
    code.EXPERIMENT,
    code.IMPORTS_FOLDER,
    CHECKPOINTS,
    AVERAGES,
    INVENTORY,
    STATUS,
    "real.png",
}
# Disk space for the pictures, numbers and report of a run, besides its saves.
OUTPUT_BYTES = 50_000_000


@contextmanager
def claim(workdir: str) -> Iterator[Path]:
    """Yields the folder of a run, created if it is new, and locked during the block.

    If the block raises before a manifest is written, the folders that were created here are
    removed again, so that a refused run leaves nothing behind.

    Args:
        workdir: the path of the folder, as the user gave it.

    Raises:
        UsageError: if it cannot be the folder of a run: it is a file, has other contents,
            cannot be written, or another process trains in it.
    """
    folder = Path(workdir).expanduser()
    if not workdir.strip():
        raise UsageError("--workdir is empty: name a folder.")
    try:
        _check_usable(folder)
        # The folders that are created here, from the inside out.
        missing = [p for p in (folder, *folder.parents) if not p.exists()]
        if jax.process_index() == 0:
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder, error) from error
    try:
        with locked(folder):
            yield folder
    except BaseException:
        # Once there is a manifest, a run has begun: from then on nothing is removed.
        if jax.process_index() == 0 and not (folder / MANIFEST).exists():
            if folder in missing:  # nobody else has put anything into it
                shutil.rmtree(folder, ignore_errors=True)
            for path in (folder / CHECKPOINTS, folder / AVERAGES, *missing[1:]):
                with suppress(OSError):  # not empty: it was there before, or is in use
                    path.rmdir()
        raise


def _check_usable(folder: Path) -> None:
    """Raises a `UsageError` if something other than a run, or nothing, is there."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"--workdir {folder} is a file; name a folder.")
    if folder.is_dir() and not (folder / MANIFEST).exists():
        names = {path.name for path in folder.iterdir()}
        if {name for name in names if name[0] != "."} - START_FILES:
            raise UsageError(
                f"--workdir {folder} holds files but no run; name a new or empty folder."
            )
    for name in (CHECKPOINTS, AVERAGES):
        if (folder / name).exists() and not (folder / name).is_dir():
            raise UsageError(
                f"{folder / name} is a file where the saves of the run should be; "
                "remove it, or name another --workdir."
            )


def write_start(
    folder: Path, manifest: dict[str, Any], run_code: code.Code | None, step: int
) -> bool:
    """Writes the manifest and the code of a run that starts or resumes.

    Call it once everything that could refuse the run has been checked.

    Args:
        folder: the folder of the run.
        manifest: the manifest to write.
        run_code: the code of the run; None in a notebook.
        step: the step from which it resumes, 0 at the start.

    Returns:
        Whether the code has changed since the run was trained up to `step`.

    Raises:
        UsageError: if the folder cannot be written.
    """
    try:
        changed = run_code is not None and code.keep(folder, run_code, step)
        write_manifest(folder, manifest)
    except OSError as error:
        raise _unwritable(folder, error) from error
    return changed


def _unwritable(folder: Path, error: OSError) -> UsageError:
    return UsageError(
        f"--workdir {folder} cannot be written ({error.strerror}); name another."
    )


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Locks a folder while a run trains there.

    The lock ends with the process, however that ends. Where the file system or the platform
    has no locks, it does nothing.

    Raises:
        UsageError: if another process holds the lock.
    """
    if jax.process_index() or fcntl is None:
        yield
        return
    # The folder itself is locked, so that no lock file is left behind.
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(
                f"Another process trains in {folder}: wait for it, or name another "
                "--workdir."
            ) from None
        except OSError:  # a file system without locks
            pass
        yield
    finally:
        os.close(descriptor)


def is_locked(folder: Path) -> bool:
    """Returns whether a process trains in the folder now, as far as locks can tell."""
    try:
        with locked(folder):
            return False
    except UsageError:
        return True
    except OSError:
        return False


def check_space(folder: Path, state_bytes: int, saves: int = 4) -> None:
    """Checks that the disk has room for a run.

    Args:
        folder: the folder of the run, which need not exist yet.
        state_bytes: the size of one state.
        saves: how many states are on the disk at once. By default these are the two newest,
            the best, and the one that is being written.

    Raises:
        UsageError: if the disk has too little room.
    """
    needed = saves * state_bytes + OUTPUT_BYTES
    # A folder that does not exist yet will be on the disk of its nearest parent.
    absolute = folder.absolute()
    existing = next(p for p in [absolute, *absolute.parents] if p.exists())
    free = shutil.disk_usage(existing).free
    if free < needed:
        raise UsageError(
            f"The run needs {needed / 1e9:.2f} GB in {folder} and {free / 1e9:.2f} GB "
            "are free; make room or name another --workdir."
        )
