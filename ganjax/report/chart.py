"""Line charts as SVG text, without scripts; colors come from the style sheet of the page.

`line_chart` draws a chart. A chart has a fixed size in units of the drawing (those of the
SVG's viewBox), and the page scales it. `Frame` converts steps and values to these units.
"""

import math
from collections.abc import Mapping
from html import escape
from types import MappingProxyType
from typing import NamedTuple, TypeVar

import numpy as np
from jaxtyping import Float


MAX_POINTS = 500  # of one drawn line
MAX_DOTS = 60  # up to this many values are drawn as dots, and not smoothed
NUM_STYLES = 6  # line styles (color and dashes) in the style sheet of the page
# Margins, in units of the drawing.
LEFT = 46
RIGHT = 12
TOP = 20
BOTTOM = 34

NO_MARKS: Mapping[str, float] = MappingProxyType({})

FloatOrArray = TypeVar("FloatOrArray", float, np.ndarray)


class Curve(NamedTuple):
    """Values over steps; of a population, each step has one value per seed."""

    step: Float[np.ndarray, " t"]
    value: Float[np.ndarray, "t *seeds"]


class Frame(NamedTuple):
    """The range of steps and values that a chart shows, and the size of the drawing.

    Attributes:
        x: the smallest and the largest step.
        y: the smallest and the largest value.
        width: the width of the drawing, including margins.
        height: the height of the drawing, including margins.
    """

    x: tuple[float, float]
    y: tuple[float, float]
    width: int
    height: int

    def across(self, step: FloatOrArray) -> FloatOrArray:
        """Returns the distance of a step from the left edge of the drawing."""
        fraction = (step - self.x[0]) / (self.x[1] - self.x[0])
        return LEFT + fraction * (self.width - LEFT - RIGHT)

    def down(self, value: FloatOrArray) -> FloatOrArray:
        """Returns the distance of a value from the top edge of the drawing."""
        fraction = (value - self.y[0]) / (self.y[1] - self.y[0])
        return self.height - BOTTOM - fraction * (self.height - TOP - BOTTOM)


def line_chart(
    series: Mapping[str, Curve],
    title: str,
    *,
    label: str = "",
    marks: Mapping[str, float] = NO_MARKS,
    wide: bool = False,
) -> str:
    """Returns an HTML figure of curves over steps.

    More than `MAX_DOTS` values are drawn as a thin line, with their moving average as a
    bold one. A population has a thin line for each seed, and their mean as a bold one. NaN
    and infinity are left out. Rare spikes are cut off, and a note says so.

    Args:
        series: the curves by name; several get a legend.
        title: the caption of the figure.
        label: what the vertical axis shows.
        marks: values that are drawn as horizontal dotted lines, by name.
        wide: whether the figure spans two columns of the page.
    """
    # Values that are not finite are left out: an infinity would flatten everything else.
    curves = {name: _finite(curve) for name, curve in series.items()}
    curves = {name: curve for name, curve in curves.items() if len(curve.step)}
    if not curves:
        return _figure(title, "", '<p class="note">No finite values yet.</p>', wide)
    frame, cut = _frame(curves, marks, (680, 260) if wide else (340, 210))
    inside = "".join(
        _line(name, curve, frame, i % NUM_STYLES)
        for i, (name, curve) in enumerate(curves.items())
    )
    svg = (
        f'<svg role="img" '
        f'viewBox="0 0 {frame.width} {frame.height}" '
        f'aria-label="{escape(_description(title, curves))}">'
        f"{_axes(frame, label)}{_marks(marks, frame)}"
        # A nested svg clips the curves to the frame. A clip path would need a unique id.
        f'<svg x="0" y="{TOP - 3}" width="{frame.width}" '
        f'height="{frame.height - TOP - BOTTOM + 6}" '
        f'viewBox="0 {TOP - 3} {frame.width} {frame.height - TOP - BOTTOM + 6}">'
        f"{inside}</svg></svg>"
    )
    return _figure(title, _legend(curves), svg + cut, wide)


def format_number(value: float, digits: int = 4) -> str:
    """Returns a value as text with `digits` significant digits.

    Integers have no decimal point, very large and very small values have a power of ten, as
    1.23e9, and NaN and infinity are a dash.
    """
    if not math.isfinite(value):
        return "–"
    # First integers, and values without significant digits after the decimal point.
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
    """Returns about `count` round numbers from `low` to `high`, low < high.

    Their spacing is 1, 2 or 5 times a power of ten.
    """
    # The smallest round spacing that is at least (high - low) / count. The tolerances keep
    # a tick at either end despite rounding errors.
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    gap = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * 0.999)
    first = math.ceil(low / gap - 1e-9)
    last = math.floor(high / gap + 1e-9)
    return [i * gap for i in range(first, last + 1)]


