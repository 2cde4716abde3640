"""`report.html`, a page with the samples, scores, curves and settings of a run.

Each section of the page has a function that returns its HTML, or '' if there is nothing to
show. A run that has just begun has a heading and a table of its settings only.
"""

import math
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from ganjax.evaluation import Direction, Metric
from ganjax.evaluation.metric import neither_is_better
from ganjax.report import page
from ganjax.report.chart import Curve, average, format_number, line_chart
from ganjax.report.record import (
    Curves,
    RunRecord,
    read_record,
    step_in_words,
    total_seconds,
)
from ganjax.store.atomic import write


REPORT = "report.html"
# The page must stay small enough to be sent by mail: larger pictures are scaled down.
STILL_BYTES = 300_000  # of an embedded picture
LAST_BYTES = 700_000  # of the last samples, the largest picture of the page
# Fields of the manifest that "Machine and run" does not show, as other sections do.
SHOWN_ELSEWHERE = (
    "experiment",
    "doc",
    "args",
    "data",
    "classes",
    "versions",
    "device",
    "command",
    "steps",
    "found",
    "folder",
    "pictures",
)


def write_report(folder: Path) -> Path:
    """Writes `report.html` into the folder of a run.

    All files of the folder but `run.json` may be missing. The page embeds everything that
    it shows and loads nothing, so it can be sent as one file.

    Returns:
        The path of `report.html`.

    Raises:
        UsageError: if the folder is not a run, or its `run.json` is damaged.
    """
    record = read_record(folder)
    name = str(record.manifest.get("experiment", folder.name))
    # What most readers look for comes first.
    body = _head(name, record)
    body += page.section("Scores over time", _scores(record))
    body += page.section("Training curves", _training(record.training))
    body += page.section("Speed", _speed(record.clock))
    body += page.section("Reconstructions", _reconstructions(record.reconstructions))
    body += page.section("Samples over time", _samples(record.samples[:-1]))
    body += page.section("Record", _settings(record.manifest))
    path = folder / REPORT
    write(path, page.document(f"{name} – a ganjax run", body).encode())
    return path


def _head(name: str, record: RunRecord) -> str:
    head = f"<header>\n<h1>{escape(name)}</h1>\n"
    if record.manifest.get("doc"):
        head += f'<p class="doc">{escape(str(record.manifest["doc"]))}</p>\n'
    head += _status_line(record) + "</header>\n"
    # The last samples, an animation of how they changed, and real examples.
    shown = [_sample(path, LAST_BYTES, True) for path in record.samples[-1:]]
    caption = ""
    columns = record.manifest.get("pictures")
    columns = [str(name) for name in columns] if isinstance(columns, list) else []
    if shown:
        fixed = "inputs" if columns else "latents"
        caption = f"the same {fixed}, from {step_in_words(record.samples[0])} on"
    for path in record.animation:
        alt = "Samples changing during training"
        shown.append(page.animation(path, alt, caption))
    for path in record.real:
        alt = "Real examples from the data"
        sound = path.with_suffix(".wav")
        shown.append(page.picture(path, alt, "real data", STILL_BYTES, sound))
    if not shown:
        return head
    note = ""
    if len(columns) > 1:
        names = f"{', '.join(columns[:-1])} and {columns[-1]}"
        note = f'<p class="note">Side by side: {escape(names)}.</p>\n'
    return head + f'<div class="hero">\n{"".join(shown)}\n</div>\n{note}'


def _sample(path: Path, max_bytes: int, is_played: bool = False) -> str:
    step = step_in_words(path)
    alt = f"Generated samples at {step}"
    # Of data that can be heard, a run writes a sound beside each picture.
    sound = path.with_suffix(".wav") if is_played else None
    return page.picture(path, alt, step, max_bytes, sound)


def _status_line(record: RunRecord) -> str:
    state = str(record.status.get("state", "unknown"))
    step = record.status.get("step")
    if not isinstance(step, int | float):
        # The status is missing or damaged: take the step of the newest row of the metrics.
        curves = [*record.training.values(), *record.scores.values()]
        step = max((int(curve.step[-1]) for curve in curves), default=0)
    # The files may have been edited, so a value may have any type.
    steps = record.manifest.get("steps")
    state_in_words = {
        "finished": "Finished",
        "stopped": "Stopped",
        "diverged": "Diverged",
        "running": "Still running",
        "failed": "Failed",
        "killed": "Last seen running",
    }.get(state, "Last seen")
    line = f"<b>{state_in_words}</b> at step {format_number(step)}"
    line += f" of {format_number(steps)}." if isinstance(steps, int | float) else "."
    if record.status.get("sentence"):
        line += f" {escape(str(record.status['sentence']))}"
    return f'<p class="status {escape(state)}">{line}</p>\n'


