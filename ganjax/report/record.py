"""Reads what a report shows from the folder of a run.

All files but the manifest may be missing or damaged: a run that was killed, or copied in
part, gets a report, too.
"""

import math
import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ganjax.evaluation import Metric
from ganjax.evaluation.evaluator import EVALUATION, metric_from_json
from ganjax.modalities.pictures import ANIMATION, is_readable, pick_evenly
from ganjax.report.chart import Curve, format_number
from ganjax.store import json_object, metrics
from ganjax.store.manifest import read_manifest
from ganjax.store.status import read_status
from ganjax.store.workdir import RECONSTRUCTIONS, is_locked


MAX_DRAWN = 1e300  # differences of larger values overflow
STILLS = 8  # pictures of samples over time, besides the last

Curves = dict[str, Curve]  # by the name of the score or log


class RunRecord(NamedTuple):
    """What was read from the folder of a run.

    Attributes:
        manifest: the contents of `run.json`.
        status: the contents of `status.json`, with the state "killed" for a run that was.
        training: the logs of training, and what the user's own hooks returned.
        scores: the scores of samples.
        metrics: what each score means, by its name; from `evaluation.json`, as are the next
            three.
        real_scores: the scores of real data that are known, by name.
        reference: what samples are compared with, in words.
        headline: the name of the score by which the best save is chosen.
        clock: the timings.
        samples: pictures of samples, in the order of their steps.
        real: the picture of real data, or none.
        animation: the animation of the samples, or none.
        reconstructions: the newest picture of examples beside their reconstructions, or
            none.
    """

    manifest: dict[str, Any]
    status: dict[str, Any]
    training: Curves
    scores: Curves
    metrics: dict[str, Metric]
    real_scores: dict[str, float]
    reference: str
    headline: str
    clock: Curves
    samples: list[Path]
    real: list[Path]
    animation: list[Path]
    reconstructions: list[Path]


def read_record(folder: Path) -> RunRecord:
    """Reads the folder of a run.

    Raises:
        UsageError: if it has no `run.json`, or a damaged one.
    """
    rows = metrics.read(folder / metrics.METRICS)
    # What hooks measured is shown with the logs of training.
    logged = (metrics.TRAINING, metrics.HOOK)
    training = [row for row in rows if row.get("event") in logged]
    scores = [row for row in rows if row.get("event") == metrics.SCORES]
    evaluation = json_object.read(folder / EVALUATION)
    metric_entries = _objects(evaluation.get("metrics"))
    samples = pick_evenly(_pictures(folder / "samples"), STILLS + 1)
    return RunRecord(
        manifest=read_manifest(folder, complete=False),
        status=_status(folder),
        training=_curves(training),
        scores=_curves(scores),
        metrics={
            name: metric_from_json(name, entry)
            for name, entry in metric_entries.items()
        },
        real_scores={
            name: float(entry["real"])
            for name, entry in metric_entries.items()
            if _is_number(entry.get("real")) and abs(entry["real"]) < MAX_DRAWN
        },
        reference=_text(evaluation.get("reference")),
        headline=_text(evaluation.get("headline")),
        clock=_curves(metrics.read(folder / metrics.CLOCK)),
        samples=[path for path in samples if is_readable(path)],
        real=[path for path in [folder / "real.png"] if is_readable(path)],
        animation=[path for path in [folder / ANIMATION] if is_readable(path)],
        reconstructions=_pictures(folder / RECONSTRUCTIONS)[-1:],
    )


def _pictures(folder: Path) -> list[Path]:
    """The pictures of a run in the order of their steps, of which the last is readable."""
    # The run names its pictures by their steps: a file without digits is not from it.
    pictures = [path for path in folder.glob("*.png") if re.search(r"\d", path.stem)]
    pictures.sort(key=_step)
    # The newest one is always shown, so a damaged file must not take its place.
    while pictures and not is_readable(pictures[-1]):
        pictures.pop()
    return pictures


def _status(folder: Path) -> dict[str, Any]:
    """The status, corrected for a run that was killed, which could not record that."""
    status = read_status(folder)
    if status.get("state") == "running" and not is_locked(folder):
        status["state"] = "killed"
    return status


def step_in_words(path: Path) -> str:
    """Returns the step after which a picture of samples was drawn, as "step 1,000"."""
    return f"step {format_number(_step(path))}"


def total_seconds(seconds: np.ndarray) -> float:
    """Returns the total time of a run.

    Args:
        seconds: the "seconds" of the timings in their order. They start from 0 each time
            the run is resumed, so the last value of each start is summed.
    """
    seconds = seconds[np.isfinite(seconds)]
    if not len(seconds):
        return math.nan
    # The last value of each start: the next one is smaller, or there is none.
    ends = np.append(seconds[1:] < seconds[:-1], True)
    return float(seconds[ends].sum())


def _step(path: Path) -> int:
    return int(re.findall(r"\d+", path.stem)[-1])


def _curves(rows: list[dict[str, Any]]) -> Curves:
    """Rows as curves by name; if a step was logged twice, the later row counts."""
    steps: dict[str, dict[int, np.ndarray]] = {}
    # Each curve has its own steps, as not every row has every name.
    for row in rows:
        for name, value in row.items():
            if name != "step" and _is_numeric(value):
                array = np.asarray(value, np.float64)
                array = np.where(np.abs(array) < MAX_DRAWN, array, np.nan)
                steps.setdefault(name, {})[int(row["step"])] = array
    return {name: _curve(values) for name, values in steps.items()}


def _is_numeric(value: Any) -> bool:
    values = value if isinstance(value, list) else [value]
    return bool(values) and all(map(_is_number, values))


def _is_number(value: Any) -> bool:
    # In Python, bool is a subclass of int.
    return isinstance(value, int | float) and not isinstance(value, bool)


def _objects(value: Any) -> dict[str, dict[str, Any]]:
    """The objects in a JSON object, without what else may be in a file."""
    entries = value if isinstance(value, dict) else {}
    return {name: entry for name, entry in entries.items() if isinstance(entry, dict)}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _curve(values: dict[int, np.ndarray]) -> Curve:
    order = sorted(values)
    # If rows have unequally many seeds, as in an edited file, NaN fills the shorter ones.
    width = max(value.size for value in values.values())
    table = np.full((len(order), width), np.nan)
    for i, step in enumerate(order):
        table[i, : values[step].size] = values[step].ravel()
    step = np.asarray(order, np.float64)
    return Curve(step, table[:, 0] if width == 1 else table)
