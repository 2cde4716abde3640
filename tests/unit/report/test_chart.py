"""The charts of a report: where every line, dot, tick and word of them is."""

import re
from types import MappingProxyType

import numpy as np
import pytest

from ganjax.report import chart
from ganjax.report.chart import (
    Curve,
    decimate,
    format_number,
    line_chart,
    smooth,
    ticks,
)


def curve(y, x=None):
    y = np.asarray(y, float)
    steps = np.arange(len(y)) if x is None else x
    return Curve(np.asarray(steps, float), y)


def texts(html):
    """The words of a chart: (x, y, anchor, text)."""
    found = re.findall(
        r'<text class="\w+" x="([\d.-]+)" y="([\d.-]+)" text-anchor="(\w+)">(.*?)</text>',
        html,
    )
    return [(float(x), float(y), anchor, text) for x, y, anchor, text in found]


def paths(html, kind):
    """The lines of a class: the style of each, and its points."""
    found = re.findall(rf'<path class="{kind} s(\d)" d="M([\d.,\s-]*)"', html)
    return [
        (int(style), np.array([place.split(",") for place in line.split()], float))
        for style, line in found
        if "," in line
    ]


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (-1234, 4, "−1,234"),
        (999.96, 4, "1000"),
        (99.5, 4, "99.50"),
        (0.001, 4, "0.001000"),
        (0.00099, 4, "9.90e−4"),
        (9_999_999.4, 4, "9,999,999"),
        (1e7 + 0.5, 4, "1.00e7"),
        (1e12, 4, "1.00e12"),
        (1e12 - 1, 4, "999,999,999,999"),
        (-3.25e-9, 4, "−3.25e−9"),
        (0.1234, 2, "0.12"),
        (12.7, 2, "13"),
        (9.04, 2, "9.0"),
        (float("-inf"), 4, "–"),
    ],
)
def test_numbers_have_as_many_digits_as_they_need(value, digits, text):
    assert format_number(value, digits) == text


@pytest.mark.parametrize(
    ("low", "high", "count", "wanted"),
    [
        (0, 10, 5, [0, 2, 4, 6, 8, 10]),
        (0, 1, 4, [0, 0.5, 1]),
        (0.3, 2.9, 4, [1, 2]),
        (-30, 45, 4, [-20, 0, 20, 40]),
        (0, 500, 5, [0, 100, 200, 300, 400, 500]),
        (0, 0.03, 3, [0, 0.01, 0.02, 0.03]),
    ],
)
def test_ticks_are_the_round_numbers_of_the_range(low, high, count, wanted):
    np.testing.assert_allclose(ticks(low, high, count), wanted, atol=1e-12)


def test_of_each_part_of_a_long_curve_the_least_and_the_largest_are_kept():
    x, y = np.arange(10.0, 18), np.array([0.0, 5, 1, 2, -3, 4, 9, 8])
    steps, values = decimate(x, y, 4)
    assert steps.tolist() == [10, 11, 14, 16] and values.tolist() == [0, 5, -3, 9]
    for points in (8, 9):
        np.testing.assert_array_equal(decimate(x, y, points)[1], y)


@pytest.mark.parametrize(("n", "part", "half"), [(59, 1, 0), (120, 1, 2), (500, 2, 4)])
def test_a_curve_is_smoothed_over_a_thirtieth_of_it(n, part, half):
    rng = np.random.default_rng(0)
    x, y = 3 * np.arange(float(n)), rng.normal(size=n)
    steps, values = smooth(x, y)
    mean_x, mean_y = (each.reshape(-1, part).mean(1) for each in (x, y))
    np.testing.assert_allclose(steps, mean_x)
    wanted = [
        mean_y[max(0, i - half) : i + half + 1].mean() for i in range(len(mean_y))
    ]
    np.testing.assert_allclose(values, wanted)


