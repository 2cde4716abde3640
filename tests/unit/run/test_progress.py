"""The live line: what it says of the speed."""

import json

import numpy as np

from ganjax.run.progress import progress


def test_the_speed_is_of_what_was_played_since_the_run_was_resumed(tmp_path):
    with progress(tmp_path, done=100, steps=104, images=32, log_every=2) as show:
        for step in (101, 102, 103, 104):
            show(step, {"d/loss": np.asarray(1.0), "g/loss": np.asarray(2.0)})
    lines = (tmp_path / "clock.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    assert [row["step"] for row in rows] == [102, 104]
    for row in rows:
        shown = 32 * (row["step"] - 100)
        np.testing.assert_allclose(row["images_per_second"] * row["seconds"], shown)
