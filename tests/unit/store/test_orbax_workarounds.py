"""What Orbax shares with the whole process is changed only while Orbax is at work."""

import logging
import sys

import jax
import jax.numpy as jnp
import orbax.checkpoint as ocp
import pytest

from ganjax.store.checkpoint import finish, open_saves, restore, save
from ganjax.store.orbax_workarounds import MIN_SLICE_BYTES, quiet_orbax
from tests.helpers.damage import flip, largest


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
