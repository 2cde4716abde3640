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
        step: the step at which the clock was read last.
        mark: the process's clock when the time began that is not in `seconds`; None at the
            first reading, before which the program was compiled.
    """

    seconds: float = 0.0
    step: int = 0
    mark: float | None = None


class Budget(NamedTuple):
    """What `gx.train` gets to end a run in time."""

    hooks: list[Every]
    writers: list[Writer]


def budget(folder: Path, minutes: float, every: int, pace: float) -> Budget:
    """Returns hooks and writers that count a run's processor time, and end it.

    The run must make its pictures and saves at steps at which it is scored, as the time
    between the reading of the clock and the end of the scores is left out.

    Args:
        folder: the folder of the run.
        minutes: the time after which it ends, of all its processes together.
        every: the steps between readings of the clock. The budget is exceeded by up to as
            many steps.
        pace: steps in a second. The steps before the first reading are counted at this
            pace, as the time of compilation is not to be told from theirs.
    """
    used = Used()

    def read(step: int, state: PyTree, row: Row) -> dict[str, float]:
        now = time.process_time()
        if used.mark is None:
            # Rows after the save from which the run goes on have been removed.
            rows = [x for x in metrics.read(folder / metrics.METRICS) if MINUTES in x]
            if rows:
                used.step, used.seconds = rows[-1]["step"], 60 * rows[-1][MINUTES]
            used.seconds += (step - used.step) / pace
        else:
            used.seconds += now - used.mark
        used.step, used.mark = step, now
        return {MINUTES: used.seconds / 60}

    def end(step: int, state: PyTree, row: Row) -> None:
        if used.seconds >= 60 * minutes:
            raise gx.StopTraining(f"its {minutes:g} minutes of processor time are used")

    def leave_out_scores(event: str, step: int, row: Row, /) -> None:
        if event == metrics.SCORES:
            used.mark = time.process_time()

    hooks = [gx.every(every, read), gx.every(every, end)]
    return Budget(hooks, [leave_out_scores])
