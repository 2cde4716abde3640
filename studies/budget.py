"""Runs that end when they have used up a budget of processor time.

Processor time is what all threads of a process spend, as `time.process_time` counts it. On
a machine that does other things as well, a run takes longer and is trained as far.

Of a run it is the time of training alone: not of start-up, compilation and scoring. What
has been used is recorded in the run's metrics as "minutes". So it is known to a run that
is resumed, and it is that of the save from which it goes on.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import ganjax as gx
from ganjax.core import PyTree
from ganjax.loop import Every, Row
from ganjax.run.writers import Writer
from ganjax.store import metrics


MINUTES = "minutes"  # the name in the metrics


@dataclass
class Used:
    """The time that a run has used.

    Attributes:
        seconds: the time until `step`, also that of processes before this one.
        step: the step at which the clock was read last; 0 before the first reading.
        mark: the process's clock at that reading; None if something else than training
            took time since then.
        pace: the steps in a second, when they were last measured.
        is_read: whether the clock has been read in this process.
    """

    pace: float
    seconds: float = 0.0
    step: int = 0
    mark: float | None = None
    is_read: bool = False


class Budget(NamedTuple):
    """What `gx.train` gets to end a run in time."""

    hooks: list[Every]
    writers: list[Writer]


def budget(folder: Path, minutes: float, every: int, pace: float) -> Budget:
    """Returns hooks and writers that count a run's processor time, and end it.

    Where other things than training took time, its own is not to be told from theirs, and
    is that of as many steps at the pace measured before: for the steps until the first
    reading of the clock, in which the program is compiled, and for those after scores.

    Args:
        folder: the folder of the run.
        minutes: the time after which it ends, of all its processes together.
        every: the steps between readings of the clock. The budget is exceeded by up to as
            many steps.
        pace: steps in a second, until they are measured here.
    """
    used = Used(pace)

    def read(step: int, state: PyTree, row: Row) -> dict[str, float]:
        now = time.process_time()
        if not used.is_read:
            # Rows after the save from which the run goes on have been removed.
            rows = [x for x in metrics.read(folder / metrics.METRICS) if MINUTES in x]
            if rows:
                used.step, used.seconds = rows[-1]["step"], 60 * rows[-1][MINUTES]
            used.is_read = True
        steps = step - used.step
        if used.mark is None:
            used.seconds += steps / used.pace
        else:
            used.seconds += now - used.mark
            used.pace = steps / (now - used.mark)
        used.step, used.mark = step, now
        return {MINUTES: used.seconds / 60}

    def end(step: int, state: PyTree, row: Row) -> None:
        if used.seconds >= 60 * minutes:
            raise gx.StopTraining(f"its {minutes:g} minutes of processor time are used")

    def leave_out_scores(event: str, step: int, row: Row, /) -> None:
        if event == metrics.SCORES:
            used.mark = None

    hooks = [gx.every(every, read), gx.every(every, end)]
    return Budget(hooks, [leave_out_scores])
