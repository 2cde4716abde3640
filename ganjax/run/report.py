"""A run folder as one page: what came out, how it went, what it was, how to resume."""

import json
import math
import re
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from ganjax.run import folder as folders, logs, page
from ganjax.run.chart import Curve, average, line_chart, number
from ganjax.run.pictures import ANIMATION, evenly, write_whole


REPORT = "report.html"
STILLS = 8  # pictures over time, beside the last
STILL_BYTES, LAST_BYTES = 300_000, 700_000
REAL = "real/"  # before the name of a score: what real data get
AIMS = {
    "frechet": "lower",
    "copies/ratio": "1 is innocent",
    "copies/close": "0.01 is innocent",
    "precision": "higher",
    "recall": "higher",
    "density": "about 1",
    "coverage": "higher",
    "modes": "higher",
    "quality": "higher",
    "confident": "higher",
}
TOLD = ("experiment", "doc", "args", "data", "classes", "versions", "device")
TOLD += ("command", "steps")

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


def write_report(folder: Path) -> Path:
    """Writes `report.html` into a run's folder and gives its path.

    All but `run.json` may be missing. The page holds all that it shows and loads
    nothing. Raises a `Mistake` if the folder is no run or its `run.json` is damaged.
    """
    story = _read(folder)
    name = str(story.manifest.get("experiment", folder.name))
    body = _head(name, story)
    body += page.section("Scores over time", _scores(story.scores))
    body += page.section("Training curves", _training(story.training))
    body += page.section("Speed", _speed(story.clock))
    body += page.section("Samples over time", _strip(story.samples[:-1]))
    body += page.section("Record", _record(story.manifest))
    path = folder / REPORT
    write_whole(path, page.document(f"{name} – a ganjax run", body).encode())
    return path


def _read(folder: Path) -> Story:
    rows = logs.rows(folder / logs.METRICS)
    training = [row for row in rows if any(map(_of_training, row))]
    scores = [row for row in rows if not any(map(_of_training, row))]
    samples = {_step(path): path for path in _pictures(folder / "samples", "*.png")}
    return Story(
        folders.read(folder),
        _status(folder / "status.json"),
        _curves(training),
        _curves(scores),
        _curves(logs.rows(folder / logs.CLOCK)),
        [samples[step] for step in sorted(samples)],
        _pictures(folder, "real.png"),
        _pictures(folder, ANIMATION),
    )


def _of_training(key: str) -> bool:
    return key.startswith(("d/", "g/")) or key.endswith("/loss")


