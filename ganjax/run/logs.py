"""Numbers on disk, one JSON object a line.

`metrics.jsonl` holds what follows from the run alone and is the same, bit for bit,
however often the run was interrupted; `clock.jsonl` holds what depends on the clock.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ganjax.run import objects
from ganjax.run.folder import write


METRICS, CLOCK = "metrics.jsonl", "clock.jsonl"


def append(path: Path, step: int, row: Mapping[str, Any]) -> None:
    """Adds a row; it is with the operating system when this returns."""
    with path.open("a", encoding="utf-8") as file:
        file.write(line(step, row) + "\n")


def line(step: int, row: Mapping[str, Any]) -> str:
    """A row as it is written."""
    return json.dumps({"step": step, **{name: _plain(x) for name, x in row.items()}})


def rows(path: Path) -> list[dict[str, Any]]:
    """All whole rows of a file, in order.

    Lines that a kill tore, or that are no rows at all, are left out.
    """
    if not path.is_file():
        return []
    found = []
    for line in path.read_text("utf-8", errors="replace").splitlines():
        try:
            row = objects.parse(line)
        except ValueError:
            continue
        if isinstance(row, dict) and isinstance(row.get("step"), int):
            found.append(row)
    return found


def trim(path: Path, step: int) -> None:
    """Forgets the rows after `step`, to which the run has gone back."""
    if path.exists():
        kept = [json.dumps(row) + "\n" for row in rows(path) if row["step"] <= step]
        write(path, "".join(kept))


def settle(path: Path) -> None:
    """Returns when every row is on the disk itself."""
    if path.exists():
        with path.open("rb") as file:
            os.fsync(file.fileno())


def _plain(x: Any) -> Any:
    x = np.asarray(x)
    return x.item() if x.ndim == 0 else x.tolist()
