"""TensorBoard's event files, if `tensorboardX` is installed."""

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from ganjax.run.terminal import say
from ganjax.store import metrics


FLUSH_SECONDS = 10


@contextmanager
def event_writer(
    folder: Path,
) -> Iterator[Callable[[int, Mapping[str, Any]], None]]:
    """Yields a function (step, row) that writes a row of the metrics as events.

    The events so far are written anew from the metrics, so that a run that was resumed
    has each step once. Of several seeds the mean is written. Without `tensorboardX` the
    function does nothing. If it fails to write, as on a full disk, it prints that once and
    does nothing from then on.

    Args:
        folder: the folder of the run; the events are in its folder `tensorboard`.
    """
    try:
        from tensorboardX.event_file_writer import EventsWriter
        from tensorboardX.proto.event_pb2 import Event  # pyright: ignore
        from tensorboardX.summary import scalar
    except ImportError:
        yield lambda step, row: None
        return
    events = folder / "tensorboard"
    shutil.rmtree(events, ignore_errors=True)
    events.mkdir()
    # Not a SummaryWriter: its thread ends with an error at a full disk, and training then
    # waits for it forever.
    writer = EventsWriter(str(events / "events"))
    last = time.monotonic()

    def write_event(step, row):
        nonlocal writer, last
        if writer is None:
            return
        try:
            for name, value in row.items():
                summary = scalar(name, float(np.mean(value)))
                event = Event(wall_time=time.time(), step=step, summary=summary)
                writer.write_event(event)
            if time.monotonic() - last > FLUSH_SECONDS:
                writer.flush()
                last = time.monotonic()
        except OSError as error:
            say(f"{events} is written no further ({error.strerror}).")
            writer = None

    # The rows up to the step at which the run is resumed; later ones have been removed.
    for row in metrics.read(folder / metrics.METRICS):
        write_event(row["step"], metrics.values(row))
    try:
        yield write_event
    finally:
        if writer is not None:
            with suppress(OSError):
                writer.close()
