"""Charts of scores over time, as an SVG file that stands alone.

The charts of reports take their colors from a page and count in steps. These have colors
of their own, which are readable on a light and on a dark page, and any horizontal axis.
"""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ganjax.report.chart import BOTTOM, LEFT, RIGHT, TOP, Frame, format_number, ticks
from ganjax.store import write


COLORS = "#3b82c4", "#d9772b", "#3d9a63", "#a65fb0", "#b8963b", "#7a7f87"
GRAY = "#808080"
SIZE = 440, 280  # of a chart, with its margins
LEGEND = 26  # units above the charts
STYLE = (
    "text{font:11px system-ui,sans-serif;fill:#808080}"
    "path{fill:none}"
    ".rule{stroke:#80808040}.axis{stroke:#808080}"
    ".line{stroke-width:1.6}.floor{stroke:#808080;stroke-dasharray:2 3}"
)


class Line(NamedTuple):
    """One line: lines of one name have one color.

    Attributes:
        name: what the legend calls it.
        x: its places [n] on each horizontal axis, by the name of the axis.
        y: its values [n].
    """

    name: str
    x: Mapping[str, Sequence[float]]
    y: Sequence[float]


def write_charts(
    path: Path, lines: Sequence[Line], label: str, floor: float, floor_name: str
) -> None:
    """Writes a chart for each horizontal axis, side by side.

    Args:
        path: the SVG file.
        lines: all with the same axes.
        label: what the values are.
        floor: a value that is drawn as a dotted line.
        floor_name: what it is.
    """
    axes = list(lines[0].x)
    names = list(dict.fromkeys(line.name for line in lines))
    colors = dict(zip(names, COLORS, strict=False))
    width, height = SIZE[0] * len(axes), SIZE[1] + LEGEND
    top = max(max(line.y) for line in lines)
    parts = [_legend(colors, f"{floor_name} {format_number(floor)}")]
    for i, axis in enumerate(axes):
        right = max(max(line.x[axis]) for line in lines)
        frame = Frame((0.0, float(right)), (0.0, 1.04 * top), *SIZE)
        drawn = _axes(frame, axis, label)
        drawn += _path(frame, [0.0, right], [floor, floor], 'class="floor"')
        for line in lines:
            color = f'class="line" stroke="{colors[line.name]}"'
            drawn += _path(frame, line.x[axis], line.y, color)
        parts.append(f'<g transform="translate({i * SIZE[0]} {LEGEND})">{drawn}</g>')
    write(
        path,
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}">'
        f"<style>{STYLE}</style>{''.join(parts)}</svg>\n",
    )
    print(f"Charts: {path}")


class Plane(NamedTuple):
    """A chart of one score over another.

    Attributes:
        title: what it is of, above the chart.
        lines: the lines, whose dots are joined in their order; `x` has the axis of this
            chart.
        point: the place of one more dot.
    """

    title: str
    lines: Sequence[Line]
    point: tuple[float, float]


def write_planes(
    path: Path, planes: Sequence[Plane], axis: str, label: str, point_name: str
) -> None:
    """Writes charts of one score over another, side by side.

    Args:
        path: the SVG file.
        planes: the charts, whose lines have the same names.
        axis: what the horizontal axis is, the name of `x` of each line.
        label: what the vertical axis is.
        point_name: what the further dot of each chart is.
    """
    names = list(dict.fromkeys(line.name for each in planes for line in each.lines))
    colors = dict(zip([*names, point_name], [*COLORS[: len(names)], GRAY], strict=True))
    # Names are beneath one another, as there may be one chart alone.
    top = 16 * len(colors) + 8
    width, height = SIZE[0] * len(planes), SIZE[1] + top
    parts = []
    for i, (name, color) in enumerate(colors.items()):
        y = 16 * i + 14
        parts.append(f'<circle cx="{LEFT + 6}" cy="{y - 4}" r="4" fill="{color}"/>')
        parts.append(_text(LEFT + 18, y, name, "start"))
    for i, plane in enumerate(planes):
        xs = [plane.point[0], *(x for line in plane.lines for x in line.x[axis])]
        ys = [plane.point[1], *(y for line in plane.lines for y in line.y)]
        frame = Frame(_around(xs), _around(ys), *SIZE)
        drawn = _axes(frame, axis, f"{label}, {plane.title}")
        for line in plane.lines:
            color = colors[line.name]
            style = f'class="line" stroke="{color}"'
            drawn += _path(frame, line.x[axis], line.y, style)
            for x, y in zip(line.x[axis], line.y, strict=True):
                drawn += _dot(frame, x, y, 2.5, color)
        drawn += _dot(frame, *plane.point, 4.5, GRAY)
        parts.append(f'<g transform="translate({i * SIZE[0]} {top})">{drawn}</g>')
    write(
        path,
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}">'
        f"<style>{STYLE}</style>{''.join(parts)}</svg>\n",
    )
    print(f"Charts: {path}")


def _around(values: Sequence[float]) -> tuple[float, float]:
    """Returns a range that holds all values, with a little room."""
    low, high = min(values), max(values)
    room = 0.04 * max(high - low, 1e-6)
    return low - room, high + room


def _dot(frame: Frame, x: float, y: float, radius: float, color: str) -> str:
    at = f'cx="{frame.across(x):.1f}" cy="{frame.down(y):.1f}"'
    return f'<circle {at} r="{radius}" fill="{color}"/>'


def _legend(colors: Mapping[str, str], floor: str) -> str:
    parts = []
    x = LEFT
    keys = [(name, f'class="line" stroke="{color}"') for name, color in colors.items()]
    for name, style in [*keys, (floor, 'class="floor"')]:
        parts.append(f'<path {style} d="M{x} 14h20"/>')
        parts.append(f'<text x="{x + 26}" y="18">{escape(name)}</text>')
        x += 50 + 7 * len(name)
    return "".join(parts)


def _axes(frame: Frame, axis: str, label: str) -> str:
    left, right, floor = LEFT, frame.width - RIGHT, frame.height - BOTTOM
    parts = [f'<path class="axis" d="M{left} {floor}H{right}"/>']
    for value in ticks(*frame.y, 4):
        y = frame.down(value)
        parts.append(f'<path class="rule" d="M{left} {y:.1f}H{right}"/>')
        parts.append(_text(left - 6, y + 4, format_number(value), "end"))
    for value in ticks(*frame.x, 5):
        text = format_number(value)
        parts.append(_text(frame.across(value), floor + 15, text, "middle"))
    parts.append(_text((left + right) / 2, frame.height - 4, axis, "middle"))
    parts.append(_text(left, TOP - 9, label, "start"))
    return "".join(parts)


def _path(frame: Frame, x: Sequence[float], y: Sequence[float], style: str) -> str:
    across, down = frame.across(np.asarray(x, float)), frame.down(np.asarray(y, float))
    pairs = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(across, down, strict=True))
    return f'<path {style} d="M{pairs}"/>'


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
