"""TensorBoard's event files, where the extra is installed."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ganjax.run import logs


FLUSH_SECONDS = 10


@contextmanager
def events(folder: Path) -> Iterator[Callable[[int, Mapping[str, Any]], None]]:
    """Gives a function (step, row) that adds a row to the events; else one that does not.

    They are written anew from the metrics first, so that a run that was resumed has each
    step once. Under several seeds the mean is drawn.
    """
    try:
        from tensorboardX import SummaryWriter
    except ImportError:
        yield lambda step, row: None
        return
    shutil.rmtree(folder / "tensorboard", ignore_errors=True)
    writer = SummaryWriter(str(folder / "tensorboard"), flush_secs=FLUSH_SECONDS)

    def event(step, row):
        for name, value in row.items():
            writer.add_scalar(name, float(np.mean(value)), step)

    try:
        for row in logs.rows(folder / logs.METRICS):
            event(row.pop("step"), row)
        yield event
    finally:
        writer.close()
