"""What a run folder tells: its curves, its pictures, how it ended."""

import math
import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ganjax.run import folder as folders, logs, objects
from ganjax.run.chart import Curve, number
from ganjax.run.pictures import ANIMATION, evenly, is_whole


REAL = "real.json"  # what real data score
TOO_LARGE = 1e300  # to be drawn: differences of such values overflow
STILLS = 8  # pictures over time, beside the last

Curves = dict[str, Curve]


class Story(NamedTuple):
    """What a run folder holds, read."""

    manifest: dict[str, Any]
    status: dict[str, Any]
    training: Curves
    scores: Curves
    clock: Curves
    samples: list[Path]  # in the order of their steps
    real: list[Path]
    animation: list[Path]


def read(folder: Path) -> Story:
    """Reads a run's folder; a `Mistake` if it has no `run.json` or a damaged one."""
    rows = logs.rows(folder / logs.METRICS)
    training = [row for row in rows if any(map(_of_training, row))]
    scores = [row for row in rows if not any(map(_of_training, row))]
    scores += [{"step": 0} | objects.read(folder / REAL)]
    samples = [
        p for p in (folder / "samples").glob("*.png") if re.search(r"\d", p.stem)
    ]
    samples = evenly(sorted(samples, key=_step), STILLS + 1)
    return Story(
        folders.read(folder, whole=False),
        _status(folder),
        _curves(training),
        _curves(scores),
        _curves(logs.rows(folder / logs.CLOCK)),
        [path for path in samples if is_whole(path)],
        [path for path in [folder / "real.png"] if is_whole(path)],
        [path for path in [folder / ANIMATION] if is_whole(path)],
    )


def _status(folder: Path) -> dict[str, Any]:
    """How the run stands; one that was killed could not say that it runs no more."""
    status = folders.status(folder)
    if status.get("state") == "running" and not folders.is_held(folder):
        status["state"] = "killed"
    return status


def when(path: Path) -> str:
    """The step after which a sample was drawn, in words."""
    return f"step {number(_step(path))}"


def total(seconds: np.ndarray) -> float:
    """All the seconds that were spent: the clock begins anew when a run is resumed."""
    seconds = seconds[np.isfinite(seconds)]
    if not len(seconds):
        return math.nan
    ends = np.append(seconds[1:] < seconds[:-1], True)
    return float(seconds[ends].sum())


def _of_training(key: str) -> bool:
    return key.startswith(("d/", "g/")) or key.endswith("/loss")


def _step(path: Path) -> int:
    return int(re.findall(r"\d+", path.stem)[-1])


def _curves(rows: list[dict[str, Any]]) -> Curves:
    """Rows by name; of a step that was logged twice the later row counts."""
    steps: dict[str, dict[int, np.ndarray]] = {}
    for row in rows:
        for name, value in row.items():
            if name != "step" and _numeric(value):
                array = np.asarray(value, np.float64)
                array = np.where(np.abs(array) < TOO_LARGE, array, np.nan)
                steps.setdefault(name, {})[int(row["step"])] = array
    return {name: _curve(values) for name, values in steps.items()}


def _numeric(value: Any) -> bool:
    values = value if isinstance(value, list) else [value]
    return bool(values) and all(
        isinstance(x, int | float) and not isinstance(x, bool) for x in values
    )


def _curve(values: dict[int, np.ndarray]) -> Curve:
    order = sorted(values)
    width = max(value.size for value in values.values())
    table = np.full((len(order), width), np.nan)
    for i, step in enumerate(order):
        table[i, : values[step].size] = values[step].ravel()
    step = np.asarray(order, np.float64)
    return Curve(step, table[:, 0] if width == 1 else table)
