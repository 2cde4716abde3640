"""Feature vectors gathered a chunk at a time: in memory, or in a file if they are many.

The pixels of 2,000 images of 256 px are 1.6 GB. The file is read and written by blocks,
as pages that are mapped would count as the process's own memory.
"""

import errno
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ganjax.errors import Mistake
from ganjax.evaluation.distances import ALL, Rows, finite


IN_MEMORY = 2**27  # bytes of one set that are kept in memory
LEFT_FREE = 2**30  # bytes that are left on the disk, so that a run can still be saved


class Gathering(NamedTuple):
    """Where feature vectors are brought together."""

    add: Callable[[np.ndarray], None]  # [chunk, ...], each flattened to a vector
    rows: Callable[[], Rows]  # all that were added, in order


@dataclass(frozen=True)
class Kept:
    """Images that were gathered, read by number as an array of them would be."""

    rows: Rows
    image: tuple[int, ...]  # the shape of one
    dtype: np.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """[n, h, w, c]"""
        return self.rows.length, *self.image

    def __len__(self) -> int:
        return self.rows.length

    def __getitem__(self, some: slice | np.ndarray) -> np.ndarray:
        return self.rows.read(some, ALL).reshape(-1, *self.image)


class _File:
    """A file without a name that is closed, and gone, when nothing refers to it."""

    def __init__(self, folder: Path | None):
        try:
            self.raw = tempfile.TemporaryFile(dir=folder, buffering=0)
        except OSError:  # the folder is missing, or not to be written
            self.raw = tempfile.TemporaryFile(buffering=0)

    def __del__(self):
        if hasattr(self, "raw"):
            self.raw.close()

    def write(self, part: np.ndarray) -> None:
        disk = os.fstatvfs(self.raw.fileno())
        if disk.f_bavail * disk.f_frsize < part.nbytes + LEFT_FREE:
            raise OSError(errno.ENOSPC, "the disk has no room for the features")
        view = part.data.cast("B")
        while view:  # a disk that fills up takes a part
            view = view[self.raw.write(view) :]

    def read_into(self, part: np.ndarray, start: int) -> None:
        self.raw.seek(start)
        view = part.data.cast("B")
        while view:
            count = self.raw.readinto(view)
            if not count:
                raise OSError(errno.EIO, "the file of the features is cut off")
            view = view[count:]


def gather(folder: Path | None = None) -> Gathering:
    """An empty gathering, whose file would lie in `folder`.

    The file has no name and is gone when nothing refers to the `Rows` any more, or when
    the process ends, however that comes. It is in the system's folder for such files
    where none is given or it cannot be written. `add` raises a `Mistake` on NaN or
    infinity, and an `OSError` if the disk has no room.
    """
    kept: list[np.ndarray] = []
    file: _File | None = None
    like = np.empty((0, 0), np.float32)
    length = 0

    def add(chunk: np.ndarray) -> None:
        nonlocal file, length, like
        if not finite(chunk):
            raise Mistake("The features contain NaN or infinity.")
        chunk = np.ascontiguousarray(chunk.reshape(len(chunk), -1))
        like, length = chunk[:0], length + len(chunk)
        kept.append(chunk)
        if file is None and sum(part.nbytes for part in kept) > IN_MEMORY:
            file = _File(folder)
        if file:
            for part in filter(len, kept):
                file.write(part)
            kept.clear()

    def rows() -> Rows:
        width, dtype = like.shape[1], like.dtype
        if file is None:
            whole = np.concatenate(kept or [like])
            return Rows(length, width, lambda some, columns: whole[some, columns])
        written = file

        def read(some: slice | np.ndarray, columns: slice) -> np.ndarray:
            start, stop, _ = columns.indices(width)
            index = np.arange(length)[some]
            part = np.empty((len(index), stop - start), dtype)
            for row, number in zip(part, index, strict=True):
                written.read_into(row, (int(number) * width + start) * dtype.itemsize)
            return part

        return Rows(length, width, read)

    return Gathering(add, rows)
