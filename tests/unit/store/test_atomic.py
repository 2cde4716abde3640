"""Files that are whole or absent, whatever happens while they are written."""

import os
import signal
import subprocess
import sys

import pytest

from ganjax.store import draft, write
from tests.helpers.processes import ROOT


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("data", ["words: é\n", b"\x00\xff"])
def test_what_is_written_is_there_and_nothing_else(tmp_path, data):
    path = tmp_path / "a.json"
    for _ in range(2):  # also over what was there before
        write(path, data)
        assert path.read_bytes() == (data if isinstance(data, bytes) else data.encode())
        assert names(tmp_path) == ["a.json"]


def test_after_an_error_the_file_is_as_it_was(tmp_path):
    path = tmp_path / "a"
    write(path, "before")
    with pytest.raises(RuntimeError), draft(path) as unfinished:
        unfinished.write_text("half")
        assert path.read_text() == "before"
        raise RuntimeError
    assert path.read_text() == "before" and names(tmp_path) == ["a"]


def test_contents_are_on_the_disk_before_they_have_the_name(tmp_path, monkeypatch):
    """Or a crash of the machine could leave the name with nothing in it."""
    path, before, seen = tmp_path / "a", os.fsync, []

    def sync(number):
        before(number)
        seen.append(path.exists())

    monkeypatch.setattr(os, "fsync", sync)
    write(path, "x")
    assert seen == [False] and path.read_text() == "x"


def test_a_missing_folder_is_an_error_and_not_made(tmp_path):
    with pytest.raises(FileNotFoundError):
        write(tmp_path / "gone" / "a", "x")
    assert names(tmp_path) == []


def test_missing_folders_are_made_where_that_is_asked_for(tmp_path):
    path = tmp_path / "some" / "folder" / "a"
    for text in ("one", "two"):
        write(path, text, parents=True)
        assert path.read_text() == text and names(path.parent) == ["a"]


def test_an_unfinished_file_is_hidden_beside_the_file_and_says_what_it_is(tmp_path):
    with draft(tmp_path / "a.json") as unfinished:
        assert unfinished == tmp_path / f".a.json.{os.getpid()}.partial"
        unfinished.touch()
    assert names(tmp_path) == ["a.json"]


KILLED = """
import os, signal, sys
from pathlib import Path
from ganjax.store import draft

with draft(Path(sys.argv[1])) as unfinished:
    unfinished.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_kill_leaves_the_file_as_it_was(tmp_path):
    path = tmp_path / "a"
    write(path, "before")
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", KILLED, str(path)]
    ended = subprocess.run(command, env=env, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert path.read_text() == "before"
    write(path, "after")
    assert path.read_text() == "after"


def test_two_processes_that_write_the_same_file_do_not_mix(tmp_path, monkeypatch):
    path = tmp_path / "a"
    with draft(path) as one:
        one.write_text("one")
        monkeypatch.setattr(os, "getpid", lambda: 0)  # as if in another process
        write(path, "two")
        assert path.read_text() == "two"
    assert path.read_text() == "one" and names(tmp_path) == ["a"]
