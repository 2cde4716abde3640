"""Writers, which get every row of a run's metrics, and one for experiment trackers.

The metrics themselves are always in `metrics.jsonl` of the run's folder (`store.metrics`),
and in TensorBoard's files if `tensorboardX` is installed (`run.tensorboard`). Writers send
them elsewhere as well.
"""

from types import ModuleType
from typing import Any, Protocol, runtime_checkable

import numpy as np

from ganjax.loop import Row


END = "end"  # the event after which no row follows


@runtime_checkable
class Writer(Protocol):
    """A function that gets every row of the metrics, in the first process of a run."""

    def __call__(self, event: str, step: int, row: Row, /) -> None:
        """Writes a row.

        Args:
            event: "training", "scores" or "hook"; once, "end" with an empty row, when the
                run ends or is stopped.
            step: the number of steps done.
            row: numbers by name; of a population, one number for each seed.
        """
        ...


def tracker(module: ModuleType | Any, **settings: Any) -> Writer:
    """Returns a writer for Weights & Biases, or for trackio, which has the same interface.

    Of several seeds the mean is sent. A run that is resumed is a new one for the tracker,
    unless `settings` say otherwise, such as `id="first", resume="allow"`.

    Args:
        module: `wandb`, `trackio`, or any object with three functions: `init(**settings)`
            begins a run, `log(numbers, step=...)` gets a dict of floats by name, and
            `finish()` ends the run.
        settings: the arguments of its `init`, such as `project`.

    Example:
        >>> import wandb
        >>> ganjax.train(game, "digits", run, writers=[ganjax.tracker(wandb, project="x")])
    """
    is_open = False

    def write(event: str, step: int, row: Row, /) -> None:
        nonlocal is_open
        if event == END:
            if is_open:
                module.finish()
            is_open = False
            return
        # It is opened at the first row, when nothing can refuse the run any more.
        if not is_open:
            module.init(**settings)
            is_open = True
        module.log({name: float(np.mean(x)) for name, x in row.items()}, step=step)

    return write