def _scores(record: RunRecord) -> str:
    """A table of the last and the best value of each score, and a chart of each."""
    if not record.scores:
        return ""
    # The column of real data is shown if at least one score has a value for it.
    real = {name: x for name, x in record.real_scores.items() if name in record.scores}
    head = ["score", "last", "best", "at step", "aim"]
    if real:
        head.insert(4, "real data")
    rows = []
    charts = ""
    for name, curve in record.scores.items():
        # Without `evaluation.json`, it is not known what the scores mean.
        metric = record.metrics.get(name) or neither_is_better(name, "", "")
        row = [name, _spread(curve, -1), *_best(metric, curve), metric.aim]
        if real:
            row.insert(4, format_number(real[name]) if name in real else "–")
        rows.append(row)
        marks = {"real data": real[name]} if name in real else {}
        charts += line_chart({name: curve}, name, label=metric.aim, marks=marks)
    return (
        _reference(record)
        + page.score_table(head, rows)
        + f'\n<div class="charts">\n{charts}\n</div>\n'
        + _meanings(record)
    )


def _reference(record: RunRecord) -> str:
    """What the samples are compared with, and which score chooses the best save."""
    if not record.reference:
        return ""
    line = f"Samples are compared with {escape(record.reference)}."
    if record.headline:
        line += f" The best save is chosen by {escape(record.headline)}."
    return f"<p>{line}</p>\n"


def _meanings(record: RunRecord) -> str:
    """What each score measures, in a table that is collapsed at first."""
    shown = [record.metrics[name] for name in record.scores if name in record.metrics]
    if not shown:
        return ""
    table = page.value_table({metric.name: metric.meaning for metric in shown})
    return f"<details>\n<summary>What the scores measure</summary>\n{table}</details>\n"


def _best(metric: Metric, curve: Curve) -> tuple[str, str]:
    """The best value and its step, or dashes if no direction is better."""
    # In a population, the mean over the seeds decides, as it does for the best save.
    step, mean = average(curve)
    if metric.direction is Direction.NEITHER or not np.isfinite(mean).any():
        return "–", "–"
    best = int(np.nanargmin(metric.to_minimize(mean)))
    return _spread(curve, best), format_number(float(step[best]))


def _spread(curve: Curve, row: int) -> str:
    """The value at a row; of a population the mean ± standard deviation over seeds.

    The deviation is that of a sample, over n - 1.
    """
    values = np.atleast_1d(curve.value[row])
    values = values[np.isfinite(values)]
    if not len(values):
        return "–"
    mean = format_number(float(values.mean()))
    if len(values) == 1:
        return mean
    return f"{mean} ± {format_number(float(values.std(ddof=1)), 2)}"


def _training(curves: Curves) -> str:
    # The losses of a game are only meaningful together, so they share a chart. All other
    # logs have scales of their own.
    losses = {key: c for key, c in curves.items() if key.endswith("/loss")}
    other_logs = {key: c for key, c in curves.items() if key not in losses}
    charts = line_chart(losses, "Losses", label="loss", wide=True) if losses else ""
    charts += "".join(line_chart({key: c}, key) for key, c in other_logs.items())
    return f'<div class="charts">\n{charts}\n</div>' if charts else ""


def _speed(curves: Curves) -> str:
    if not curves:
        return ""
    phrases = []
    # The median, as the first rows after a start are of few steps.
    for key in curves:
        if key.endswith("_per_second"):
            _, speed = average(curves[key])
            median = format_number(float(np.nanmedian(speed)))
            phrases.append(f"{median} {key.replace('_', ' ')} (median)")
    if "seconds" in curves:
        _, seconds = average(curves["seconds"])
        phrases.append(f"{_duration(total_seconds(seconds))} of training")
    # A chart of the seconds since the start would be a straight line.
    charts = "".join(
        line_chart({key: curve}, key.replace("_", " "))
        for key, curve in curves.items()
        if key != "seconds"
    )
    text = f"<p>{escape(', '.join(phrases))}.</p>" if phrases else ""
    return text + f'\n<div class="charts">\n{charts}\n</div>'


def _duration(seconds: float) -> str:
    if not math.isfinite(seconds):
        return "unknown time"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def _reconstructions(paths: list[Path]) -> str:
    """Examples beside what an autoencoder makes of them."""
    if not paths:
        return ""
    figures = "".join(
        page.picture(
            path, "Examples and reconstructions", step_in_words(path), LAST_BYTES
        )
        for path in paths
    )
    note = '<p class="note">Side by side: an example and its reconstruction.</p>\n'
    return f'<div class="hero">\n{figures}\n</div>\n{note}'


def _samples(paths: list[Path]) -> str:
    figures = "".join(_sample(path, STILL_BYTES) for path in paths)
    return f'<div class="strip">\n{figures}\n</div>' if figures else ""


def _settings(manifest: Mapping[str, Any]) -> str:
    """All fields of the manifest, and the command that resumes the run."""
    data = {**_mapping(manifest, "data")}
    if manifest.get("found"):
        data = {"found": manifest["found"], **data}
    if manifest.get("classes"):
        data["classes"] = manifest["classes"]
    # Fields that this version of ganjax does not know are shown as well.
    machine = {"device": manifest.get("device", "unknown")}
    other_fields = {
        key: value for key, value in manifest.items() if key not in SHOWN_ELSEWHERE
    }
    parts = [
        ("Arguments", _mapping(manifest, "args")),
        ("Data", data),
        ("Versions", _mapping(manifest, "versions")),
        ("Machine and run", machine | other_fields),
    ]
    tables = "".join(
        f"<div><h3>{title}</h3>\n{page.value_table(values)}</div>\n"
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
