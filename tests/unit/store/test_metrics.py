"""Rows of numbers: one line each, in order, whatever else is in the file."""

import json
import os

import jax.numpy as jnp
import numpy as np

from ganjax.store import metrics


def test_a_row_is_a_line_with_its_step_first_and_numbers_as_they_are(tmp_path):
    path = tmp_path / "metrics.jsonl"
    metrics.append(path, 3, {"event": "training", "d/loss": jnp.float32(0.5)})
    seeds = np.float64([0.1, 2.0])
    metrics.append(path, 12, {"event": "scores", "fid": seeds, "n": np.int32(7)})
    assert path.read_text() == (
        '{"step": 3, "event": "training", "d/loss": 0.5}\n'
        '{"step": 12, "event": "scores", "fid": [0.1, 2.0], "n": 7}\n'
    )
    first, second = metrics.read(path)
    assert second == {"step": 12, "event": "scores", "fid": [0.1, 2.0], "n": 7}
    assert metrics.values(first) == {"d/loss": 0.5}
    assert metrics.values(second) == {"fid": [0.1, 2.0], "n": 7}


def test_events_and_files_keep_their_names():
    """Files of earlier versions are read by them."""
    assert (metrics.TRAINING, metrics.SCORES) == ("training", "scores")
    assert (metrics.METRICS, metrics.CLOCK) == ("metrics.jsonl", "clock.jsonl")


def test_lines_that_are_no_rows_are_passed_over(tmp_path):
    path = tmp_path / "metrics.jsonl"
    assert metrics.read(path) == []
    rows = [{"step": 1, "name": "é"}, {"step": 0}, {"step": 2, "x": float("nan")}]
    good = [json.dumps(row, ensure_ascii=False).encode() for row in rows]
    other = [b"\xff\xfe", b"[1]", b"7", b'{"a": 1}', b'{"step": "2"}', b"[" * 10**5]
    cut = [b'{"step": 3, "lo']
    path.write_bytes(b"\n".join([good[0], *other, good[1], b"", good[2], *cut]))
    found = metrics.read(path)
    assert found[:2] == rows[:2] and np.isnan(found[2]["x"]) and len(found) == 3


def test_rows_after_a_step_are_removed_and_the_others_stay(tmp_path):
    path = tmp_path / "metrics.jsonl"
    metrics.truncate(path, 4)
    metrics.sync(path)
    assert not path.exists()
    for step in (2, 4, 4, 5, 3):
        metrics.append(path, step, {"x": step / 2})
    with path.open("a") as file:
        file.write('{"step": 4, "x"')
    metrics.truncate(path, 4)
    assert [json.loads(line) for line in path.read_text().splitlines()] == [
        {"step": step, "x": step / 2} for step in (2, 4, 4, 3)
    ]
    metrics.append(path, 5, {"x": 0})
    assert metrics.read(path)[-1] == {"step": 5, "x": 0}


def test_rows_are_flushed_to_the_disk_when_asked(tmp_path, monkeypatch):
    path, flushed = tmp_path / "clock.jsonl", []
    metrics.append(path, 1, {})
    monkeypatch.setattr(os, "fsync", lambda number: flushed.append(os.fstat(number)))
    metrics.sync(path)
    assert [each.st_ino for each in flushed] == [path.stat().st_ino]
