"""Line charts as SVG text: no script, and colours that follow the page's style."""

import math
from collections.abc import Mapping
from html import escape
from types import MappingProxyType
from typing import NamedTuple, TypeVar

import numpy as np
from jaxtyping import Float


POINTS = 500  # of one drawn line
DOTS = 60  # up to this many values are drawn one by one and not smoothed
STYLES = 6  # colours and dashes in the page's style sheet
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 20, 34  # margins, in units of the drawing

NONE: Mapping[str, float] = MappingProxyType({})

Place = TypeVar("Place", float, np.ndarray)


class Curve(NamedTuple):
    """Values over steps; for a population each step has one value per seed."""

    step: Float[np.ndarray, " t"]
    value: Float[np.ndarray, "t *seeds"]


class Frame(NamedTuple):
    """What part of the plane is drawn, and how large."""

    x: tuple[float, float]
    y: tuple[float, float]
    width: int
    height: int

    def across(self, step: Place) -> Place:
        """How far to the right a step is drawn."""
        share = (step - self.x[0]) / (self.x[1] - self.x[0])
        return LEFT + share * (self.width - LEFT - RIGHT)

    def down(self, value: Place) -> Place:
        """How far from the top a value is drawn."""
        share = (value - self.y[0]) / (self.y[1] - self.y[0])
        return self.height - BOTTOM - share * (self.height - TOP - BOTTOM)


def line_chart(
    series: Mapping[str, Curve],
    title: str,
    *,
    label: str = "",
    marks: Mapping[str, float] = NONE,
    wide: bool = False,
) -> str:
    """A figure of lines over steps, with a legend in words if there are several.

    Many values are drawn thin, with their moving average strong over them; a
    population has a thin line for each seed and its mean strong. `label` says what
    the upright axis shows; `marks` are values drawn as level lines under their name.
    NaN and infinity are left out. Rare spikes are cut off, and the figure says so.
    """
    curves = {name: _finite(curve) for name, curve in series.items()}
    curves = {name: curve for name, curve in curves.items() if len(curve.step)}
    if not curves:
        return _figure(title, "", '<p class="note">No finite values yet.</p>', wide)
    frame, cut = _frame(curves, marks, (680, 260) if wide else (340, 210))
    inside = "".join(
        _line(name, curve, frame, i % STYLES)
        for i, (name, curve) in enumerate(curves.items())
    )
    svg = (
        f'<svg role="img" '
        f'viewBox="0 0 {frame.width} {frame.height}" '
        f'aria-label="{escape(_spoken(title, curves))}">'
        f"{_axes(frame, label)}{_marks(marks, frame)}"
        # A nested svg cuts off what leaves the frame, without ids that must be unique.
        f'<svg x="0" y="{TOP - 3}" width="{frame.width}" '
        f'height="{frame.height - TOP - BOTTOM + 6}" '
        f'viewBox="0 {TOP - 3} {frame.width} {frame.height - TOP - BOTTOM + 6}">'
        f"{inside}</svg></svg>"
    )
    return _figure(title, _legend(curves), svg + cut, wide)


def number(value: float, digits: int = 4) -> str:
    """A value as a reader wants it: `digits` that count, whole numbers whole."""
    if not math.isfinite(value):
        return "–"
    size = abs(value)
    if (value == round(value) and size < 1e12) or 10 ** (digits - 1) <= size < 1e7:
        text = f"{value:,.0f}"
    elif size < 1e-3 or size >= 1e7:
        mantissa, power = f"{value:.{digits - 2}e}".split("e")
        text = f"{mantissa}e{int(power)}"
    else:
        text = f"{value:#.{digits}g}".rstrip(".")
    return text.replace("-", "−")


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """About `count` round numbers within low..high: 1, 2 or 5 times a power of ten."""
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    gap = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * 0.999)
    first, last = math.ceil(low / gap - 1e-9), math.floor(high / gap + 1e-9)
    return [i * gap for i in range(first, last + 1)]


