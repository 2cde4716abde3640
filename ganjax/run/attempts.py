"""Scores that the process does not survive are not tried for ever.

A save comes before the scores of its step, so a process that is killed while scoring, for
want of memory perhaps, resumes from that very step. The scores that it still owes are made
then; but not a third time. What was found is noted before it is told, so that a kill
between the two neither loses a row of the metrics nor repeats it.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

from ganjax.loop import Hook, Row
from ganjax.run import logs, objects
from ganjax.run.folder import write
from ganjax.run.terminal import say


FILE = "scoring.json"
TRIES = 2


def limited(folder: Path, hook: Hook) -> Hook:
    """The hook, called at most twice for one step, however often the process died in it."""

    def guarded(step, state, row):
        tries = _agreed(_tries(folder, step))
        if tries >= TRIES:
            say(
                f"Scores at step {step} are left out, as the process ended {tries} times "
                "while they were made, perhaps for want of memory; --no-scores turns them "
                "off."
            )
            return
        if jax.process_index() == 0:
            _note(folder, {"step": step, "tries": tries + 1})
        hook(step, state, row)
        if jax.process_index() == 0 and noted(folder, step) is None:
            _note(folder, {"step": step, "tries": 0})  # it failed, but lived to say so

    return guarded


def recorded(folder: Path, record: Callable[[int, Row], None]) -> Callable:
    """`record`, which notes the row before; one that was recorded already stays alone."""

    def once(step, row):
        if noted(folder, step) is None:
            _note(folder, {"step": step, "scores": json.loads(logs.line(step, row))})
            record(step, row)

    return once


def noted(folder: Path, step: int) -> dict[str, Any] | None:
    """The row of scores that was found at a step, the newest that was scored."""
    found = _read(folder)
    row = found.get("scores")
    return row if found.get("step") == step and isinstance(row, dict) else None


def settle(folder: Path, step: int) -> None:
    """Completes the metrics of a run that resumes at `step` by what was noted there."""
    row = noted(folder, step)
    if row is not None and row not in logs.rows(folder / logs.METRICS):
        values = {name: value for name, value in row.items() if name != "step"}
        logs.append(folder / logs.METRICS, step, values)


def is_owed(folder: Path, step: int) -> bool:
    """Whether scoring at a step was not begun, or begun and not survived."""
    found = _read(folder)
    return found.get("step") != step or found.get("tries", 0) > 0


def _tries(folder: Path, step: int) -> int:
    found = _read(folder)
    tries = found.get("tries", 0) if found.get("step") == step else 0
    return tries if isinstance(tries, int) else 0


def _agreed(count: int) -> int:
    if jax.process_count() == 1:
        return count
    return int(multihost_utils.broadcast_one_to_all(np.asarray(count)))


def _read(folder: Path) -> dict[str, Any]:
    return objects.read(folder / FILE)


def _note(folder: Path, what: Mapping[str, Any]) -> None:
    write(folder / FILE, json.dumps(what) + "\n")