def _status(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return {}


def _step(path: Path) -> int:
    return int(re.findall(r"\d+", path.stem)[-1])


def _pictures(folder: Path, pattern: str) -> list[Path]:
    """The files that can be shown: others, or half of one, are left out."""
    found = []
    for path in sorted(folder.glob(pattern)):
        try:
            with Image.open(path) as image:
                image.load()
        except (OSError, SyntaxError):
            continue
        if folder.name != "samples" or re.search(r"\d", path.stem):
            found.append(path)
    return found


def _curves(rows: list[dict[str, Any]]) -> Curves:
    """Rows by name; of a step that was logged twice the later row counts."""
    steps: dict[str, dict[int, np.ndarray]] = {}
    for row in rows:
        for name, value in row.items():
            if name != "step" and _numeric(value):
                array = np.asarray(value, np.float64)
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


def _head(name: str, story: Story) -> str:
    head = f"<header>\n<h1>{escape(name)}</h1>\n"
    if story.manifest.get("doc"):
        head += f'<p class="doc">{escape(str(story.manifest["doc"]))}</p>\n'
    head += _status_line(story) + "</header>\n"
    shown = [
        page.still(path, f"Generated samples at {_when(path)}", _when(path), LAST_BYTES)
        for path in story.samples[-1:]
    ]
    caption = f"the same latents, from {_when(story.samples[0])} on" if shown else ""
    shown += [
        page.moving(path, "Samples changing as the training goes on", caption)
        for path in story.animation
    ]
    shown += [
        page.still(path, "Real examples from the data", "real data", STILL_BYTES)
        for path in story.real
    ]
    return head + (f'<div class="pair">\n{"".join(shown)}\n</div>\n' if shown else "")


def _status_line(story: Story) -> str:
    state = str(story.status.get("state", "unknown"))
    curves = [*story.training.values(), *story.scores.values()]
    logged = max((int(curve.step[-1]) for curve in curves), default=0)
    step = story.status.get("step", logged)
    steps = story.manifest.get("steps")
    words = {
        "finished": "Finished",
        "stopped": "Stopped",
        "diverged": "Diverged",
        "running": "Still running",
    }.get(state, "Last seen")
    line = f"<b>{words}</b> at step {number(step)}"
    line += f" of {number(steps)}." if steps is not None else "."
    if story.status.get("sentence"):
        line += f" {escape(str(story.status['sentence']))}"
    return f'<p class="status {escape(state)}">{line}</p>\n'


def _when(path: Path) -> str:
    return f"step {number(_step(path))}"


def _scores(curves: Curves) -> str:
    real = {key[len(REAL) :]: c for key, c in curves.items() if key.startswith(REAL)}
    curves = {key: c for key, c in curves.items() if not key.startswith(REAL)}
    if not curves:
        return ""
    head = ("score", "aim", "last", "best", "at step", *(["real data"] if real else []))
    rows = []
    for key, curve in curves.items():
        last = [_spread(real[key], -1) if key in real else "–"] if real else []
        rows.append((key, _aim(key), _spread(curve, -1), *_best(key, curve), *last))
    drawn = "".join(
        line_chart({key: curve}, key, label=_aim(key), marks=_level(real.get(key)))
        for key, curve in curves.items()
    )
    return page.scores(head, rows) + f'\n<div class="charts">\n{drawn}\n</div>'


def _aim(key: str) -> str:
    return next(
        (aim for name, aim in AIMS.items() if f"{key}/".startswith(f"{name}/")), ""
    )


def _best(key: str, curve: Curve) -> tuple[str, str]:
    step, mean = average(curve)
    sign = {"lower": 1, "higher": -1}.get(_aim(key))
    if sign is None or not np.isfinite(mean).any():
        return "–", "–"
    best = int(np.nanargmin(sign * mean))
    return _spread(curve, best), number(float(step[best]))


def _level(curve: Curve | None) -> dict[str, float]:
    return {} if curve is None else {"real data": float(average(curve)[1][-1])}


def _spread(curve: Curve, row: int) -> str:
    """The value at a row; for a population the mean ± standard deviation of seeds."""
    values = np.atleast_1d(curve.value[row])
    values = values[np.isfinite(values)]
    if not len(values):
        return "–"
    if curve.value.ndim == 1:
        return number(float(values[0]))
    return f"{number(float(values.mean()))} ± {number(float(values.std()))}"


def _training(curves: Curves) -> str:
    losses = {key: c for key, c in curves.items() if key.endswith("/loss")}
    others = {key: c for key, c in curves.items() if key not in losses}
    drawn = line_chart(losses, "Losses", label="loss", wide=True) if losses else ""
    small = "".join(line_chart({key: c}, key) for key, c in others.items())
    return drawn + (f'\n<div class="charts">\n{small}\n</div>' if small else "")


def _speed(curves: Curves) -> str:
    if not curves:
        return ""
    known = {"seconds": "time since the start"}
    lines = []
    if "images_per_second" in curves:
        speed = average(curves["images_per_second"])[1]
        lines.append(f"{number(float(np.nanmedian(speed)))} images per second (median)")
    if "seconds" in curves:
        lines.append(f"{_duration(_total(average(curves['seconds'])[1]))} of training")
    drawn = "".join(
        line_chart({key: curve}, key.replace("_", " "))
        for key, curve in curves.items()
        if key not in known
    )
    text = f"<p>{escape(', '.join(lines))}.</p>" if lines else ""
    return text + f'\n<div class="charts">\n{drawn}\n</div>'


def _total(seconds: np.ndarray) -> float:
    """All the time that was spent: the count begins anew when a run is resumed."""
    seconds = seconds[np.isfinite(seconds)]
    if not len(seconds):
        return math.nan
    ends = np.append(seconds[1:] < seconds[:-1], True)
    return float(seconds[ends].sum())


def _duration(seconds: float) -> str:
    if not math.isfinite(seconds):
        return "unknown time"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return (
        f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
    )


def _strip(samples: list[Path]) -> str:
    drawn = "".join(
        page.still(
            path, f"Generated samples at {_when(path)}", _when(path), STILL_BYTES
        )
        for path in evenly(samples, STILLS)
    )
    return f'<div class="strip">\n{drawn}\n</div>' if drawn else ""


def _record(manifest: Mapping[str, Any]) -> str:
    data = {**_mapping(manifest, "data")}
    if manifest.get("classes"):
        data["classes"] = manifest["classes"]
    machine = {"device": manifest.get("device", "unknown")}
    more = {key: value for key, value in manifest.items() if key not in TOLD}
    parts = [
        ("Arguments", _mapping(manifest, "args")),
        ("Data", data),
        ("Versions", _mapping(manifest, "versions")),
        ("Machine and run", machine | more),
    ]
    tables = "".join(
        f"<div><h3>{title}</h3>\n{page.facts(values)}</div>\n"
        for title, values in parts
        if values
    )
    tables = f'<div class="two">\n{tables}</div>'
    if not manifest.get("command"):
        return tables
    command = escape(str(manifest["command"]))
    return f"{tables}\n<h3>Resume</h3>\n<pre><code>{command}</code></pre>"


def _mapping(manifest: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = manifest.get(key)
    return value if isinstance(value, Mapping) else {}