def decimate(
    x: Float[np.ndarray, " t"], y: Float[np.ndarray, " t"], points: int = POINTS
) -> tuple[Float[np.ndarray, " p"], Float[np.ndarray, " p"]]:
    """At most `points` of the points, with the least and greatest of each stretch."""
    if len(x) <= points:
        return x, y
    edges = np.linspace(0, len(x), max(1, points // 2) + 1).astype(int)
    keep = {
        int(start + pick(y[start:stop]))
        for start, stop in zip(edges, edges[1:], strict=False)
        for pick in (np.argmin, np.argmax)
    }
    rows = sorted(keep)
    return x[rows], y[rows]


def smooth(
    x: Float[np.ndarray, " t"], y: Float[np.ndarray, " t"]
) -> tuple[Float[np.ndarray, " p"], Float[np.ndarray, " p"]]:
    """The centred moving average over about a thirtieth of the points."""
    parts = min(len(x), POINTS // 2)
    means = [
        np.array([part.mean() for part in np.array_split(values, parts)])
        for values in (x, y)
    ]
    window = np.ones(2 * (parts // 60) + 1)
    weight = np.convolve(np.ones(parts), window, "same")
    return means[0], np.convolve(means[1], window, "same") / weight


def average(curve: Curve) -> tuple[np.ndarray, np.ndarray]:
    """The curve itself, or the mean over the seeds that are finite at each step."""
    seeds = curve.value.reshape(len(curve.step), -1)
    finite = np.isfinite(seeds)
    total = np.where(finite, seeds, 0).sum(1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return curve.step, total / finite.sum(1)


def _finite(curve: Curve) -> Curve:
    value = np.where(np.isfinite(curve.value), curve.value, np.nan)
    rows = np.isfinite(value).reshape(len(value), -1).any(1) if len(value) else []
    rows = np.asarray(rows, bool)
    return Curve(curve.step[rows], value[rows])


def _frame(
    curves: Mapping[str, Curve], marks: Mapping[str, float], size: tuple[int, int]
) -> tuple[Frame, str]:
    steps = np.concatenate([curve.step for curve in curves.values()])
    values = np.concatenate([curve.value.ravel() for curve in curves.values()])
    values = values[np.isfinite(values)]
    low, high, cut = _most(values)
    level = [value for value in marks.values() if math.isfinite(value)]
    y = _padded(min([low, *level]), max([high, *level]), 0.04)
    x = _padded(float(steps.min()), float(steps.max()), 0)
    note = f"Spikes cut off: the values reach from {number(float(values.min()))} to "
    note += f"{number(float(values.max()))}."
    return Frame(x, y, *size), f'<p class="note">{note}</p>' if cut else ""


def _most(values: np.ndarray) -> tuple[float, float, bool]:
    low, high = float(values.min()), float(values.max())
    if len(values) <= DOTS:
        return low, high, False
    inner = np.quantile(values, [0.01, 0.99])
    reach = float(inner[1] - inner[0])
    if reach <= 0 or high - low < 4 * reach:
        return low, high, False
    low, high = max(low, inner[0] - reach / 4), min(high, inner[1] + reach / 4)
    return float(low), float(high), True


def _padded(low: float, high: float, share: float) -> tuple[float, float]:
    least = max(1e-9, abs(high) * 1e-6)
    if high - low < least:
        pad = abs(high) / 2 or 0.5
        return low - pad, high + pad
    pad = share * (high - low)
    return low - pad, high + pad


def _axes(frame: Frame, label: str) -> str:
    right, floor = frame.width - RIGHT, frame.height - BOTTOM
    parts = []
    for value in ticks(*frame.y, 4):
        y = frame.down(value)
        parts.append(f'<path class="rule" d="M{LEFT} {y:.1f}H{right}"/>')
        text = _short(value, frame.y)
        parts.append(_text(LEFT - 6, y + 4, text, "end"))
    for value in ticks(*frame.x, 6 if frame.width > 400 else 4):
        x = frame.across(value)
        anchor = "end" if x > right - 12 else "middle"
        parts.append(_text(x, floor + 15, _short(value, frame.x), anchor))
    parts.append(f'<path class="axis" d="M{LEFT} {floor}H{right}"/>')
    parts.append(_text((LEFT + right) / 2, frame.height - 4, "step", "middle", "unit"))
    return "".join(parts) + _text(LEFT, TOP - 9, label, "start")


def _marks(marks: Mapping[str, float], frame: Frame) -> str:
    right, parts, names = frame.width - RIGHT, [], []
    for name, value in marks.items():
        if math.isfinite(value):
            y = frame.down(value)
            parts.append(f'<path class="mark" d="M{LEFT} {y:.1f}H{right}"/>')
            names.append(f"dotted: {name} {number(value)}")
    return "".join(parts) + _text(right, TOP - 9, ", ".join(names), "end")


def _line(name: str, curve: Curve, frame: Frame, style: int) -> str:
    seeds = curve.value.reshape(len(curve.step), -1)
    x, mean = average(curve)
    hover = f"{name}: {number(float(mean[-1]))} at step {number(float(x[-1]))}"
    title = f"<title>{escape(hover)}</title>"
    many = len(x) > DOTS
    thin = [_path(x, column, frame, seeds.shape[1]) for column in seeds.T]
    thin = thin if many or seeds.shape[1] > 1 else []
    pale = "".join(f'<path class="thin s{style}" d="{d}"/>' for d in thin)
    strong = _path(*(smooth(x, mean) if many else (x, mean)), frame)
    dots = "" if many else _dots(name, x, mean, frame, style)
    return f'<g>{title}{pale}<path class="line s{style}" d="{strong}"/>{dots}</g>'


def _path(x: np.ndarray, y: np.ndarray, frame: Frame, seeds: int = 1) -> str:
    finite = np.isfinite(y)
    points = POINTS if seeds == 1 else POINTS // 2
    x, y = decimate(x[finite], y[finite], points)
    far = 10 * frame.height  # SVG readers lose precision on very distant places
    across, down = frame.across(x), frame.down(y).clip(-far, far)
    places = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(across, down, strict=True))
    return f"M{places}" if places else ""


def _dots(name: str, x: np.ndarray, y: np.ndarray, frame: Frame, style: int) -> str:
    across, down = frame.across(x), frame.down(y)
    return "".join(
        f'<circle class="dot s{style}" cx="{a:.1f}" cy="{b:.1f}" r="2.4">'
        f"<title>{escape(name)}: {number(float(value))} at step "
        f"{number(float(step))}</title></circle>"
        for a, b, step, value in zip(across, down, x, y, strict=True)
    )


def _text(x: float, y: float, text: str, anchor: str, kind: str = "tick") -> str:
    if not text:
        return ""
    place = f'class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f"<text {place}>{escape(text)}</text>"


def _short(value: float, span: tuple[float, float]) -> str:
    """A tick's number; thousands as k, so that labels stay apart."""
    reach = max(abs(span[0]), abs(span[1]))
    if value == 0:
        return "0"
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if reach >= size:
            size = 1e3 if unit == "k" else size
            return f"{value / size:.6g}{unit}".replace("-", "−")
    if reach < 1e-3:
        return f"{value:.0e}".replace("e-0", "e-").replace("-", "−")
    return f"{value:.6g}".replace("-", "−")


def _legend(curves: Mapping[str, Curve]) -> str:
    population = any(curve.value.ndim > 1 for curve in curves.values())
    seeds = max(curve.value[0].size for curve in curves.values())
    note = f"<li>thin: {seeds} seeds, strong: their mean</li>" if population else ""
    names = "".join(
        f'<li><svg class="key" viewBox="0 0 28 8" aria-hidden="true">'
        f'<path class="line s{i % STYLES}" d="M1 4H27"/></svg>{escape(name)}</li>'
        for i, name in enumerate(curves)
    )
    names = names if len(curves) > 1 else ""
    return f'<ul class="legend">{names}{note}</ul>' if names or note else ""


def _spoken(title: str, curves: Mapping[str, Curve]) -> str:
    parts = []
    for name, curve in curves.items():
        x, y = average(curve)
        ends = (number(float(v)) for v in (y[0], y[-1], x[0], x[-1]))
        parts.append("{}: from {} to {} over steps {} to {}".format(name, *ends))
    return f"{title}. " + "; ".join(parts)


def _figure(title: str, legend: str, body: str, wide: bool) -> str:
    heading = f"<figcaption>{escape(title)}</figcaption>"
    kind = "chart wide" if wide else "chart"
    return f'<figure class="{kind}">{heading}{legend}{body}</figure>'
