"""Buffers of feature vectors that grow chunk by chunk, in memory or in a temporary file.

Features of many samples may not fit in memory: the pixels of 2,000 images of 256 px take
1.6 GB. So samples are generated and turned into features in chunks, and a large buffer
moves to a file. The file is read and written explicitly rather than memory-mapped, because
mapped pages would count as the process's own memory.
"""

import errno
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ganjax.errors import UsageError
from ganjax.evaluation.distances import ALL, Rows, all_finite


MAX_BYTES_IN_MEMORY = 2**27  # of one buffer; a larger one moves to a file
MIN_FREE_BYTES = 2**30  # stays free on the disk, so that a run can still be saved


class RowBuffer(NamedTuple):
    """A growing matrix of feature vectors."""

    add: Callable[[np.ndarray], None]
    """Appends a chunk [n, ...], of which each item becomes one flattened row. Raises a
    `UsageError` on NaN or infinity, and an `OSError` if the disk has no room."""

    rows: Callable[[], Rows]
    """Returns all rows so far, in order."""


@dataclass(frozen=True)
class StoredImages:
    """Images in a `RowBuffer`, indexed like an array [n, h, w, c].

    Attributes:
        rows: the flattened images.
        image: the shape of one image, [h, w, c].
        dtype: the type of their pixels.
    """

    rows: Rows
    image: tuple[int, ...]
    dtype: np.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """[n, h, w, c]"""
        return self.rows.length, *self.image

    def __len__(self) -> int:
        return self.rows.length

    def __getitem__(self, index: slice | np.ndarray) -> np.ndarray:
        return self.rows.read(index, ALL).reshape(-1, *self.image)


class _File:
    """A temporary file without a name, which is deleted when nothing refers to it."""

    def __init__(self, folder: Path | None):
        try:
            self.raw = tempfile.TemporaryFile(dir=folder, buffering=0)
        except OSError:  # the folder is missing or cannot be written
            self.raw = tempfile.TemporaryFile(buffering=0)

    def __del__(self):
        if hasattr(self, "raw"):
            self.raw.close()

    def write(self, chunk: np.ndarray) -> None:
        disk = os.fstatvfs(self.raw.fileno())
        if disk.f_bavail * disk.f_frsize < chunk.nbytes + MIN_FREE_BYTES:
            raise OSError(errno.ENOSPC, "the disk has no room for the features")
        # Unbuffered files may write or read less than they were asked to.
        view = chunk.data.cast("B")
        while view:
            view = view[self.raw.write(view) :]

    def read_into(self, target: np.ndarray, start: int) -> None:
        self.raw.seek(start)
        view = target.data.cast("B")
        while view:
            count = self.raw.readinto(view)
            if not count:
                raise OSError(errno.EIO, "the file of the features is cut off")
            view = view[count:]


def row_buffer(folder: Path | None = None) -> RowBuffer:
    """Creates an empty buffer.

    The file of a large buffer has no name, and is deleted once nothing refers to the buffer
    or its `Rows`, or when the process ends, even if it is killed.

    Args:
        folder: where the file is created. If it is None or cannot be written, the system's
            folder for temporary files is used.
    """
    chunks: list[np.ndarray] = []  # those that are in memory
    file: _File | None = None
    template = np.empty((0, 0), np.float32)  # width and dtype of the rows
    length = 0

    def add(chunk: np.ndarray) -> None:
        nonlocal file, length, template
        if not all_finite(chunk):
            raise UsageError("The features contain NaN or infinity.")
        chunk = np.ascontiguousarray(chunk.reshape(len(chunk), -1))
        # An empty slice keeps width and dtype without keeping the chunk.
        template = chunk[:0]
        length += len(chunk)
        chunks.append(chunk)
        if file is None and sum(part.nbytes for part in chunks) > MAX_BYTES_IN_MEMORY:
            # From now on every chunk goes to the file.
            file = _File(folder)
        if file:
            for part in filter(len, chunks):
                file.write(part)
            chunks.clear()

    def rows() -> Rows:
        width = template.shape[1]
        dtype = template.dtype
        if file is None:
            # A buffer to which nothing was added has 0 rows of width 0.
            matrix = np.concatenate(chunks or [template])
            return Rows(length, width, lambda index, columns: matrix[index, columns])
        # `read` holds this reference, so the file exists for as long as its rows are used.
        rows_file = file

        def read(index: slice | np.ndarray, columns: slice) -> np.ndarray:
            start, stop, _ = columns.indices(width)
            row_numbers = np.arange(length)[index]
            part = np.empty((len(row_numbers), stop - start), dtype)
            # The requested columns of one row are contiguous in the file.
            for row, number in zip(part, row_numbers, strict=True):
                rows_file.read_into(row, (int(number) * width + start) * dtype.itemsize)
            return part

        return Rows(length, width, read)

    return RowBuffer(add, rows)
