"""TensorBoard's event files, where the extra is installed."""

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from ganjax.run import logs
from ganjax.run.terminal import say


FLUSH_SECONDS = 10


@contextmanager
def events(folder: Path) -> Iterator[Callable[[int, Mapping[str, Any]], None]]:
    """Gives a function (step, row) that adds a row to the events; else one that does not.

    They are written anew from the metrics first, so that a run that was resumed has each
    step once. Under several seeds the mean is drawn.
    """
    try:
        from tensorboardX.event_file_writer import EventsWriter
        from tensorboardX.proto.event_pb2 import Event  # pyright: ignore
        from tensorboardX.summary import scalar
    except ImportError:
        yield lambda step, row: None
        return
    where = folder / "tensorboard"
    shutil.rmtree(where, ignore_errors=True)
    where.mkdir()
    # Not a SummaryWriter: its thread dies of a full disk, and the training then waits for
    # it for ever.
    writer = EventsWriter(str(where / "events"))
    last = time.monotonic()

    def event(step, row):
        nonlocal writer, last
        if writer is None:
            return
        try:
            for name, value in row.items():
                summary = scalar(name, float(np.mean(value)))
                one = Event(wall_time=time.time(), step=step, summary=summary)
                writer.write_event(one)
            if time.monotonic() - last > FLUSH_SECONDS:
                writer.flush()
                last = time.monotonic()
        except OSError as error:
            say(f"{where} is written no further ({error.strerror}).")
            writer = None

    for row in logs.rows(folder / logs.METRICS):
        event(row.pop("step"), row)
    try:
        yield event
    finally:
        if writer is not None:
            with suppress(OSError):
                writer.close()
