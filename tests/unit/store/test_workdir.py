"""The folder of a run: what it may hold, who may train in it, and how much fits."""

import errno
import fcntl
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import jax
import pytest

from ganjax.errors import UsageError
from ganjax.store import code, workdir
from ganjax.store.manifest import read_manifest
from ganjax.store.workdir import (
    check_space,
    claim,
    is_locked,
    locked,
    write_start,
)


def names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


class Refused(Exception):
    """What a run raises that is refused after its folder was claimed."""


def refused(folder, *made):
    """Claims a folder, makes some folders and files in it, and is refused."""
    with pytest.raises(Refused), claim(str(folder)) as claimed:
        for name in made:
            if name.endswith("/"):
                (claimed / name).mkdir(parents=True)
            else:
                (claimed / name).touch()
        raise Refused


def test_a_folder_is_made_and_locked_while_it_is_claimed(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    with claim("~/some/run") as folder:
        assert folder == tmp_path / "some" / "run" and is_locked(folder)
        with pytest.raises(UsageError, match=f"Another process trains in {folder}"):
            with claim(str(folder)):
                pass
    assert folder.is_dir() and not is_locked(folder) and names(folder) == []
    with claim(str(folder)) as again:
        assert again == folder


def test_of_a_refused_run_only_what_was_there_before_is_left(tmp_path):
    refused(tmp_path / "some" / "new" / "run", "experiment.py", "checkpoints/")
    assert names(tmp_path) == []
    (tmp_path / "some").mkdir()
    refused(tmp_path / "some" / "run")
    assert names(tmp_path) == ["some"]
    (tmp_path / "some" / "status.json").touch()
    refused(tmp_path / "some", "checkpoints/", "averages/1/")
    assert names(tmp_path) == [
        "some",
        "some/averages",
        "some/averages/1",
        "some/status.json",
    ]


def test_a_run_that_has_a_manifest_is_left_as_it_is(tmp_path):
    refused(tmp_path / "a" / "run", "run.json", "checkpoints/")
    assert names(tmp_path / "a" / "run") == ["checkpoints", "run.json"]


@pytest.mark.parametrize("workdir", ["", "  "])
def test_an_empty_name_is_no_folder(workdir, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="--workdir is empty"), claim(workdir):
        pass


def test_a_folder_of_other_things_is_refused_unless_a_start_left_them(tmp_path):
    for name in ("experiment.py", "inventory.json.gz", "status.json", "real.png", ".x"):
        (tmp_path / name).touch()
    for name in ("code", "checkpoints", "averages"):
        (tmp_path / name).mkdir()
    with claim(str(tmp_path)):
        pass
    (tmp_path / "metrics.jsonl").touch()
    before = names(tmp_path)
    with pytest.raises(UsageError, match="holds files but no run"):
        with claim(str(tmp_path)):
            pass
    assert names(tmp_path) == before
    (tmp_path / "run.json").touch()
    with claim(str(tmp_path)):
        pass


def test_files_in_place_of_folders_are_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="file is a file; name a folder"):
        with claim(str(tmp_path / "file")):
            pass
    for name in ("checkpoints", "averages"):
        folder = tmp_path / f"of {name}"
        folder.mkdir()
        for file in ("run.json", name):
            (folder / file).touch()
        with pytest.raises(UsageError, match=f"{name} is a file where the saves"):
            with claim(str(folder)):
                pass


def test_a_folder_that_cannot_be_made_is_a_sentence_with_the_reason(
    tmp_path, monkeypatch
):
    def fail(path, **more):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "mkdir", fail)
    with pytest.raises(UsageError, match=r"cannot be written \(Read-only file system"):
        with claim(str(tmp_path / "run")):
            pass


def test_only_the_first_process_makes_locks_and_removes_folders(tmp_path, monkeypatch):
    monkeypatch.setattr(jax, "process_index", lambda: 1)
    with claim(str(tmp_path / "run")) as folder:
        assert not folder.exists()
    refused(tmp_path, "status.json")
    assert names(tmp_path) == ["status.json"]
    monkeypatch.undo()
    with locked(tmp_path):
        monkeypatch.setattr(jax, "process_index", lambda: 1)
        with locked(tmp_path):
            pass


def test_without_locks_nobody_is_kept_out(tmp_path, monkeypatch):
    def fail(descriptor, operation):
        raise OSError(errno.ENOLCK, "No locks available")

    with locked(tmp_path):
        assert is_locked(tmp_path)
        monkeypatch.setattr(fcntl, "flock", fail)
        with locked(tmp_path):
            assert not is_locked(tmp_path)
        monkeypatch.undo()
        monkeypatch.setattr(workdir, "fcntl", None)
        with locked(tmp_path):
            assert not is_locked(tmp_path)


def test_a_lock_ends_with_its_block_and_leaves_no_file_open(tmp_path):
    count = lambda: len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    before = count()
    for _ in range(2):
        with pytest.raises(Refused), locked(tmp_path):
            raise Refused
        assert not is_locked(tmp_path) and count() == before
    assert not is_locked(tmp_path / "gone")


def test_a_start_writes_the_code_and_the_manifest_and_tells_a_change(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("GANJAX_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "run"
    folder.mkdir()
    assert write_start(folder, {"a": 1}, None, 0) is False
    assert names(folder) == ["run.json"]
    one, two = code.Code(b"# 1", {}), code.Code(b"# 2", {})
    assert [
        write_start(folder, {"a": step}, each, step)
        for each, step in ((one, 0), (one, 4), (two, 8))
    ] == [False, False, True]
    assert read_manifest(folder, complete=False) == {"a": 8}
    assert code.read_kept(folder) == two
    shutil.rmtree(folder)
    with pytest.raises(UsageError, match="run cannot be written .No such file"):
        write_start(folder, {}, None, 0)


def test_a_disk_has_room_for_so_many_states_and_the_pictures(tmp_path, monkeypatch):
    asked = []

    def usage(path):
        asked.append(path)
        return SimpleNamespace(free=5_050_000_000)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    monkeypatch.chdir(tmp_path)
    check_space(tmp_path, 1_250_000_000)
    check_space(Path("some/run"), 1_000_000_000, saves=5)
    check_space(tmp_path / "some" / "run", 5_000_000_000, saves=1)
    assert asked == [tmp_path] * 3
    with pytest.raises(UsageError, match=r"5\.55 GB in some/run and 5\.05 GB are free"):
        check_space(Path("some/run"), 1_100_000_000, saves=5)
    with pytest.raises(UsageError, match="are free"):
        check_space(tmp_path, 1_250_000_001)
