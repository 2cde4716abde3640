"""The numbers that a run logs, in files of one JSON object per line (a "row").

`metrics.jsonl` holds numbers that the run determines, and is the same, bit for bit, however
often the run was interrupted. `clock.jsonl` holds timings, which vary.

A row of `metrics.jsonl` has a "step", an "event", which says whether the row is of
training, of scores or of a user's own hook, and numbers by name, such as "d/loss". A
population of several seeds has a list of one number per seed in place of each number:

    {"step": 100, "event": "training", "d/loss": 1.31, "g/loss": 0.74}
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ganjax.store import json_object
from ganjax.store.atomic import write


METRICS = "metrics.jsonl"
CLOCK = "clock.jsonl"
# The events of rows. Readers go by the event and never by the names of the numbers.
TRAINING = "training"
SCORES = "scores"
HOOK = "hook"


def append(path: Path, step: int, row: Mapping[str, Any]) -> None:
    """Appends a row to a file, which is created if it is missing.

    When this returns, the operating system has the row, so it survives a kill of the
    process. Only `sync` makes it survive a crash of the machine.

    Args:
        path: the file.
        step: the training step of the row.
        row: numbers, arrays of one number per seed, or strings, by name.
    """
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(as_json(step, row)) + "\n")


def as_json(step: int, row: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a row as it is written to the file: with its step, and without arrays."""
    return {"step": step, **{name: _plain(x) for name, x in row.items()}}


def values(row: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the numbers of a row of `metrics.jsonl`, without its step and its event."""
    return {name: x for name, x in row.items() if name not in ("step", "event")}


def read(path: Path) -> list[dict[str, Any]]:
    """Returns all rows of a file, in order; [] if the file is missing.

    Lines that are not rows are skipped, such as one that was cut off by a kill.
    """
    if not path.is_file():
        return []
    rows = []
    for line in path.read_text("utf-8", errors="replace").splitlines():
        try:
            row = json_object.parse(line)
        except ValueError:
            continue
        if isinstance(row, dict) and isinstance(row.get("step"), int):
            rows.append(row)
    return rows


def truncate(path: Path, step: int) -> None:
    """Removes the rows after `step`, from which the run is about to resume."""
    # The file is rewritten atomically, which also drops a last line that was cut off.
    if path.exists():
        kept = [json.dumps(row) + "\n" for row in read(path) if row["step"] <= step]
        write(path, "".join(kept))


def sync(path: Path) -> None:
    """Flushes all rows to the disk, so that they survive a crash of the machine."""
    if path.exists():
        with path.open("rb") as file:
            os.fsync(file.fileno())


def _plain(x: Any) -> Any:
    if isinstance(x, str):
        return x
    x = np.asarray(x)
    return x.item() if x.ndim == 0 else x.tolist()
