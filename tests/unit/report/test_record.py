"""What a report reads from the folder of a run, whatever has become of its files."""

import json

import numpy as np
import pytest
from PIL import Image

from ganjax.evaluation import Direction
from ganjax.modalities.pictures import ANIMATION
from ganjax.report.record import STILLS, read_record, step_in_words


def run(folder, **files):
    """The folder of a run: its manifest, and lines of the files that are named."""
    (folder / "run.json").write_text(json.dumps({"experiment": "e"}))
    for name, rows in files.items():
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(lines)
    return folder


def picture(path, shade=0):
    path.parent.mkdir(exist_ok=True)
    Image.new("L", (4, 4), shade).save(path)
    return path


def row(step, event="training", **values):
    return {"step": step, "event": event, **values}


def test_a_folder_of_a_manifest_alone_is_read(tmp_path):
    record = read_record(run(tmp_path))
    assert record.manifest == {"experiment": "e"} and record.status == {}
    parts = (record.training, record.scores, record.metrics, record.real_scores)
    assert parts == ({}, {}, {}, {}) and record.clock == {}
    assert (record.reference, record.headline) == ("", "")
    assert (record.samples, record.real, record.animation) == ([], [], [])


def test_rows_are_curves_of_their_event_with_steps_of_their_own(tmp_path):
    rows = [
        row(20, a=2.0),
        row(10, a=1.0, b=5),
        row(10, "scores", a=7.0),
        row(30, "scores", a=8.0, c=[1.0, 2.0]),
        row(40, "others", a=0.0),
    ]
    record = read_record(run(tmp_path, metrics=rows, clock=[{"step": 10, "t": 3}]))
    assert record.training.keys() == {"a", "b"} and record.scores.keys() == {"a", "c"}
    for curves, name, step, value in (
        (record.training, "a", [10, 20], [1, 2]),
        (record.training, "b", [10], [5]),
        (record.scores, "a", [10, 30], [7, 8]),
        (record.scores, "c", [30], [[1, 2]]),
        (record.clock, "t", [10], [3]),
    ):
        np.testing.assert_array_equal(curves[name].step, step)
        np.testing.assert_array_equal(curves[name].value, value)
        assert curves[name].step.dtype == curves[name].value.dtype == np.float64


def test_what_is_no_number_or_beyond_all_measure_is_no_value(tmp_path):
    odd = row(1, flag=True, word="x", some=[], mixed=[1.0, "x"], none=None, d={"e": 1})
    rows = [odd, row(1, a=1e301), row(2, a=-1e301), row(3, a=1e299)]
    training = read_record(run(tmp_path, metrics=rows)).training
    assert training.keys() == {"a"}
    np.testing.assert_array_equal(training["a"].value, [np.nan, np.nan, 1e299])


def test_rows_of_unequally_many_seeds_are_filled_up(tmp_path):
    rows = [row(2, a=[1.0]), row(1, a=[2.0, 3.0, 4.0]), row(3, a=5.0)]
    value = read_record(run(tmp_path, metrics=rows)).training["a"].value
    nan = np.nan
    np.testing.assert_array_equal(value, [[2, 3, 4], [1, nan, nan], [5, nan, nan]])


def test_scores_mean_what_the_evaluation_says(tmp_path):
    told = {
        "reference": "held-out images",
        "headline": "b",
        "metrics": {
            "a": {"direction": "higher", "aim": "high", "meaning": "m", "real": 2},
            "b": {"direction": "lower", "real": 1e301},
            "c": {"real": None},
            "d": {"real": True},
            "e": 5,
        },
    }
    (run(tmp_path) / "evaluation.json").write_text(json.dumps(told))
    record = read_record(tmp_path)
    assert record.reference == "held-out images" and record.headline == "b"
    assert record.real_scores == {"a": 2.0} and [*record.metrics] == [*"abcd"]
    metric = record.metrics["a"]
    assert metric == ("a", Direction.HIGHER, "high", "m")
    assert record.metrics["b"].direction is Direction.LOWER
    assert record.metrics["c"].direction is Direction.NEITHER


def test_pictures_come_in_the_order_of_their_steps_and_the_last_is_a_whole_one(
    tmp_path,
):
    run(tmp_path)
    steps = [9, 10, 100, 2000]
    paths = [picture(tmp_path / "samples" / f"seed0_{step}.png") for step in steps]
    picture(tmp_path / "samples" / "mine.png")
    (tmp_path / "samples" / "seed0_3000.png").write_bytes(b"half")
    (tmp_path / "samples" / "seed0_50.png").write_bytes(b"half")
    assert read_record(tmp_path).samples == paths
    assert [*map(step_in_words, paths[2:])] == ["step 100", "step 2,000"]


def test_of_many_pictures_a_few_are_picked_with_the_first_and_the_last(tmp_path):
    run(tmp_path)
    count = 4 * STILLS + 1
    paths = [picture(tmp_path / "samples" / f"{i:03}.png") for i in range(count)]
    assert read_record(tmp_path).samples == paths[::4]


@pytest.mark.parametrize("name", ["real.png", ANIMATION])
def test_a_picture_that_is_damaged_is_not_there(name, tmp_path):
    path = picture(run(tmp_path) / name)
    record = read_record(tmp_path)
    shown = {"real.png": record.real, ANIMATION: record.animation}
    assert shown.pop(name) == [path] and [*shown.values()] == [[]]
    path.write_bytes(path.read_bytes()[:40])
    record = read_record(tmp_path)
    assert record.real == record.animation == []


@pytest.mark.parametrize(
    ("state", "wanted"),
    [("running", "killed"), ("finished", "finished"), ("stopped", "stopped")],
)
def test_a_run_that_was_running_and_is_not_has_been_killed(state, wanted, tmp_path):
    status = {"state": state, "step": 7}
    (run(tmp_path) / "status.json").write_text(json.dumps(status))
    assert read_record(tmp_path).status == {"state": wanted, "step": 7}
