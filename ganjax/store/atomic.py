"""Atomic writes: a file is complete or absent, and nobody ever reads half of one.

A file is written under a temporary name in the same folder, flushed to the disk, and then
renamed, which is atomic. A process that dies on the way leaves the old file as it was, and
perhaps a draft, whose name begins with a dot and ends with ".partial".
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def draft(path: Path) -> Iterator[Path]:
    """Yields a temporary path; the file written there replaces `path` on a normal exit.

    If the block raises, the temporary file is removed and `path` is left as it was. When
    several processes write the same file, the last one wins. For data in memory, `write`
    does the same in one call:

        with draft(path) as unfinished, unfinished.open("wb") as file:
            np.savez(file, **arrays)

    Args:
        path: the file to write, in a folder that exists.

    Yields:
        A path in the same folder, at which the block must create a file.
    """
    # In the same folder, as a rename is atomic only within one file system.
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        yield unfinished
        # Without this, a crash of the machine could leave an empty file at `path`.
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def write(path: Path, data: str | bytes, parents: bool = False) -> None:
    """Writes a file atomically.

    Args:
        path: the file.
        data: its contents; text is written as UTF-8.
        parents: whether missing parent folders are created. If not, a missing folder is a
            `FileNotFoundError`: a run whose folder was deleted must not recreate it.
    """
    if parents:
        path.parent.mkdir(parents=True, exist_ok=True)
    with draft(path) as unfinished:
        unfinished.write_bytes(data.encode() if isinstance(data, str) else data)
