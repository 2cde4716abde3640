"""TensorBoard's event files, where the extra is installed."""

from collections.abc import Callable
from pathlib import Path

from ganjax.loop import Row


def events(folder: Path) -> Callable[[int, Row], None]:
    """Gives a function (step, row) that adds a row to the events; else one that does not.

    Under several seeds the mean is drawn.
    """
    try:
        from tensorboardX import SummaryWriter
    except ImportError:
        return lambda step, row: None
    writer = SummaryWriter(str(folder / "tensorboard"))

    def event(step, row):
        for name, value in row.items():
            writer.add_scalar(name, float(value.mean()), step)
        writer.flush()

    return event
