"""The live line: what it says of the speed."""

import io
import json
import sys

import numpy as np
import pytest

from ganjax.run import progress as module
from ganjax.run.progress import progress


def test_the_speed_is_of_what_was_played_since_the_run_was_resumed(tmp_path):
    with progress(
        tmp_path, done=100, steps=104, count=32, unit="images", log_every=2
    ) as show:
        for step in (101, 102, 103, 104):
            show(step, {"d/loss": np.asarray(1.0), "g/loss": np.asarray(2.0)})
    lines = (tmp_path / "clock.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    assert [row["step"] for row in rows] == [102, 104]
    for row in rows:
        shown = 32 * (row["step"] - 100)
        np.testing.assert_allclose(row["images_per_second"] * row["seconds"], shown)


class Bar:
    """In place of the bar of tqdm."""

    def __init__(self, **options):
        self.options, self.n, self.shown = options, options["initial"], []

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.shown.append("closed")

    def set_postfix(self, values, refresh):
        assert not refresh
        self.shown.append(values)

    def update(self, count):
        self.n += count


@pytest.mark.parametrize("terminal", [True, False])
def test_the_bar_goes_from_the_step_of_the_save_to_the_last_and_shows_losses(
    terminal, tmp_path, monkeypatch
):
    bars = []
    monkeypatch.setattr(
        module, "tqdm", lambda **more: bars.append(Bar(**more)) or bars[0]
    )
    stream = io.StringIO()
    stream.isatty = lambda: terminal
    monkeypatch.setattr(sys, "stderr", stream)
    with progress(
        tmp_path, done=4, steps=9, count=32, unit="rows", log_every=4
    ) as show:
        row = {"d/loss": np.asarray([1.0, 2.0]), "d/r1": np.asarray(3.0)}
        for step in (5, 7, 9):
            show(step, row)
            assert bars[0].n == step
    (bar,) = bars
    options, seconds = bar.options, (0.2, 1.0) if terminal else (30.0, 30.0)
    assert (options["total"], options["initial"]) == (9, 4)
    assert (options["mininterval"], options["maxinterval"]) == seconds
    options["file"].write("x")
    assert stream.getvalue() == "x"
    *shown, last = bar.shown
    assert last == "closed" and len(shown) == 3
    for values in shown:
        assert values["d/loss"] == "1.500" and set(values) == {"d/loss", "rows/s"}
    rows = (tmp_path / "clock.jsonl").read_text().splitlines()
    assert [json.loads(row)["step"] for row in rows] == [9], "the last step is a row"
    speed = json.loads(rows[0])["rows_per_second"]
    assert shown[-1]["rows/s"] == f"{speed:,.0f}"
