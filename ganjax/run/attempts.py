"""Limits how often the scores of a step are tried if scoring kills the process.

A save comes before the scores of its step. So a process that is killed while it scores, for
instance because memory ran out, is resumed from that very step and has to score it first.
Without a limit such a run would be killed again and again and never go on.

`scoring.json` in the run's folder holds the newest step that was scored, with either the
number of tries that were begun and not finished, or the scores. Scores are written there
before they are written to the metrics, so that a kill between the two neither loses a row
of the metrics nor repeats it:

    {"step": 4, "tries": 1}
    {"step": 4, "scores": {"step": 4, "event": "scores", "frechet": 0.1}}
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

from ganjax.loop import Hook
from ganjax.run.hooks import RecordRow, ShowRow
from ganjax.run.terminal import say
from ganjax.store import json_object, metrics, write


FILE = "scoring.json"
MAX_TRIES = 2


def limit_tries(folder: Path, hook: Hook) -> Hook:
    """Returns the hook, called at most `MAX_TRIES` times for one step.

    Tries that ended with the process are counted, also those of processes before this one.
    A hook that returns without scores starts the count anew.
    """

    def limited(step, state, row):
        tries = _broadcast(_tries(folder, step))
        if tries >= MAX_TRIES:
            say(
                f"Scores at step {step} are left out, as the process ended {tries} times "
                "while they were made, perhaps for lack of memory; --no-scores turns them "
                "off."
            )
            return
        # Counted before the try, as a process that is killed in it cannot count afterward.
        if jax.process_index() == 0:
            _write(folder, {"step": step, "tries": tries + 1})
        hook(step, state, row)
        if jax.process_index() == 0 and read_scores(folder, step) is None:
            # There are no scores, but the process was not killed.
            _write(folder, {"step": step, "tries": 0})

    return limited


def record_once(folder: Path, record: RecordRow) -> ShowRow:
    """Returns a function (step, scores) that records the scores of a step only once."""

    def record_scores(step, scores):
        # First `scoring.json`, then the metrics: after a kill between the two
        # `add_missing_row` adds the row.
        if read_scores(folder, step) is None:
            row = metrics.as_json(step, {"event": metrics.SCORES, **scores})
            _write(folder, {"step": step, "scores": row})
            record(metrics.SCORES, step, scores)

    return record_scores


def read_scores(folder: Path, step: int) -> dict[str, Any] | None:
    """Returns the row of scores of a step, or None unless it is the newest with scores."""
    attempt = _read(folder)
    row = attempt.get("scores")
    return row if attempt.get("step") == step and isinstance(row, dict) else None


def add_missing_row(folder: Path, step: int) -> None:
    """Adds the scores of `step`, at which a run resumes, to metrics that lack them."""
    row = read_scores(folder, step)
    if row is not None and row not in metrics.read(folder / metrics.METRICS):
        values = {name: value for name, value in row.items() if name != "step"}
        metrics.append(folder / metrics.METRICS, step, values)


def is_owed(folder: Path, step: int) -> bool:
    """Returns whether the scoring of a step was never begun, or killed the process."""
    attempt = _read(folder)
    return attempt.get("step") != step or attempt.get("tries", 0) > 0


def _tries(folder: Path, step: int) -> int:
    attempt = _read(folder)
    tries = attempt.get("tries", 0) if attempt.get("step") == step else 0
    return tries if isinstance(tries, int) else 0


def _broadcast(count: int) -> int:
    """The count of the first process, which writes the file, in all of them."""
    if jax.process_count() == 1:
        return count
    return int(multihost_utils.broadcast_one_to_all(np.asarray(count)))


def _read(folder: Path) -> dict[str, Any]:
    return json_object.read(folder / FILE)


def _write(folder: Path, attempt: Mapping[str, Any]) -> None:
    write(folder / FILE, json.dumps(attempt) + "\n")