def decimate(
    x: Float[np.ndarray, " t"], y: Float[np.ndarray, " t"], points: int = MAX_POINTS
) -> tuple[Float[np.ndarray, " p"], Float[np.ndarray, " p"]]:
    """Returns at most `points` points of a curve, without losing spikes.

    The curve is cut into segments, and the smallest and the largest value of each are kept.

    Args:
        x: the steps of the points.
        y: their values.
        points: the largest number of points to return.

    Returns:
        The steps and values that are kept.
    """
    if len(x) <= points:
        return x, y
    # Two points for each of points / 2 segments.
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
    """Returns the centered moving average over about a thirtieth of the points.

    Args:
        x: the steps of the points.
        y: their values.

    Returns:
        The steps and the averages, at most `MAX_POINTS / 2` of them.
    """
    # First the means of short segments, which bound the number of points that are drawn.
    parts = min(len(x), MAX_POINTS // 2)
    means = [
        np.array([part.mean() for part in np.array_split(values, parts)])
        for values in (x, y)
    ]
    # Odd, so that the average is centered and does not lag behind.
    window = np.ones(2 * (parts // 60) + 1)
    # At the ends the window holds fewer points.
    weight = np.convolve(np.ones(parts), window, "same")
    return means[0], np.convolve(means[1], window, "same") / weight


def average(
    curve: Curve,
) -> tuple[Float[np.ndarray, " t"], Float[np.ndarray, " t"]]:
    """Returns the steps and values of a curve, averaged over the seeds of a population.

    Seeds that are not finite at a step are left out of its mean.
    """
    # As `np.nanmean`, but without a warning for steps at which no seed is finite.
    seeds = curve.value.reshape(len(curve.step), -1)
    finite = np.isfinite(seeds)
    total = np.where(finite, seeds, 0).sum(1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return curve.step, total / finite.sum(1)


def _finite(curve: Curve) -> Curve:
    """The steps at which at least one seed is finite, with NaN for the other seeds."""
    value = np.where(np.isfinite(curve.value), curve.value, np.nan)
    rows = np.isfinite(value).reshape(len(value), -1).any(1) if len(value) else []
    rows = np.asarray(rows, bool)
    return Curve(curve.step[rows], value[rows])


def _frame(
    curves: Mapping[str, Curve], marks: Mapping[str, float], size: tuple[int, int]
) -> tuple[Frame, str]:
    """The frame around all curves and marks, and a note if spikes are cut off."""
    # Marks, such as the score of real data, are always inside the frame.
    steps = np.concatenate([curve.step for curve in curves.values()])
    values = np.concatenate([curve.value.ravel() for curve in curves.values()])
    values = values[np.isfinite(values)]
    low, high, cut = _limits(values)
    levels = [value for value in marks.values() if math.isfinite(value)]
    y = _padded(min([low, *levels]), max([high, *levels]), 0.04)
    x = _padded(float(steps.min()), float(steps.max()), 0)
    note = f"Spikes cut off: the values reach from {format_number(float(values.min()))} to "
    note += f"{format_number(float(values.max()))}."
    return Frame(x, y, *size), f'<p class="note">{note}</p>' if cut else ""


def _limits(values: np.ndarray) -> tuple[float, float, bool]:
    """The smallest and the largest value to be drawn, and whether others are cut off.

    More than `MAX_DOTS` values are cut off a little beyond their percentiles 1 and 99, if
    their full range is at least four times the range between these.
    """
    low = float(values.min())
    high = float(values.max())
    if len(values) <= MAX_DOTS:
        return low, high, False
    # A few spikes, as in the first steps, would make the rest of a curve a flat line.
    inner = np.quantile(values, [0.01, 0.99])
    reach = float(inner[1] - inner[0])
    if reach <= 0 or high - low < 4 * reach:
        return low, high, False
    low = max(low, inner[0] - reach / 4)
    high = min(high, inner[1] + reach / 4)
    return float(low), float(high), True


def _padded(low: float, high: float, fraction: float) -> tuple[float, float]:
    """The limits with a margin of a fraction of their range; a constant gets a wide one."""
    min_range = max(1e-9, abs(high) * 1e-6)
    if high - low < min_range:
        pad = abs(high) / 2 or 0.5
        return low - pad, high + pad
    pad = fraction * (high - low)
    return low - pad, high + pad


def _axes(frame: Frame, label: str) -> str:
    # Horizontal grid lines at the ticks of the values; the steps have labels only.
    right = frame.width - RIGHT
    floor = frame.height - BOTTOM
    parts = []
    for value in ticks(*frame.y, 4):
        y = frame.down(value)
        parts.append(f'<path class="rule" d="M{LEFT} {y:.1f}H{right}"/>')
        text = _short(value, frame.y)
        parts.append(_text(LEFT - 6, y + 4, text, "end"))
    for value in ticks(*frame.x, 6 if frame.width > 400 else 4):
        x = frame.across(value)
        # The last label would otherwise reach beyond the drawing.
        anchor = "end" if x > right - 12 else "middle"
        parts.append(_text(x, floor + 15, _short(value, frame.x), anchor))
    parts.append(f'<path class="axis" d="M{LEFT} {floor}H{right}"/>')
    parts.append(_text((LEFT + right) / 2, frame.height - 4, "step", "middle", "unit"))
    return "".join(parts) + _text(LEFT, TOP - 9, label, "start")


def _marks(marks: Mapping[str, float], frame: Frame) -> str:
    right = frame.width - RIGHT
    parts = []
    names = []
    for name, value in marks.items():
        if math.isfinite(value):
            y = frame.down(value)
            parts.append(f'<path class="mark" d="M{LEFT} {y:.1f}H{right}"/>')
            names.append(f"dotted: {name} {format_number(value)}")
    return "".join(parts) + _text(right, TOP - 9, ", ".join(names), "end")


def _line(name: str, curve: Curve, frame: Frame, style: int) -> str:
    """One curve: thin lines, a bold one, and dots if it has few values."""
    seeds = curve.value.reshape(len(curve.step), -1)
    x, mean = average(curve)
    hover = _value_at_step(name, mean[-1], x[-1])
    title = f"<title>{escape(hover)}</title>"
    # The thin lines are the logged values; the bold one is drawn over them.
    many = len(x) > MAX_DOTS
    thin = []
    if many or seeds.shape[1] > 1:
        thin = [_path(x, column, frame, seeds.shape[1]) for column in seeds.T]
    thin_lines = "".join(f'<path class="thin s{style}" d="{d}"/>' for d in thin)
    if many:
        bold = _path(*smooth(x, mean), frame)
        dots = ""
    else:
        bold = _path(x, mean, frame)
        dots = _dots(name, x, mean, frame, style)
    return f'<g>{title}{thin_lines}<path class="line s{style}" d="{bold}"/>{dots}</g>'


def _value_at_step(name: str, value: float, step: float) -> str:
    return f"{name}: {format_number(float(value))} at step {format_number(float(step))}"


def _path(x: np.ndarray, y: np.ndarray, frame: Frame, seeds: int = 1) -> str:
    # A population has many lines, so each gets fewer points.
    finite = np.isfinite(y)
    points = MAX_POINTS if seeds == 1 else MAX_POINTS // 2
    x, y = decimate(x[finite], y[finite], points)
    across = frame.across(x)
    # SVG renderers lose precision on very large coordinates.
    limit = 10 * frame.height
    down = frame.down(y).clip(-limit, limit)
    pairs = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(across, down, strict=True))
    return f"M{pairs}" if pairs else ""


def _dots(name: str, x: np.ndarray, y: np.ndarray, frame: Frame, style: int) -> str:
    across = frame.across(x)
    down = frame.down(y)
    return "".join(
        f'<circle class="dot s{style}" cx="{a:.1f}" cy="{b:.1f}" r="2.4">'
        f"<title>{escape(_value_at_step(name, value, step))}</title></circle>"
        for a, b, step, value in zip(across, down, x, y, strict=True)
    )


def _text(x: float, y: float, text: str, anchor: str, kind: str = "tick") -> str:
    if not text:
        return ""
    place = f'class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f"<text {place}>{escape(text)}</text>"


def _short(value: float, span: tuple[float, float]) -> str:
    """The label of a tick, in units of k, M or G for large values, so that it is short."""
    # All ticks of an axis have the same unit, that of the largest.
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
    note = f"<li>thin: {seeds} seeds, bold: their mean</li>" if population else ""
    names = "".join(
        f'<li><svg class="key" viewBox="0 0 28 8" aria-hidden="true">'
        f'<path class="line s{i % NUM_STYLES}" d="M1 4H27"/></svg>{escape(name)}</li>'
        for i, name in enumerate(curves)
    )
    names = names if len(curves) > 1 else ""
    return f'<ul class="legend">{names}{note}</ul>' if names or note else ""


def _description(title: str, curves: Mapping[str, Curve]) -> str:
    """The chart in words, for screen readers."""
    parts = []
    for name, curve in curves.items():
        x, y = average(curve)
        ends = (format_number(float(v)) for v in (y[0], y[-1], x[0], x[-1]))
        parts.append("{}: from {} to {} over steps {} to {}".format(name, *ends))
    return f"{title}. " + "; ".join(parts)


def _figure(title: str, legend: str, body: str, wide: bool) -> str:
    heading = f"<figcaption>{escape(title)}</figcaption>"
    kind = "chart wide" if wide else "chart"
    return f'<figure class="{kind}">{heading}{legend}{body}</figure>'
