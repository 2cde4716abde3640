"""A run's page: what it shows, what it leaves out, what it never does."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from ganjax.errors import UsageError
from ganjax.modalities.pictures import ANIMATION, animate, save_png
from ganjax.report import chart, page, write_report
from ganjax.report.chart import (
    Curve,
    decimate,
    format_number,
    line_chart,
    smooth,
    ticks,
)
from ganjax.report.record import STILLS, read_record, total_seconds
from ganjax.store.status import write_status
from ganjax.store.workdir import locked


VOID = {"meta", "img", "path", "br"}
MANIFEST = {
    "experiment": "digits",
    "doc": "A small one & quick.",
    "args": {"run": {"steps": 400, "seed": 0}, "note": "<script>alert(1)</script>"},
    "data": {"where": "digits", "size": 8},
    "classes": ["0", "1"],
    "versions": {"jax": "0.0.1"},
    "device": "cpu x1",
    "command": "python digits.py --name '<b>'",
    "steps": 400,
}


class Balance(HTMLParser):
    """Fails on a tag that is closed out of turn; gathers attributes and text."""

    def __init__(self):
        super().__init__()
        self.open, self.found, self.text = [], [], []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def parsed(html):
    reader = Balance()
    reader.feed(html)
    assert reader.open == []
    return reader


def run(folder, training=(), scores=(), clock=(), samples=0, **manifest):
    folder.mkdir(exist_ok=True)
    rows = [{"event": "training", **row} for row in training]
    rows += [{"event": "scores", **row} for row in scores]
    (folder / "run.json").write_text(json.dumps(MANIFEST | manifest))
    for name, lines in (("metrics.jsonl", rows), ("clock.jsonl", clock)):
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in lines))
    for i in range(samples):
        image = Image.new("L", (8, 8), 10 * i)
        save_png(image, folder / "samples" / f"{100 * (i + 1):08d}.png")
    return folder


def written(folder):
    return write_report(folder).read_text()


def cells(html, name):
    row = re.search(rf'<tr><th scope="row">{name}</th>(.*?)</tr>', html, re.S)
    return re.findall(r"<td>(.*?)</td>", row[1])


def places(html, kind):
    """The points of the first path of a class, as numbers."""
    path = re.search(rf'class="{kind} s0" d="M([^"]*)"', html)[1]
    return np.array([place.split(",") for place in path.split()], float)


def curve(y, x=None):
    y = np.asarray(y, float)
    return Curve(np.arange(len(y), dtype=float) if x is None else x, y)


def test_a_manifest_alone_makes_a_page(tmp_path):
    (tmp_path / "run.json").write_text(json.dumps({"experiment": "bare"}))
    assert "bare" in written(tmp_path) and parsed(written(tmp_path))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["report.html", "run.json"]


def test_no_run_is_a_mistake(tmp_path):
    with pytest.raises(UsageError, match="run.json"):
        write_report(tmp_path)
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(UsageError, match="damaged"):
        write_report(tmp_path)


def test_everything_has_its_place(tmp_path):
    rows = [{"step": s, "d/loss": 1.0, "g/loss": 2.0, "d/r1": 0.1} for s in (100, 200)]
    scores = [{"step": 200, "frechet/pixels": 3.5}]
    clock = [{"step": 100, "seconds": 60.0, "images_per_second": 640.0}]
    folder = run(tmp_path, rows, scores, clock, samples=3)
    animate(sorted((folder / "samples").iterdir()), folder / ANIMATION)
    status = {"state": "diverged", "step": 200, "sentence": "D's loss was NaN."}
    (folder / "status.json").write_text(json.dumps(status))
    html = written(folder)
    heads = re.findall(r"<h[12]>(.*?)</h", html)
    assert heads == [
        "digits",
        "Scores over time",
        "Training curves",
        "Speed",
        "Samples over time",
        "Record",
    ]
    text = "".join(parsed(html).text)
    assert "Diverged at step 200 of 400. D's loss was NaN." in text
    assert "640 images per second" in text and "60 s of training" in text
    for words in ("run.steps", "cpu x1", "0.0.1", "python digits.py --name '<b>'"):
        assert words in text
    assert html.count("image/webp") == 1 and html.count("image/png") == 3


def test_of_many_classes_a_few_are_told_and_how_many_there_are(tmp_path):
    names = [f"{i:03}" for i in range(1000)]
    text = "".join(parsed(written(run(tmp_path, classes=names))).text)
    assert "000, 001, 002, …, 999 (1,000)" in text and "003" not in text
    assert "0, 1, 2" in "".join(
        parsed(written(run(tmp_path, classes=list("012")))).text
    )


def test_text_is_escaped_and_nothing_is_loaded(tmp_path):
    html = written(run(tmp_path, [{"step": 1, "d/<b>": 1.0}], samples=1))
    assert "<script" not in html and "&lt;script&gt;alert(1)" in html
    assert "<b>" not in html.replace("<b>Last seen</b>", "")
    assert "default-src 'none'" in html and "url(" not in html
    for tag, attributes in parsed(html).found:
        assert tag not in {"script", "link", "iframe"} and "href" not in attributes
        assert attributes.get("src", "data:").startswith("data:")
        assert tag != "img" or attributes["alt"]


def test_a_torn_line_is_left_out(tmp_path):
    folder = run(tmp_path, [{"step": 100, "g/loss": 1.0}])
    with (folder / "metrics.jsonl").open("a") as file:
        file.write('{"step": 200, "g/lo')
    assert "at step 100 of 400" in "".join(parsed(written(folder)).text)


def test_last_and_best_scores(tmp_path):
    values = {100: (9.0, 0.5, 1.0), 200: (4.0, 0.75, 1.5), 300: (5.0, 0.625, 1.25)}
    names = ("frechet/pixels", "recall/pixels", "copies/ratio/pixels")
    rows = [{"step": s, **dict(zip(names, v, strict=True))} for s, v in values.items()]
    folder = run(tmp_path, scores=rows)
    known = {
        names[0]: {"direction": "lower", "aim": "lower is better", "real": 2.5},
        names[1]: {
            "direction": "higher",
            "aim": "higher is better",
            "meaning": "Some.",
        },
        names[2]: {"direction": "neither", "aim": "1 without copying", "real": None},
    }
    found = {"reference": "held-out images", "headline": names[0], "metrics": known}
    (folder / "evaluation.json").write_text(json.dumps(found))
    html = written(folder)
    assert "Samples are compared with held-out images." in html
    assert (
        f"The best save is chosen by {names[0]}." in html and "<td>Some.</td>" in html
    )
    assert cells(html, names[0]) == ["5", "4", "200", "2.500", "lower is better"]
    assert cells(html, names[1])[:3] == ["0.6250", "0.7500", "200"]
    assert cells(html, names[2])[:3] == ["1.250", "–", "–"]
    assert "dotted: real data 2.500" in html


def test_a_damaged_description_of_scores_leaves_their_numbers(tmp_path):
    folder = run(tmp_path, scores=[{"step": 1, "modes": 8.0}])
    for damaged in (
        "[",
        '{"metrics": 3, "reference": 4}',
        '{"metrics": {"modes": {"real": "x", "direction": 5}}, "headline": []}',
    ):
        (folder / "evaluation.json").write_text(damaged)
        assert cells(written(folder), "modes")[:3] == ["8", "–", "–"]


def describe(folder, directions):
    """Writes which direction of each score is better, as a run does."""
    metrics = {name: {"direction": x} for name, x in directions.items()}
    (folder / "evaluation.json").write_text(json.dumps({"metrics": metrics}))


def test_a_population_has_its_mean_and_spread(tmp_path):
    scores = [{"step": s, "frechet/pixels": [1.0 + s, 3.0 + s]} for s in (0, 100)]
    rows = [{"step": s, "g/loss": [0.0, float("nan")]} for s in (0, 100)]
    folder = run(tmp_path, rows, scores)
    describe(folder, {"frechet/pixels": "lower"})
    html = written(folder)
    assert cells(html, "frechet/pixels")[:3] == ["102 ± 1.4", "2 ± 1.4", "0"]
    assert html.count('class="thin s0"') == 4 and "thin: 2 seeds" in html


def test_a_step_logged_twice_counts_once(tmp_path):
    rows = [{"step": s, "modes": v} for s, v in ((1, 3.0), (2, 9.0), (2, 5.0))]
    folder = run(tmp_path, scores=rows)
    describe(folder, {"modes": "higher"})
    assert cells(written(folder), "modes")[:2] == ["5", "5"]


def test_time_adds_up_over_resumed_parts(tmp_path):
    clock = [{"step": s, "seconds": t} for s, t in ((1, 300), (2, 600), (3, 300))]
    assert "15 min of training" in written(run(tmp_path, clock=clock))


def test_time_that_stands_still_is_no_new_start():
    assert total_seconds(np.array([5.0, 5.0, 9.0, 9.0, 2.0, 3.0])) == 12
    assert total_seconds(np.array([7.0, np.nan, 8.0])) == 8
    assert np.isnan(total_seconds(np.array([np.nan])))


def test_pictures_are_few_and_in_order(tmp_path):
    folder = run(tmp_path, samples=25)
    (folder / "samples" / "00009999.png").write_bytes(b"half")
    html = written(folder)
    steps = re.findall(r"<figcaption>step ([\d,]+)</figcaption>", html)
    steps = [int(step.replace(",", "")) for step in steps]
    assert len(steps) == STILLS + 1 and steps[0] == max(steps) == 2500
    assert steps[1:] == sorted(steps[1:]) and steps[1] == 100


def test_what_stands_side_by_side_is_named(tmp_path):
    run(tmp_path, samples=2, pictures=["input", "output", "target"])
    html = written(tmp_path)
    assert "Side by side: input, output and target." in html
    assert "the same inputs" in html or "animation" not in html
    run(tmp_path, samples=2, pictures=[])
    assert "Side by side" not in written(tmp_path)


def test_the_newest_readable_reconstructions_are_shown(tmp_path):
    folder = run(tmp_path)
    assert "Reconstructions" not in written(folder)
    for step in (100, 200, 1_000):
        path = folder / "reconstructions" / f"{step:09d}.png"
        save_png(Image.new("L", (8, 8)), path)
    path.write_bytes(b"torn")
    html = written(folder)
    assert "<h2>Reconstructions</h2>" in html and parsed(html)
    assert html.count("image/png") == 1 and "step 200" in html
    assert "Side by side: an example and its reconstruction." in html


def test_large_pictures_are_made_smaller(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (400, 400, 3), np.uint8)
    save_png(Image.fromarray(noise), tmp_path / "x.png")
    html = page.picture(tmp_path / "x.png", "noise", "noise", 30_000)
    assert len(html) < 42_000 and "image/webp" in html


def test_charts_leave_out_what_is_not_finite():
    html = line_chart({"a": curve([1, np.nan, 3, np.inf, 5])}, "t")
    assert len(places(html, "line")) == 3 and "nan" not in html and "inf" not in html
    assert "No finite values" in line_chart({"a": curve([np.nan])}, "t")
    assert "No finite values" in line_chart({}, "t")


def test_lines_go_where_the_values_are():
    line = places(line_chart({"a": curve([0, 1, 4])}, "t"), "line")
    right, left = line[-1, 0], line[0, 0]
    assert left == chart.LEFT and line[1, 0] == (left + right) / 2
    drops = np.diff(line[:, 1])
    np.testing.assert_allclose(drops[1] / drops[0], 3, atol=0.05)


def test_a_chart_is_drawn_within_its_frame_and_from_its_corners():
    frame = chart.Frame(x=(10.0, 30.0), y=(-1.0, 3.0), width=340, height=210)
    floor, right = frame.height - chart.BOTTOM, frame.width - chart.RIGHT
    assert [frame.across(x) for x in (10, 30)] == [chart.LEFT, right]
    assert [frame.down(y) for y in (-1, 1, 3)] == [
        floor,
        (floor + chart.TOP) / 2,
        chart.TOP,
    ]
    html = line_chart({"a": curve([0, 1, 4])}, "t", marks={"real": 2.0})
    texts = np.array(re.findall(r'<text[^>]* x="([\d.-]+)" y="([\d.-]+)"', html), float)
    assert len(texts) > 6
    for (low, high), numbers in zip(((0, 340), (0, 210)), texts.T, strict=True):
        assert low <= numbers.min() and numbers.max() <= high
    # The labels of the steps stand below the axis, and everything else above it.
    rules = re.findall(r'd="M([\d.]+) ([\d.]+)H([\d.]+)"', html)
    assert {(float(a), float(b)) for a, _, b in rules} == {(chart.LEFT, right)}
    assert max(float(y) for _, y, _ in rules) == floor
    assert (texts[:, 1] > floor).sum() >= 4


@pytest.mark.parametrize("values", [[2.0], [0.0, 0.0], [-1e-9, 1e-9], [1e30, -1e30]])
def test_odd_ranges_are_drawn(values):
    html = line_chart({"a": curve(values)}, "t")
    assert parsed(html) and np.isfinite(places(html, "line")).all()


def test_legends_are_words_and_names_are_escaped():
    html = line_chart({"<d>": curve([1, 2]), "g": curve([2, 1])}, "a & b")
    text = "".join(parsed(html).text)
    assert "<d>" not in html and "<d>" in text and "a & b" in text and "step" in text


def test_spikes_are_cut_off_and_told():
    y = np.ones(500) + np.linspace(0, 1, 500)
    y[250] = 900
    html = line_chart({"a": curve(y)}, "t")
    assert "Spikes cut off" in html and "900" in html
    assert "Spikes" not in line_chart({"a": curve(np.delete(y, 250))}, "t")


def test_long_lines_are_thinned_and_smoothed():
    y = np.sin(np.arange(20_000.0)) + np.linspace(0, 3, 20_000)
    html = line_chart({"a": curve(y)}, "t")
    assert len(places(html, "thin")) <= chart.MAX_POINTS and len(html) < 20_000
    strong = places(html, "line")[5:-5, 1]
    assert (np.diff(strong) < 0.5).all()


def test_thinning_keeps_extremes():
    x = np.arange(10_000.0)
    y = np.random.default_rng(0).normal(size=10_000)
    few_x, few = decimate(x, y)
    assert len(few) <= chart.MAX_POINTS and (np.diff(few_x) > 0).all()
    assert few.min() == y.min() and few.max() == y.max()
    np.testing.assert_array_equal(y[few_x.astype(int)], few)


def test_smoothing_keeps_a_level_and_a_slope():
    x = np.arange(1_000.0)
    np.testing.assert_allclose(smooth(x, np.full(1_000, 7.0))[1], 7)
    steps, line = smooth(x, 2 * x)
    np.testing.assert_allclose(line[10:-10], 2 * steps[10:-10])


@pytest.mark.parametrize(
    "low, high, wanted",
    [(0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]), (-7, 12, [-5, 0, 5, 10]), (90, 91.1, None)],
)
def test_ticks_are_round(low, high, wanted):
    found = ticks(low, high)
    assert 3 <= len(found) <= 7 and low <= found[0] and found[-1] <= high
    if wanted:
        np.testing.assert_allclose(found, wanted, atol=1e-12)


@pytest.mark.parametrize(
    "value, text",
    [
        (20000, "20,000"),
        (0.0, "0"),
        (-0.5, "−0.5000"),
        (1234.56, "1,235"),
        (12.3456, "12.35"),
        (0.000012345, "1.23e−5"),
        (3.2e12, "3.20e12"),
        (float("nan"), "–"),
    ],
)
def test_numbers_read_well(value, text):
    assert format_number(value) == text


def test_the_mean_over_seeds_is_of_those_that_are_finite():
    value = np.array([[1.0, 3.0, np.nan], [2.0, 4.0, 6.0], [np.nan] * 3])
    steps, means = chart.average(curve(value))
    np.testing.assert_array_equal(steps, np.arange(3))
    np.testing.assert_array_equal(means, [2, 4, np.nan])


def test_a_run_whose_process_is_gone_was_killed_and_one_that_is_locked_trains(tmp_path):
    folder = run(tmp_path)
    write_status(folder, "running", 3)
    assert read_record(folder).status["state"] == "killed"
    with locked(folder):
        assert read_record(folder).status["state"] == "running"


def status(folder, **told):
    (folder / "status.json").write_text(json.dumps(told))
    return re.search(r'<p class="status (.*?)">(.*?)</p>', written(folder)).groups()


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("finished", "Finished"),
        ("stopped", "Stopped"),
        ("diverged", "Diverged"),
        ("running", "Last seen running"),  # by a process that is gone
        ("failed", "Failed"),
        ("paused", "Last seen"),
    ],
)
def test_the_head_says_how_the_run_ended(state, words, tmp_path):
    kind, line = status(run(tmp_path), state=state, step=1200)
    assert line == f"<b>{words}</b> at step 1,200 of 400."
    assert kind == ("killed" if state == "running" else state)


def test_a_run_that_trains_is_still_running(tmp_path):
    folder = run(tmp_path)
    with locked(folder):
        kind, line = status(folder, state="running", step=3, sentence="It's < 4.")
    assert kind == "running"
    assert line == "<b>Still running</b> at step 3 of 400. It&#x27;s &lt; 4."


def test_without_a_status_the_step_is_that_of_the_newest_row(tmp_path):
    rows, scores = [{"step": 100, "a": 1.0}], [{"step": 300, "b": 1.0}]
    folder = run(tmp_path, rows, scores, steps="many")
    assert status(folder, state=7) == ("7", "<b>Last seen</b> at step 300.")
    (folder / "status.json").unlink()
    assert "at step 300." in written(folder)
    assert status(run(tmp_path), step=None)[1] == "<b>Last seen</b> at step 0 of 400."


def test_the_head_shows_the_last_samples_how_they_changed_and_real_data(tmp_path):
    folder = run(tmp_path, samples=3)
    save_png(Image.new("L", (8, 8), 99), folder / "real.png")
    animate(sorted((folder / "samples").iterdir()), folder / ANIMATION)
    html = written(folder)
    head, rest = html.split("<h2>", 1)
    assert re.findall(r'alt="(.*?)"', head) == [
        "Generated samples at step 300",
        "Samples changing during training",
        "Real examples from the data",
    ]
    assert re.findall(r"<figcaption>(.*?)</figc", head) == ["step 300", "real data"]
    assert "<summary>the same latents, from step 100 on</summary>" in head
    assert '<p class="doc">A small one &amp; quick.</p>' in head
    # What the head shows is not shown again.
    assert re.findall(r'alt="(.*?)"', rest) == [
        "Generated samples at step 100",
        "Generated samples at step 200",
    ]
    assert "<title>digits – a ganjax run</title>" in html


def test_the_last_picture_may_take_more_room_than_the_others(tmp_path, monkeypatch):
    limits = {}

    def picture(path, alt, caption, max_bytes, sound=None):
        limits[path.stem] = max_bytes
        return ""

    monkeypatch.setattr(page, "picture", picture)
    folder = run(tmp_path, samples=2)
    save_png(Image.new("L", (8, 8), 99), folder / "real.png")
    written(folder)
    few, many = 300_000, 700_000
    assert limits == {"00000100": few, "00000200": many, "real": few}


def test_one_picture_alone_is_in_the_head_only(tmp_path):
    html = written(run(tmp_path, samples=1))
    assert html.count("<img") == 1 and "Samples over time" not in html
    bare = written(run(tmp_path / "b"))
    assert 'class="hero"' in html and 'class="hero"' not in bare


def test_a_run_without_a_name_has_that_of_its_folder(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "run.json").write_text("{}")
    assert "<h1>mine</h1>" in written(tmp_path / "mine")


def test_of_scores_of_a_population_the_best_mean_over_seeds_counts(tmp_path):
    nan = float("nan")
    rows = [
        {"step": 1, "up": [0.0, 9.0], "down": [4.0, nan]},
        {"step": 2, "up": [5.0, 6.0], "down": [1.0, 9.0]},
        {"step": 3, "up": [5.0, 5.0], "down": [nan, nan]},
    ]
    folder = run(tmp_path, scores=rows)
    describe(folder, {"up": "higher", "down": "lower"})
    html = written(folder)
    assert cells(html, "up")[:3] == ["5 ± 0", "5.500 ± 0.71", "2"]
    # The mean is of what is finite, and a step without that has none.
    assert cells(html, "down")[:3] == ["–", "4", "1"]


def test_a_column_of_real_data_has_a_dash_where_there_is_no_value(tmp_path):
    folder = run(tmp_path, scores=[{"step": 1, "a": 2.0, "b": 3.0}])
    real = {"a": {"real": 0.5, "aim": "low"}, "b": {"aim": "high"}, "c": {"real": 7}}
    (folder / "evaluation.json").write_text(json.dumps({"metrics": real}))
    html = written(folder)
    heads = re.findall(r'<th scope="col">(.*?)</th>', html)
    assert heads == ["score", "last", "best", "at step", "real data", "aim"]
    assert cells(html, "a")[3:] == ["0.5000", "low"]
    assert cells(html, "b")[3:] == ["–", "high"]
    # Each has a chart of its own, with its aim and real data where that is known.
    charts = re.findall(r'<figure class="chart"><figcaption>(\w)</figc', html)
    assert charts == ["a", "b"] and html.count('class="mark"') == 1
    assert len(re.findall(r'text-anchor="start">(?:low|high)</text>', html)) == 2
    del real["a"]
    (folder / "evaluation.json").write_text(json.dumps({"metrics": real}))
    assert "real data" not in written(folder)


def test_losses_share_a_wide_chart_and_all_else_has_one_each(tmp_path):
    row = {"step": 1, "d/loss": 1.0, "d/r1": 2.0, "g/loss": 3.0, "loss/d": 4.0}
    html = written(run(tmp_path, [row]))
    found = re.findall(r'<figure class="(.*?)"><figcaption>(.*?)</figcaption>', html)
    names = [("chart wide", "Losses"), ("chart", "d/r1"), ("chart", "loss/d")]
    assert found == names
    assert re.findall(r"</svg>([\w/]+)</li>", html) == ["d/loss", "g/loss"]
    assert 'text-anchor="start">loss</text>' in html
    alone = written(run(tmp_path, [{"step": 1, "d/r1": 2.0}]))
    assert "Losses" not in alone and "d/r1" in alone


def test_speed_is_the_median_and_time_has_no_chart(tmp_path):
    speeds = [1.0, 50.0, 60.0]
    clock = [
        {"step": i, "seconds": 40.0 * i, "images_per_second": x, "steps_done": 1}
        for i, x in enumerate(speeds)
    ]
    html = written(run(tmp_path, clock=clock))
    assert "<p>50 images per second (median), 80 s of training.</p>" in html
    charts = re.findall(r"<figcaption>(.*?)</figcaption>", html)
    assert charts == ["images per second", "steps done"]
    html = written(run(tmp_path, clock=[{"step": 1, "other": 1.0}]))
    assert "of training" not in html and "<figcaption>other</figcaption>" in html


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (119.4, "119 s"),
        (120, "2 min"),
        (7169, "119 min"),
        (7200, "2 h 0 min"),
        (9000, "2 h 30 min"),
        (90_000, "25 h 0 min"),
    ],
)
def test_a_duration_is_told_in_its_largest_units(seconds, words, tmp_path):
    html = written(run(tmp_path, clock=[{"step": 1, "seconds": seconds}]))
    assert f"<p>{words} of training.</p>" in html


def test_the_record_has_every_setting_once_and_the_command(tmp_path):
    more = {"found": "899 images", "seeds": 3, "mine": {"a": [1, 2]}}
    html = written(run(tmp_path, **more))
    record = html.split("<h2>Record</h2>")[1]
    tables = re.findall(r"<h3>(.*?)</h3>\n<table.*?>(.*?)</table>", record, re.S)
    found = {
        title: re.findall(r'<th scope="row">(.*?)</th><td>(.*?)</td>', rows)
        for title, rows in tables
    }
    note = "&lt;script&gt;alert(1)&lt;/script&gt;"
    assert found == {
        "Arguments": [("run.steps", "400"), ("run.seed", "0"), ("note", note)],
        "Data": [
            ("found", "899 images"),
            ("where", "digits"),
            ("size", "8"),
            ("classes", "0, 1"),
        ],
        "Versions": [("jax", "0.0.1")],
        "Machine and run": [("device", "cpu x1"), ("seeds", "3"), ("mine.a", "1, 2")],
    }
    assert "<h3>Resume</h3>" in record


def test_what_a_manifest_lacks_or_has_of_another_kind_is_left_out(tmp_path):
    odd = {"experiment": "e", "args": 3, "data": [], "versions": None}
    (tmp_path / "run.json").write_text(json.dumps(odd))
    record = written(tmp_path).split("<h2>Record</h2>")[1]
    assert re.findall(r"<h3>(.*?)</h3>", record) == ["Machine and run"]
    assert "<td>unknown</td>" in record and "Resume" not in record
