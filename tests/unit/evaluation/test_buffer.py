"""Features in memory or in a file: where they go, and that all of them come back."""

import errno
from types import SimpleNamespace

import numpy as np
import pytest

from ganjax import evaluation
from ganjax.evaluation import buffer


ALL = slice(None)
ROWS = np.arange(60.0).reshape(12, 5)


@pytest.fixture
def files(monkeypatch):
    """The temporary files that are made, and the folders that were asked for."""
    made, temporary = [], buffer.tempfile.TemporaryFile

    def keep(dir=None, **options):
        file = temporary(dir=dir, **options)
        made.append((file, dir))
        return file

    monkeypatch.setattr(buffer.tempfile, "TemporaryFile", keep)
    return made


def test_a_buffer_moves_to_a_file_in_its_folder_once_it_is_over_the_limit(
    monkeypatch, tmp_path, files
):
    monkeypatch.setattr(buffer, "MAX_BYTES_IN_MEMORY", ROWS[:6].nbytes)
    into = evaluation.row_buffer(tmp_path)
    into.add(ROWS[:4])
    into.add(ROWS[4:6])
    assert not files
    np.testing.assert_array_equal(into.rows().read(ALL, ALL), ROWS[:6])
    for i in range(6, 12):
        into.add(ROWS[i : i + 1])
    assert [folder for _, folder in files] == [tmp_path]
    np.testing.assert_array_equal(into.rows().read(ALL, ALL), ROWS)


def test_the_file_lives_as_long_as_its_rows(monkeypatch, files):
    monkeypatch.setattr(buffer, "MAX_BYTES_IN_MEMORY", 0)
    into = evaluation.row_buffer()
    into.add(ROWS)
    rows = into.rows()
    del into
    np.testing.assert_array_equal(rows.read(np.array([11, 3]), ALL), ROWS[[11, 3]])
    ((file, _),) = files
    assert not file.closed
    del rows
    assert file.closed


class Slow:
    """A file that reads and writes seven bytes at a time."""

    def __init__(self, file):
        self.file, self.seek, self.fileno = file, file.seek, file.fileno
        self.close = file.close

    def write(self, view):
        return self.file.write(view[:7])

    def readinto(self, view):
        return self.file.readinto(view[:7])


def test_a_file_that_takes_and_gives_little_at_a_time_loses_nothing(monkeypatch):
    temporary = buffer.tempfile.TemporaryFile
    slow = lambda **options: Slow(temporary(**options))
    monkeypatch.setattr(buffer.tempfile, "TemporaryFile", slow)
    monkeypatch.setattr(buffer, "MAX_BYTES_IN_MEMORY", 0)
    into = evaluation.row_buffer()
    into.add(ROWS[:5])
    into.add(ROWS[5:])
    np.testing.assert_array_equal(into.rows().read(ALL, slice(1, 4)), ROWS[:, 1:4])


def test_a_file_that_was_cut_off_is_an_error(monkeypatch, files):
    monkeypatch.setattr(buffer, "MAX_BYTES_IN_MEMORY", 0)
    into = evaluation.row_buffer()
    into.add(ROWS)
    ((file, _),) = files
    file.truncate(ROWS.nbytes - 1)
    np.testing.assert_array_equal(into.rows().read(slice(11), ALL), ROWS[:11])
    with pytest.raises(OSError, match=rf"\[Errno {errno.EIO}\] .* cut off"):
        into.rows().read(ALL, ALL)


def test_a_gigabyte_of_the_disk_stays_free(monkeypatch):
    monkeypatch.setattr(buffer, "MAX_BYTES_IN_MEMORY", 0)
    free = 2**30 + ROWS.nbytes
    for blocks, size in ((free, 1), (free // 32, 32)):
        disk = SimpleNamespace(f_bavail=blocks, f_frsize=size)
        monkeypatch.setattr(buffer.os, "fstatvfs", lambda file, disk=disk: disk)
        into = evaluation.row_buffer()
        into.add(ROWS)
        disk.f_bavail -= 1
        with pytest.raises(OSError, match="no room"):
            evaluation.row_buffer().add(ROWS)


def test_nothing_is_known_of_a_buffer_to_which_nothing_was_added():
    into = evaluation.row_buffer()
    assert into.rows()[:2] == (0, 0)
    assert into.rows().read(ALL, ALL).shape == (0, 0)


def test_each_item_of_a_chunk_is_a_row_whatever_its_axes():
    chunk = np.arange(48.0).reshape(4, 3, 2, 2).swapaxes(0, 1)
    into = evaluation.row_buffer()
    into.add(chunk)
    np.testing.assert_array_equal(into.rows().read(ALL, ALL), chunk.reshape(3, 16))
    images = evaluation.StoredImages(into.rows(), (4, 2, 2), chunk.dtype)
    np.testing.assert_array_equal(images[1:], chunk[1:])
