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

from ganjax.run.folder import write


METRICS, CLOCK = "metrics.jsonl", "clock.jsonl"


def append(path: Path, step: int, row: Mapping[str, Any]) -> None:
    """Adds a row; it is with the operating system when this returns."""
    line = json.dumps({"step": step, **{name: _plain(x) for name, x in row.items()}})
    with path.open("a") as file:
        file.write(line + "\n")


def rows(path: Path) -> list[dict[str, Any]]:
    """All whole rows of a file, in order; a line that a kill tore is left out."""
    if not path.exists():
        return []
    found = []
    for line in path.read_text(errors="replace").splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            break
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
