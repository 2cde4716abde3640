"""How a run stands is recorded even where the disk has no room left."""

import errno
import os

import pytest

from ganjax.store import status
from ganjax.store.status import read_status, write_status


def fails_with(monkeypatch, number):
    def fail(path, text):
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(status, "write", fail)


def test_a_status_is_read_as_it_was_written_and_a_missing_one_is_empty(tmp_path):
    assert read_status(tmp_path) == {}
    write_status(tmp_path, "diverged", 12, "The loss is nan.")
    assert read_status(tmp_path) == {
        "state": "diverged",
        "step": 12,
        "sentence": "The loss is nan.",
    }
    write_status(tmp_path, "running", 0)
    assert (tmp_path / "status.json").read_text() == (
        '{"state": "running", "step": 0, "sentence": ""}\n'
    )


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_status_finds_room_on_a_full_disk(tmp_path, monkeypatch, number):
    write_status(tmp_path, "running", 3, "A sentence that is longer than the next one.")
    fails_with(monkeypatch, number)
    write_status(tmp_path, "stopped", 4, "No room.")
    assert read_status(tmp_path) == {
        "state": "stopped",
        "step": 4,
        "sentence": "No room.",
    }


def test_other_errors_and_a_full_disk_without_a_status_are_told(tmp_path, monkeypatch):
    fails_with(monkeypatch, errno.ENOSPC)
    with pytest.raises(OSError, match="No space left"):
        write_status(tmp_path, "running", 3)
    assert not list(tmp_path.iterdir())
    (tmp_path / "status.json").write_text("as it was")
    fails_with(monkeypatch, errno.EACCES)
    with pytest.raises(PermissionError):
        write_status(tmp_path, "running", 3)
    assert (tmp_path / "status.json").read_text() == "as it was"
