"""What Orbax shares with the whole process is changed only while Orbax is at work."""

import logging
import sys
import weakref
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import orbax.checkpoint as ocp
import pytest

from ganjax.store import orbax_workarounds
from ganjax.store.checkpoint import finish, open_saves, restore, save
from ganjax.store.orbax_workarounds import (
    MIN_SLICE_BYTES,
    forget_warnings,
    last_warning,
    quiet_orbax,
    unsliced_small_arrays,
)
from tests.helpers.damage import flip, largest


@pytest.fixture(autouse=True)
def no_block_is_open(monkeypatch):
    """A command that failed in this process keeps Orbax quiet until its end."""
    monkeypatch.setattr(orbax_workarounds, "_depth", 0)
    monkeypatch.setattr(sys, "unraisablehook", sys.__unraisablehook__)
    for name in ("absl", "asyncio"):
        monkeypatch.setattr(logging.getLogger(name), "filters", [])


def shared():
    """All that `orbax_workarounds` changes for a while."""
    handler = ocp.type_handlers.get_type_handler(jax.Array)
    filters = [[*logging.getLogger(name).filters] for name in ("absl", "asyncio")]
    return filters, sys.unraisablehook, handler._min_slice_bytes_for_replica_parallel


def test_saving_and_restoring_leave_the_process_as_it_was(tmp_path):
    before = shared()
    saves = open_saves(tmp_path)
    save(saves, 1, {"x": jnp.zeros(3)})
    finish(saves)
    flip(largest(tmp_path / "1" / "state"))
    restore(saves, {"x": jnp.zeros(3)}, lambda sentence: None)
    saves.orbax.close()
    assert shared() == before


def test_small_arrays_are_saved_whole(tmp_path, monkeypatch):
    seen = []
    plainly = ocp.type_handlers.ArrayHandler.serialize

    def serialize(self, *args, **kwargs):
        seen.append(self._min_slice_bytes_for_replica_parallel)
        return plainly(self, *args, **kwargs)

    monkeypatch.setattr(ocp.type_handlers.ArrayHandler, "serialize", serialize)
    saves = open_saves(tmp_path)
    save(saves, 1, {"x": jnp.zeros(3)})
    finish(saves)
    saves.orbax.close()
    assert seen == [MIN_SLICE_BYTES]


def test_blocks_may_be_nested_and_end_with_an_error():
    before = shared()
    with quiet_orbax():
        within = shared()
        with pytest.raises(ZeroDivisionError), quiet_orbax():
            raise ZeroDivisionError
        assert shared() == within
    assert shared() == before


def test_a_hook_that_was_set_meanwhile_is_kept(monkeypatch):
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    with quiet_orbax():
        other = sys.unraisablehook = lambda unraisable: None
    assert sys.unraisablehook is other


def test_other_remarks_are_logged_as_before(caplog):
    with quiet_orbax():
        logging.getLogger("absl").warning("of somebody else")
        logging.getLogger("asyncio").warning("a slow callback")
    assert [record.message for record in caplog.records] == [
        "of somebody else",
        "a slow callback",
    ]


def log(name, text, file, **more):
    """A message as code in that file logs it."""
    record = logging.LogRecord(name, logging.WARNING, file, 1, text, (), None, **more)
    logging.getLogger(name).handle(record)


def test_warnings_of_orbax_are_kept_from_the_terminal_until_they_are_forgotten(caplog):
    orbax, other = "/site-packages/orbax/checkpoint/a.py", "/home/orbaxes/a.py"
    forget_warnings()
    assert last_warning() == ""
    with quiet_orbax():
        log("absl", "first", orbax)
        log("absl", "x" * 300 + "\nmore", orbax)
        assert last_warning() == "x" * 200
        log("absl", "of somebody else", other)
        assert last_warning() == "x" * 200
    log("absl", "afterwards", orbax)
    assert [record.message for record in caplog.records] == [
        "of somebody else",
        "afterwards",
    ]
    forget_warnings()
    assert last_warning() == ""


def test_errors_that_were_never_retrieved_are_dropped(caplog):
    with quiet_orbax():
        log("asyncio", "Task exception was never retrieved\nfuture: <Task>", "a.py")
    log("asyncio", "Task exception was never retrieved", "a.py")
    assert len(caplog.records) == 1


def test_only_harmless_errors_that_nobody_could_raise_are_dropped(monkeypatch):
    told = []
    monkeypatch.setattr(sys, "unraisablehook", told.append)
    harmless = [
        SimpleNamespace(exc_value=RuntimeError("Event loop is closed"), err_msg=None),
        SimpleNamespace(exc_value=None, err_msg="coroutine 'f' was never awaited"),
        SimpleNamespace(
            exc_value=ValueError("Encountered error while reading x"), err_msg=""
        ),
    ]
    other = SimpleNamespace(exc_value=ValueError("else"), err_msg="Exception ignored")
    with quiet_orbax():
        for each in (*harmless, other):
            sys.unraisablehook(each)
    assert told == [other]


def test_blocks_of_several_threads_may_overlap():
    before = shared()
    first, second = quiet_orbax(), quiet_orbax()
    first.__enter__()
    within = shared()
    second.__enter__()
    first.__exit__(None, None, None)
    assert shared() == within != before
    second.__exit__(None, None, None)
    assert shared() == before


def test_variables_of_orbax_alone_are_freed_from_an_error_and_its_causes(monkeypatch):
    monkeypatch.setattr(orbax_workarounds, "SETTLE_SECONDS", 0)

    class Task:
        pass

    def code(file, call):
        text = f"def f(task, error=None):\n    kept = task\n    {call}\n"
        found = {}
        exec(compile(text, file, "exec"), found)
        return found["f"]

    fails = code("/lib/orbax/a.py", "raise ValueError('inner')")
    follows = code("/lib/orbax/b.py", "raise KeyError('outer') from error")
    elsewhere = code("/lib/other/c.py", "raise TypeError('last')")
    tasks = [Task() for _ in range(3)]
    alive = [weakref.ref(task) for task in tasks]
    try:
        try:
            try:
                fails(tasks[0])
            except ValueError as error:
                follows(tasks[1], error)
        except KeyError:
            elsewhere(tasks[2])
    except TypeError as error:
        del tasks
        orbax_workarounds.clear_frames(error)
        assert [each() is None for each in alive] == [True, True, False]


def test_the_size_below_which_arrays_are_saved_whole_is_set_for_a_block_only():
    before = shared()
    with pytest.raises(ZeroDivisionError), unsliced_small_arrays():
        assert shared()[-1] == 2**20 != before[-1]
        raise ZeroDivisionError
    assert shared() == before
