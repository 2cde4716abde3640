"""How a run stands is recorded even where the disk has no room left."""

import errno
import os

from ganjax.store import status
from ganjax.store.status import read_status, write_status


def test_a_status_finds_room_on_a_full_disk(tmp_path, monkeypatch):
    write_status(tmp_path, "running", 3, "A sentence that is longer than the next one.")

    def no_room(path, text):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr(status, "write", no_room)
    write_status(tmp_path, "stopped", 4, "No room.")
    assert read_status(tmp_path) == {
        "state": "stopped",
        "step": 4,
        "sentence": "No room.",
    }
