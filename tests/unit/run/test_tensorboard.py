"""The events of a run, with a writer that only tells what it is given."""

import numpy as np
import pytest
from tensorboardX import event_file_writer

from ganjax.run import tensorboard
from ganjax.store import metrics


class Writer:
    """In place of TensorBoard's writer of a file."""

    def __init__(self, path):
        self.path, self.events, self.done = path, [], []
        self.error = None
        written.append(self)

    def write_event(self, event):
        if self.error:
            raise self.error
        (value,) = event.summary.value
        self.events.append((event.step, value.tag, value.simple_value))

    def flush(self):
        self.done.append("flush")

    def close(self):
        self.done.append("close")


written: list[Writer] = []


@pytest.fixture(autouse=True)
def writer(monkeypatch):
    written.clear()
    monkeypatch.setattr(event_file_writer, "EventsWriter", Writer)


def test_events_are_written_anew_from_the_rows_and_then_go_on(tmp_path):
    (tmp_path / "tensorboard").mkdir()
    (tmp_path / "tensorboard" / "old").write_text("")
    for step in (2, 4):
        row = {"event": "training", "x": np.asarray([step, step + 3.0])}
        metrics.append(tmp_path / metrics.METRICS, step, row)
    with tensorboard.event_writer(tmp_path) as write:
        (writer,) = written
        assert writer.events == [(2, "x", 3.5), (4, "x", 5.5)], "the mean of the seeds"
        write(6, {"x": np.float32(1.0), "y": 2})
        assert writer.events[2:] == [(6, "x", 1.0), (6, "y", 2.0)]
        assert writer.done == []
    assert writer.done == ["close"]
    assert writer.path == str(tmp_path / "tensorboard" / "events")
    assert not (tmp_path / "tensorboard" / "old").exists()


def test_events_are_on_the_disk_some_seconds_after_they_are_written(
    tmp_path, monkeypatch
):
    now = [100.0]
    monkeypatch.setattr(tensorboard.time, "monotonic", lambda: now[0])
    with tensorboard.event_writer(tmp_path) as write:
        (writer,) = written
        for seconds, flushed in ((9, 0), (11, 1), (20, 1), (22, 2)):
            now[0] = 100.0 + seconds
            write(1, {"x": 1.0})
            assert len(writer.done) == flushed


def test_a_full_disk_is_told_once_and_ends_no_run(tmp_path, capsys):
    with tensorboard.event_writer(tmp_path) as write:
        (writer,) = written
        writer.error = OSError(28, "No space left on device")
        for step in (2, 4):
            write(step, {"x": 1.0})
        writer.error = None
        write(6, {"x": 1.0})
    assert writer.events == [] and writer.done == []
    said = (
        f"{tmp_path / 'tensorboard'} is written no further (No space left on device)."
    )
    assert capsys.readouterr().out == f"{said}\n"