def test_limits_leave_out_rare_spikes_of_many_values_alone(monkeypatch):
    many = np.linspace(0, 1, 99)
    inner = np.quantile([*many, 50.0, -40.0], [0.01, 0.99])
    reach = inner[1] - inner[0]
    spiked = np.array([*many, 50.0, -40.0])
    low, high, cut = chart._limits(spiked)
    assert cut
    np.testing.assert_allclose([low, high], inner + np.array([-1, 1]) * reach / 4)
    # Spikes to one side, and values without any, are shown whole at the other ends.
    low, high, cut = chart._limits(np.array([*many, 50.0]))
    assert cut and low == 0 and high < 2
    for values in (many, np.array([*many, 3.5]), np.full(99, 2.0)):
        assert chart._limits(values) == (values.min(), values.max(), False)
    assert chart._limits(np.array([*np.zeros(120), 9.0])) == (0, 9, False)
    for most, few in ((100, False), (101, True)):
        monkeypatch.setattr(chart, "MAX_DOTS", most)
        assert (chart._limits(spiked) == (-40, 50, False)) == few


@pytest.mark.parametrize(
    ("low", "high", "wanted"),
    [
        (1, 3, (0.5, 3.5)),
        (4, 4, (2, 6)),
        (-4, -4, (-6, -2)),
        (0, 0, (-0.5, 0.5)),
        (1e6, 1e6 + 0.5, (5e5 - 0.25, 1.5e6 + 0.75)),
    ],
)
def test_a_frame_has_a_margin_and_a_constant_a_wide_one(low, high, wanted):
    np.testing.assert_allclose(chart._padded(low, high, 0.25), wanted)


def test_a_chart_has_its_words_and_its_lines_where_they_belong():
    curves = {"a": curve([2, 0, 4], [100, 200, 300]), "b": curve([1, 3], [100, 500])}
    marks = {"real <data>": 6.0, "none": float("nan")}
    html = line_chart(curves, "a & b", label="how far", marks=marks)
    frame = chart.Frame((100, 500), (0 - 0.24, 6 + 0.24), 340, 210)
    assert html.startswith('<figure class="chart"><figcaption>a &amp; b</figcaption>')
    assert 'viewBox="0 0 340 210"' in html and "Spikes" not in html
    said = (
        "a &amp; b. a: from 2 to 4 over steps 100 to 300; "
        "b: from 1 to 3 over steps 100 to 500"
    )
    assert f'aria-label="{said}"' in html
    # Lines, each in its style, and a dot with its words at each value.
    for i, (name, (steps, values)) in enumerate(curves.items()):
        ((style, line),) = [each for each in paths(html, "line") if each[0] == i]
        wanted = np.stack([frame.across(steps), frame.down(values)], 1)
        np.testing.assert_allclose(line, wanted, atol=0.051)
        dots = re.findall(
            rf'<circle class="dot s{i}" cx="([\d.]+)" cy="([\d.]+)" r="2.4">'
            r"<title>(.*?)</title>",
            html,
        )
        np.testing.assert_allclose(
            [[float(x), float(y)] for x, y, _ in dots], wanted, atol=0.051
        )
        assert [words for *_, words in dots] == [
            f"{name}: {value:.0f} at step {step:.0f}"
            for step, value in zip(steps, values, strict=True)
        ]
    assert not paths(html, "thin")
    # The mark of real data, whose value is told.
    (mark,) = re.findall(r'class="mark" d="M46 ([\d.]+)H328"', html)
    assert abs(float(mark) - frame.down(6.0)) < 0.06
    words = texts(html)
    assert (328, 11, "end", "dotted: real &lt;data&gt; 6") in words
    assert (46, 11, "start", "how far") in words
    assert ((46 + 328) / 2, 206, "middle", "step") in words
    steps = [(x, anchor, text) for x, y, anchor, text in words if y == 191]
    assert steps == [
        (pytest.approx(float(frame.across(x)), abs=0.051), anchor, f"{x}")
        for x, anchor in [*[(x, "middle") for x in (100, 200, 300, 400)], (500, "end")]
    ]
    levels = [(y, text) for x, y, anchor, text in words if x == 40]
    assert [text for _, text in levels] == ["0", "2", "4", "6"]
    for y, text in levels:
        assert abs(y - 4 - frame.down(float(text))) < 0.051
    # Both names are in the legend.
    assert re.findall(r"</svg>(\w)</li>", html) == ["a", "b"]
    assert [style for style, _ in paths(html, "line")] == [0, 1]


def test_a_wide_chart_is_larger_and_has_more_steps_below_it():
    wide = line_chart({"a": curve([1, 2], [0, 600])}, "t", wide=True)
    assert '<figure class="chart wide">' in wide and 'viewBox="0 0 680 260"' in wide
    steps = [text for _, y, _, text in texts(wide) if y == 260 - chart.BOTTOM + 15]
    assert steps == ["0", "100", "200", "300", "400", "500", "600"]
    assert "legend" not in wide  # of one curve there is none


