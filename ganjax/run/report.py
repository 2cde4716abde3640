"""A run folder as one page: what came out, how it went, what it was, how to resume."""

import math
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from ganjax.run import page
from ganjax.run.chart import Curve, average, line_chart, number
from ganjax.run.pictures import write_whole
from ganjax.run.story import Curves, Story, read, total, when


REPORT = "report.html"
STILL_BYTES, LAST_BYTES = 300_000, 700_000
REAL = "real/"  # before the name of a score: what real data get
AIMS = {
    "frechet": "lower is better",
    "copies/ratio": "1 is innocent",
    "copies/close": "0.01 is innocent",
    "precision": "higher is better",
    "recall": "higher is better",
    "density": "about 1",
    "coverage": "higher is better",
    "modes": "higher is better",
    "quality": "higher is better",
    "kl": "lower is better",
    "accuracy": "of what reads the digits",
    "confident": "higher is better",
}
TOLD = ("experiment", "doc", "args", "data", "classes", "versions", "device")
TOLD += ("command", "steps", "found", "folder")


def write_report(folder: Path) -> Path:
    """Writes `report.html` into a run's folder and gives its path.

    All but `run.json` may be missing. The page holds all that it shows and loads
    nothing. Raises a `Mistake` if the folder is no run or its `run.json` is damaged.
    """
    story = read(folder)
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


def _head(name: str, story: Story) -> str:
    head = f"<header>\n<h1>{escape(name)}</h1>\n"
    if story.manifest.get("doc"):
        head += f'<p class="doc">{escape(str(story.manifest["doc"]))}</p>\n'
    head += _status_line(story) + "</header>\n"
    shown = [
        page.still(path, f"Generated samples at {when(path)}", when(path), LAST_BYTES)
        for path in story.samples[-1:]
    ]
    caption = f"the same latents, from {when(story.samples[0])} on" if shown else ""
    shown += [
        page.moving(path, "Samples changing as the training goes on", caption)
        for path in story.animation
    ]
    shown += [
        page.still(path, "Real examples from the data", "real data", STILL_BYTES)
        for path in story.real
    ]
    return head + (f'<div class="hero">\n{"".join(shown)}\n</div>\n' if shown else "")


def _status_line(story: Story) -> str:
    state = str(story.status.get("state", "unknown"))
    curves = [*story.training.values(), *story.scores.values()]
    logged = max((int(curve.step[-1]) for curve in curves), default=0)
    step, steps = story.status.get("step"), story.manifest.get("steps")
    step = step if isinstance(step, int | float) else logged
    steps = steps if isinstance(steps, int | float) else None
    words = {
        "finished": "Finished",
        "stopped": "Stopped",
        "diverged": "Diverged",
        "running": "Still running",
        "failed": "Failed",
        "killed": "Last seen running",
    }.get(state, "Last seen")
    line = f"<b>{words}</b> at step {number(step)}"
    line += f" of {number(steps)}." if steps is not None else "."
    if story.status.get("sentence"):
        line += f" {escape(str(story.status['sentence']))}"
    return f'<p class="status {escape(state)}">{line}</p>\n'


def _scores(curves: Curves) -> str:
    real = {key[len(REAL) :]: c for key, c in curves.items() if key.startswith(REAL)}
    curves = {key: c for key, c in curves.items() if not key.startswith(REAL)}
    if not curves:
        return ""
    head = ("score", "last", "best", "at step", *["real data"][: len(real)], "aim")
    rows = []
    for key, curve in curves.items():
        given = [_spread(real[key], -1) if key in real else "–"] if real else []
        rows.append((key, _spread(curve, -1), *_best(key, curve), *given, _aim(key)))
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
    sign = {"lower is better": 1, "higher is better": -1}.get(_aim(key))
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
    return f"{number(float(values.mean()))} ± {number(float(values.std()), 2)}"


def _training(curves: Curves) -> str:
    losses = {key: c for key, c in curves.items() if key.endswith("/loss")}
    others = {key: c for key, c in curves.items() if key not in losses}
    drawn = line_chart(losses, "Losses", label="loss", wide=True) if losses else ""
    drawn += "".join(line_chart({key: c}, key) for key, c in others.items())
    return f'<div class="charts">\n{drawn}\n</div>' if drawn else ""


def _speed(curves: Curves) -> str:
    if not curves:
        return ""
    known = {"seconds": "time since the start"}
    lines = []
    if "images_per_second" in curves:
        speed = average(curves["images_per_second"])[1]
        lines.append(f"{number(float(np.nanmedian(speed)))} images per second (median)")
    if "seconds" in curves:
        lines.append(f"{_duration(total(average(curves['seconds'])[1]))} of training")
    drawn = "".join(
        line_chart({key: curve}, key.replace("_", " "))
        for key, curve in curves.items()
        if key not in known
    )
    text = f"<p>{escape(', '.join(lines))}.</p>" if lines else ""
    return text + f'\n<div class="charts">\n{drawn}\n</div>'


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
        page.still(path, f"Generated samples at {when(path)}", when(path), STILL_BYTES)
        for path in samples
    )
    return f'<div class="strip">\n{drawn}\n</div>' if drawn else ""


def _record(manifest: Mapping[str, Any]) -> str:
    data = {**_mapping(manifest, "data")}
    if manifest.get("found"):
        data = {"found": manifest["found"], **data}
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