def test_styles_come_again_when_there_are_more_curves():
    html = line_chart({str(i): curve([i, i + 1]) for i in range(8)}, "t")
    keys = re.findall(r'class="line s(\d)" d="M1 4H27"', html)
    lines = [style for style, _ in paths(html, "line")]
    assert lines == [0, 1, 2, 3, 4, 5, 0, 1] == [*map(int, keys)]


@pytest.mark.parametrize("n", [chart.MAX_DOTS, chart.MAX_DOTS + 1])
def test_many_values_are_a_thin_line_below_a_bold_one_and_few_are_dots(n):
    y = np.random.default_rng(0).normal(size=n)
    html = line_chart({"a": curve(y)}, "t")
    many = n > chart.MAX_DOTS
    assert html.count("<circle") == (0 if many else n)
    assert len(paths(html, "thin")) == many
    ((_, bold),) = paths(html, "line")
    assert len(bold) == n and f"a: {format_number(y[-1])} at step {n - 1}" in html
    if many:
        ((_, thin),) = paths(html, "thin")
        assert html.index('class="thin') < html.index('class="line')
        assert np.ptp(bold[:, 1]) < np.ptp(thin[:, 1])


def test_of_a_population_each_seed_has_a_thin_line_and_the_mean_a_bold_one():
    y = np.array([[0.0, 4.0, np.nan], [2.0, 6.0, 10.0]])
    html = line_chart({"a": curve(y)}, "t")
    frame = chart.Frame((0, 1), (-0.4, 10.4), 340, 210)
    thin = [line[:, 1] for _, line in paths(html, "thin")]
    for line, wanted in zip(thin, ([0, 2], [4, 6], [10]), strict=True):
        np.testing.assert_allclose(line, frame.down(np.float64(wanted)), atol=0.051)
    ((_, bold),) = paths(html, "line")
    np.testing.assert_allclose(bold[:, 1], frame.down(np.array([2, 6.0])), atol=0.051)
    assert "thin: 3 seeds, bold: their mean" in html and "a: 6 at step 1" in html


def test_the_lines_of_a_population_are_thinned_more():
    y = np.random.default_rng(0).normal(size=(2000, 2))
    for seeds, points in ((1, chart.MAX_POINTS), (2, chart.MAX_POINTS // 2)):
        lines = paths(line_chart({"a": curve(y[:, :seeds])}, "t"), "thin")
        assert len(lines) == seeds
        assert all(0.9 * points < len(line) <= points for _, line in lines)


@pytest.mark.parametrize(
    ("value", "span", "text"),
    [
        (0.0, (0, 5e9), "0"),
        (2.5e9, (0, 5e9), "2.5G"),
        (-1.5e6, (-2e6, 1), "−1.5M"),
        (20_000.0, (0, 40_000), "20k"),
        (5000.0, (0, 10_000), "5k"),
        (5000.0, (0, 9_999), "5000"),
        (-0.25, (-1, 1), "−0.25"),
        (5e-4, (0, 9e-4), "5e−4"),
        (-2e-12, (-3e-12, 0), "−2e−12"),
    ],
)
def test_labels_of_ticks_are_short(value, span, text):
    assert chart._short(value, span) == text


def test_spikes_that_are_cut_off_are_told_with_both_ends():
    y = np.linspace(0, 1, 100)
    y[50], y[51] = 90, -70
    html = line_chart({"a": curve(y)}, "t", marks={"real": 3.0})
    assert "Spikes cut off: the values reach from −70 to 90." in html
    # Marks are always within the frame, as is what is drawn of a spike in the chart.
    (mark,) = re.findall(r'class="mark" d="M46 ([\d.]+)H328"', html)
    assert chart.TOP <= float(mark) <= chart.TOP + 10
    ((_, thin),) = paths(html, "thin")
    assert thin[:, 1].min() == -2100 and thin[:, 1].max() == 2100


def test_a_chart_has_no_marks_unless_they_are_given():
    assert isinstance(chart.NO_MARKS, MappingProxyType) and not chart.NO_MARKS
    assert "dotted" not in line_chart({"a": curve([1, 2])}, "t")
